"""The card: every preset is a valid configuration, of the size its preset promises."""

import pytest

from bench.config.files import folder, merge, read_yaml
from downstream.colour import ColourConfig
from downstream.vit import ViTConfig
from downstream.vit.build import build
from downstream.vit.config import ViTPretrainedConfig

CARD = read_yaml(folder() / "downstream" / "vit.yaml")


def settings(preset: str) -> ViTConfig:
    return ViTConfig.model_validate(merge({}, CARD["presets"][preset]))


def test_paper_is_the_default() -> None:
    assert settings("paper") == ViTConfig()


@pytest.mark.parametrize(("preset", "low", "high"), [("tiny", 0.01, 0.1), ("smoke", 0.3, 2), ("small", 20, 23)])
def test_millions_of_parameters(preset: str, low: float, high: float) -> None:
    network = build(settings(preset), 9)
    assert low < sum(p.numel() for p in network.parameters()) / 1e6 < high


@pytest.mark.parametrize("preset", ["tiny", "smoke", "small"])
def test_inputs_are_patches_of_the_preset(preset: str) -> None:
    assert settings(preset).size == read_yaml(folder() / "presets" / f"{preset}.yaml")["patch"]


def test_colour_histogram_has_one_configuration() -> None:
    card = read_yaml(folder() / "downstream" / "colour-histogram.yaml")
    assert all(ColourConfig.model_validate(values) == ColourConfig() for values in card["presets"].values())


@pytest.mark.parametrize("preset", ["tiny", "smoke", "small", "paper"])
def test_pretrained_row_names_networks_that_timm_has_weights_of(preset: str) -> None:
    from timm import list_pretrained

    values = read_yaml(folder() / "downstream" / "vit-pretrained.yaml")["presets"][preset]
    config = ViTPretrainedConfig.model_validate(values)
    assert list_pretrained(f"{config.network}.augreg*")
    assert config.normalisation == "half"  # what those weights were trained with
    assert config.pretrained is None
