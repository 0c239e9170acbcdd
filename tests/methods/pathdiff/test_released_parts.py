"""Released checkpoints as the parts of a run: what was trained and written under the original's names draws alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bench.errors import BenchError, ConfigError, DataError
from methods.latent.autoencoder import load_autoencoder
from methods.latent.conditional import load_control
from methods.latent.released import PREFIX as FIRST_STAGE
from methods.latent.released import translated
from methods.latent.released_text import CONTROL_PREFIX, original_names
from methods.latent.released_unet import PREFIX
from methods.pathdiff import PathDiffM, PathDiffT
from methods.pathdiff.config import PathDiffConfig
from methods.pathdiff.flags import CONTROL_FLAGS, ControlFlags
from methods.pathdiff.pipeline import load_unet
from tests import toy
from tests.methods.latent.original_autoencoder import OriginalAutoencoder
from tests.methods.pathdiff.settings import datasets, fit_all, tiny

# The size of the original first stage of the tests, whose names are known.
NETWORK = {"kind": "kl", "width": 8, "multipliers": [1, 2, 4], "blocks": 2, "groups": 4, "middle_attention": True}


def trained_settings() -> dict[str, Any]:
    values = tiny(patch_size=16).model_dump()
    values["autoencoder"]["network"] = NETWORK
    values["text_diffusion"]["network"]["multipliers"] = [1, 2]
    values["control"]["network"]["hint_channels"] = [8, 8, 8]
    return values


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return fit_all(PathDiffM(PathDiffConfig.model_validate(trained_settings())), tmp_path_factory.mktemp("trained"))


@pytest.fixture(scope="module")
def file(trained: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the trained parts as one file of the original code."""
    stage, unet = load_autoencoder(trained["autoencoder"]), load_unet(trained["text-diffusion"])
    own, held = stage.state_dict(), dict[str, torch.Tensor]()
    for name, tensor in OriginalAutoencoder().state_dict().items():
        held[FIRST_STAGE + name] = own[translated(name, 3)].reshape(tensor.shape)
    control = load_control(trained["control"], 4)
    for prefix, network in ((PREFIX, unet), (CONTROL_PREFIX, control)):
        held |= {prefix + name: network.state_dict()[ours] for ours, name in original_names(network).items()}
    held["scale_factor"] = torch.tensor(float(stage.config.scaling_factor))
    path = tmp_path_factory.mktemp("file") / "pathdiff.ckpt"
    torch.save({"state_dict": held}, path)
    return path


def released(file: Path, colours: dict[str, Any], **changed: Any) -> PathDiffConfig:
    values = trained_settings()
    for part in ("autoencoder", "text_diffusion", "control"):
        values[part]["released"] = file
    values["control"]["colours"] = colours
    return PathDiffConfig.model_validate(values | changed)


def colours(trained: dict[str, Path]) -> dict[str, Any]:
    return ControlFlags.model_validate_json((trained["control"] / CONTROL_FLAGS).read_text(encoding="utf-8")).colours


def test_images_are_those_of_the_trained_parts(trained: dict[str, Path], file: Path, tmp_path: Path) -> None:
    method, given = PathDiffM(released(file, colours(trained))), datasets()
    method.check()
    fitted = fit_all(method, tmp_path, given)
    conditions = list(method.plan(given, 4, np.random.default_rng(0)))
    own = np.stack(list(method.render(conditions, given, fitted, toy.Run())))
    first = PathDiffM(PathDiffConfig.model_validate(trained_settings()))
    theirs = np.stack(list(first.render(conditions, given, trained, toy.Run())))
    # released blocks round to half precision
    assert np.abs(own.astype(int) - theirs.astype(int)).max() <= 3
    assert own.std() > 0


def test_the_hash_and_not_the_path_is_in_the_key(trained: dict[str, Path], file: Path) -> None:
    for part in PathDiffM(released(file, colours(trained))).parts():
        if part.name != "caption-encoder":
            dumped = part.config.model_dump_json()
            assert "released_sha256" in dumped
            assert str(file) not in dumped
            assert not part.reads


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        (lambda values: values["text_diffusion"]["network"].update(width=16), DataError, "text-conditional denoiser"),
        (lambda values: values["control"]["network"].update(hint_channels=[8, 8, 16]), DataError, "control branch"),
        (lambda values: values["control"].update(colours={}), ConfigError, "colours of its classes"),
    ],
)
def test_files_that_do_not_fit_are_found_before_any_work(
    trained: dict[str, Path], file: Path, change: Any, error: type[BenchError], match: str
) -> None:
    values = released(file, colours(trained)).model_dump()
    for part in ("autoencoder", "text_diffusion", "control"):
        values[part]["released"] = file
    change(values)
    with pytest.raises(error, match=match):
        PathDiffM(PathDiffConfig.model_validate(values)).check()


def test_classes_and_colours_are_compared_before_any_work(trained: dict[str, Path], file: Path) -> None:
    known = colours(trained)
    PathDiffM(released(file, known)).check_classes(toy.CLASSES, ())
    with pytest.raises(DataError, match="other classes"):
        PathDiffM(released(file, known)).check_classes(("platelet",), ())
    PathDiffT(released(file, known)).check_classes(("platelet",), ())  # draws no masks
    with pytest.raises(ConfigError, match="Only classes of the dataset"):
        PathDiffM(tiny(control={"colours": {"platelet": [1, 2, 3]}})).check_classes(toy.CLASSES, ())
