"""What is told before any work starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.contract import Part, Settings, Weights
from bench.plan.checks import check_files, check_unseen, check_weights
from bench.plan.roles import asked_of
from downstream.vit import ViT, ViTConfig, ViTPretrained
from tests.toy_tissue import Painter, PainterConfig

NEEDED = Weights("weights of a toy", "toy.file", "an address", "1 MB", licence="of the author")


def test_weights_that_a_network_starts_from_are_asked_for() -> None:
    what = "downstream network 'vit-pretrained'"
    (missing,) = check_weights(what, ViTPretrained(ViTPretrained.Config()).weights(), "leave it out")
    assert "ImageNet weights" in missing.expected
    assert "'vit-pretrained'" in missing.expected
    assert "downstream.vit-pretrained.pretrained" in missing.fix
    assert "--weights" in missing.fix
    absent = ViT(ViTConfig(pretrained=Path("nowhere.safetensors"))).weights()
    assert "nowhere.safetensors" in next(iter(check_weights(what, absent, ""))).got


def test_networks_without_weights_or_with_theirs_miss_nothing(tmp_path: Path) -> None:
    assert list(check_weights("vit", ViT(ViTConfig()).weights(), "")) == []
    there = Weights("weights", "key", "an address", "1 MB", path=tmp_path)
    assert list(check_weights("mine", [there], "")) == []


def test_a_file_that_does_not_fit_is_not_found(tmp_path: Path) -> None:
    torn = Weights("weights", "key", "an address", "1 MB", path=tmp_path, reason="torn")
    assert [missing.got for missing in check_weights("mine", [torn], "")] == ["torn"]


def test_weights_of_a_method_are_asked_for_with_licence_and_setting() -> None:
    class Starting(Painter):
        def weights(self) -> tuple[Weights, ...]:
            return (NEEDED,)

    assert list(check_files("painter", Painter(PainterConfig()))) == []
    (missing,) = check_files("starting", Starting(PainterConfig()))
    assert missing.expected == "The method 'starting' needs weights of a toy (1 MB)"
    assert missing.fix == "get it from an address (licence of the author); set toy.file; or choose another method"


class Needing(Painter):
    roles = frozenset({"train", "test"})


class Wishing(Painter):
    optional_roles = frozenset({"test"})


class Fitting(Painter):
    def parts(self) -> list[Part]:
        return [Part("peek", frozenset({"train", "test"}), (), Settings())]


@pytest.mark.parametrize("dishonest", [Needing, Wishing, Fitting])
def test_no_method_may_ask_for_the_test_split(dishonest: type[Painter]) -> None:
    honest = {"painter": asked_of(Painter(PainterConfig()))}
    assert list(check_unseen(honest)) == []
    (missing,) = check_unseen({**honest, "cheat": asked_of(dishonest(PainterConfig()))})
    assert "'cheat' asks for the test split" in missing.expected
    assert "test" in missing.got
