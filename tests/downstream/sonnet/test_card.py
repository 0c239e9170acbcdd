"""The card: every preset is a valid configuration, of the size its preset promises."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from bench.config.files import folder, merge, read_yaml
from downstream.nuclei.family import Subject
from downstream.nuclei.settings import Phase
from downstream.sonnet.config import SonnetSettings
from downstream.sonnet.family import SonnetFamily
from downstream.tiles import window_count

CARD = read_yaml(folder() / "downstream" / "sonnet.yaml")


def settings(preset: str) -> SonnetSettings:
    return SonnetSettings.model_validate(merge({}, CARD["presets"][preset]))


def test_paper_is_the_default() -> None:
    assert settings("paper") == SonnetSettings()


@pytest.mark.parametrize(("preset", "low", "high"), [("tiny", 0.01, 0.1), ("smoke", 0.3, 1.3), ("small", 1.3, 5)])
def test_millions_of_parameters(preset: str, low: float, high: float) -> None:
    network = SonnetFamily(settings(preset), Subject(("a", "b", "c", "d"), (), 0.5), {}).build()
    assert low < sum(p.numel() for p in network.parameters()) / 1e6 < high


@pytest.mark.parametrize("preset", ["tiny", "smoke", "small"])
def test_patches_are_those_of_the_preset(preset: str) -> None:
    assert settings(preset).patch == read_yaml(folder() / "presets" / f"{preset}.yaml")["patch"]


def test_published_phases() -> None:
    """50, 25 and 25 of 100 epochs; the rate is 1e-5 from epoch 25 to 50 and in the self-guided phase."""
    config = settings("paper")
    epochs = [
        (round(100 * p.share), p.batch, p.freeze_encoder, config.learning_rate * p.rate, p.self_guided)
        for p in config.phases
    ]
    assert epochs == [
        (25, 8, True, 1e-4, False),
        (25, 8, True, pytest.approx(1e-5), False),
        (25, 4, False, 1e-4, False),
        (25, 4, False, pytest.approx(1e-5), True),
    ]
    assert (config.schedule, config.clip, config.optimizer) == ("constant", 1.0, "adam")
    assert config.loss.ord == 1


def test_the_published_extraction() -> None:
    family = SonnetFamily(settings("paper"), Subject(("a",), (), 0.25), {})
    assert family.sizes == (270, 76, 0)
    assert window_count(1000, 1000, *family.sizes[:2]) == 196
    rows, columns, _ = family.windows(1000, 1000)
    assert (len(rows.starts), len(columns.starts), rows.output) == (25, 25, 40)


@pytest.mark.parametrize(
    "changes",
    [
        {"patch": 256},
        {"network": "small", "patch": 40},
        {"network": "small", "patch": 64, "encoder_weights": Path("encoder.npz")},
        {"encoder_weights": Path("encoder.npz"), "pretrained": Path("weights.safetensors")},
        {"phases": (Phase(share=0.4, batch=1),)},
        {"step": 77},
    ],
)
def test_settings_that_do_not_fit_are_refused(changes: dict) -> None:
    with pytest.raises(ValidationError):
        SonnetSettings(**changes)
