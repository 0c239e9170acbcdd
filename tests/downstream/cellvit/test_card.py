"""The card: every preset is a valid configuration, of the size its preset promises; `paper` is what is published."""

import pytest

from bench.config.files import folder, merge, read_yaml
from downstream.cellvit import CellViTConfig
from downstream.cellvit.family import CellViTFamily
from downstream.nuclei.family import Subject

CARD = read_yaml(folder() / "downstream" / "cellvit.yaml")


def settings(preset: str) -> CellViTConfig:
    return CellViTConfig.model_validate(merge({}, CARD["presets"][preset]))


def test_paper_is_the_default() -> None:
    paper = settings("paper")
    assert paper == CellViTConfig()
    assert [round(130 * phase.share) for phase in paper.phases] == [25, 105]
    assert [phase.freeze_encoder for phase in paper.phases] == [True, False]
    assert {phase.batch for phase in paper.phases} == {16}


@pytest.mark.parametrize(("preset", "low", "high"), [("tiny", 0.01, 0.1), ("smoke", 0.3, 1.3), ("small", 1.3, 5)])
def test_millions_of_parameters(preset: str, low: float, high: float) -> None:
    network = CellViTFamily(settings(preset), Subject(("a", "b", "c", "d"), ("x", "y"), 0.5), {}).build()
    assert low < sum(p.numel() for p in network.parameters()) / 1e6 < high


@pytest.mark.parametrize("preset", ["tiny", "smoke", "small", "paper"])
def test_patches_are_those_of_the_preset(preset: str) -> None:
    assert settings(preset).patch == read_yaml(folder() / "presets" / f"{preset}.yaml")["patch"]
