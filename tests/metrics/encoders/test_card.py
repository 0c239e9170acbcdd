"""Cards: the shipped ones are complete and cited, a user's own is refused in plain words."""

import numpy as np
import pytest
import yaml
from PIL import Image
from pydantic import ValidationError

from bench.errors import ConfigError
from bench.registry import names
from metrics.encoders.card import EncoderCard, read_card, shipped_card, shipped_names
from metrics.encoders.pixels import Preprocessing
from tests.metrics.encoders.models import images


def test_every_card_is_registered_and_complete():
    assert set(shipped_names()) <= set(names("encoders"))
    for name in shipped_names():
        card = shipped_card(name)
        assert card.name == name
        assert card.hub
        assert card.sources
        assert card.citation
        assert card.hub in " ".join(card.sources) or "github.com" in " ".join(card.sources)


CHANGES = [
    ({"colour": "blue"}, "colour"),
    ({"dimension": None}, "dimension"),
    ({"dimension": 0}, "dimension"),
    ({"licence": None}, "licence"),
    ({"sha256": "nonsense"}, "sha256"),
    ({"hub": "https://huggingface.co/a/b"}, "hub"),
    ({"files": []}, "files"),
    ({"pooling": "average"}, "pooling"),
    ({"network": {"library": "timm", "name": "hf-hub:a/b"}}, "network"),
    ({"network": {"library": "torch.hub", "name": "dinov2"}}, "network"),
    ({"network": {"library": "transformers", "name": "dinov2"}}, "pooling"),
    ({"network": {"library": "transformers", "name": "clip"}, "pooling": "cls"}, "pooling"),
]


@pytest.mark.parametrize(("change", "place"), CHANGES)
def test_wrong_cards_say_where(change, place, tmp_path):
    card = shipped_card("uni").model_dump(mode="json")
    (tmp_path / "card.yaml").write_text(yaml.safe_dump(card))
    assert read_card(tmp_path / "card.yaml").name == "uni"
    (tmp_path / "card.yaml").write_text(yaml.safe_dump(card | change))
    with pytest.raises(ConfigError) as caught:
        read_card(tmp_path / "card.yaml")
    assert place in caught.value.got


@pytest.mark.parametrize("text", ["", "- 1", "name: [", "\x00"])
def test_what_is_no_card(text, tmp_path):
    (tmp_path / "card.yaml").write_text(text)
    with pytest.raises(ConfigError, match=r"card\.yaml"):
        read_card(tmp_path / "card.yaml")


def test_numbers_that_yaml_takes_for_text_do_not_pass_unseen():
    # YAML 1.1 reads 1e-5 as text; the cards write 1.0e-5.
    for name in shipped_names():
        network = shipped_card(name).network
        options = network.trunk.options if network.library == "coca" else getattr(network, "options", {})
        assert all(isinstance(value, float) for key, value in options.items() if key == "init_values")
        assert {key for key, value in options.items() if isinstance(value, str)} <= {
            "mlp_layer",
            "act_layer",
            "global_pool",
        }


PIXELS = {"interpolation": "bicubic", "mean": (0.5, 0.4, 0.3), "std": (0.1, 0.2, 0.3)}


@pytest.mark.parametrize("shape", [(40, 61), (64, 64), (301, 223), (70, 65)])
@pytest.mark.parametrize("fit", ["shorter", "squash"])
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic", "lanczos"])
def test_preprocessing_equals_timm(shape, fit, interpolation):
    from timm.data import create_transform

    pixels = Preprocessing(**PIXELS | {"size": 48, "resize": 56, "fit": fit, "interpolation": interpolation})
    theirs = create_transform(
        (3, 48, 48),
        crop_pct=48 / 56,
        crop_mode="squash" if fit == "squash" else "center",
        interpolation=interpolation,
        mean=pixels.mean,
        std=pixels.std,
    )
    batch = images(2, *shape)
    expected = np.stack([theirs(Image.fromarray(image)).numpy() for image in batch])
    assert np.abs(pixels.prepare(batch).numpy() - expected).max() <= 1e-5


def test_half_pixels_of_the_crop():
    # 48 of 51: torchvision begins at 2, transformers at 1.
    image = np.repeat(np.arange(51, dtype=np.uint8)[:, None], 51, axis=1)[..., None].repeat(3, axis=2)
    first = {
        centre: Preprocessing(**PIXELS | {"size": 48, "resize": 51, "centre": centre}).crop(image)[0, 0, 0]
        for centre in ("even", "down")
    }
    assert first == {"even": 2, "down": 1}


def test_other_preprocessing_has_other_words():
    base = {"size": 48, "resize": 56}
    words = {
        Preprocessing(**PIXELS | base | change).describe()
        for change in (
            {},
            {"size": 40},
            {"resize": 57},
            {"fit": "squash"},
            {"centre": "down"},
            {"interpolation": "lanczos"},
            {"mean": (0, 0, 0)},
            {"std": (1, 1, 1)},
        )
    }
    assert len(words) == 8
    with pytest.raises(ValidationError, match="at least size"):
        Preprocessing(**PIXELS | {"size": 48, "resize": 40})


def test_other_recipes_have_other_words():
    card = shipped_card("virchow2").model_dump()
    words = {
        EncoderCard.model_validate(card | change).describe()
        for change in (
            {},
            {"pooling": "cls"},
            {"normalise": True},
            {"network": card["network"] | {"options": {"img_size": 224}}},
        )
    }
    assert len(words) == 4
