"""The card: every preset is a valid configuration, of the size its preset promises."""

import pytest

from bench.config.files import folder, merge, read_yaml
from downstream.hovernet import HoVerNetConfig
from downstream.hovernet.family import HoVerNetFamily
from downstream.nuclei.family import Subject

CARD = read_yaml(folder() / "downstream" / "hovernet.yaml")


def settings(preset: str) -> HoVerNetConfig:
    return HoVerNetConfig.model_validate(merge({}, CARD["presets"][preset]))


def test_paper_is_the_default() -> None:
    assert settings("paper") == HoVerNetConfig()


@pytest.mark.parametrize(("preset", "low", "high"), [("tiny", 0.01, 0.1), ("smoke", 0.3, 1.3), ("small", 1.3, 5)])
def test_millions_of_parameters(preset: str, low: float, high: float) -> None:
    network = HoVerNetFamily(settings(preset), Subject(("a", "b", "c", "d"), (), 0.25), {}).build()
    assert low < sum(p.numel() for p in network.parameters()) / 1e6 < high


@pytest.mark.parametrize("preset", ["tiny", "smoke", "small", "paper"])
def test_patches_are_those_of_the_preset(preset: str) -> None:
    assert settings(preset).patch == read_yaml(folder() / "presets" / f"{preset}.yaml")["patch"]
