"""Plugins by entry point: what is loaded, what is refused in words, and whose version counts."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, ClassVar

import pytest

from bench import registry
from bench.errors import ConfigError
from bench.registry import version_of
from downstream.vit import ViT, ViTPretrained
from methods.controls import RealOnly
from methods.diffmix import DiffMix, DiffMixB, DiffMixE
from methods.sdm import SDM
from metrics.encoders.random_convnet import RandomConvNet


def _registered(monkeypatch: pytest.MonkeyPatch, group: str, value: str) -> None:
    point = EntryPoint("mine", value, f"bench.{group}")
    monkeypatch.setattr(registry, "_points", lambda _: {"mine": point})


def test_ours_are_loaded() -> None:
    for group in registry.GROUPS:
        assert [registry.load(group, name) for name in registry.names(group)]


@pytest.mark.parametrize(
    ("group", "value", "base", "got"),
    [
        ("methods", "methods.patches:Tiles", "bench.contract.MethodBase", "methods.patches:Tiles, a class without it"),
        ("methods", "methods.patches:window_of", "bench.contract.MethodBase", "methods.patches:window_of, function"),
        ("downstream", "methods.sdm:SDM", "bench.contract.Downstream", "methods.sdm:SDM, a class without it"),
        ("encoders", "methods.sdm:SDM", "metrics.encoders.base.Encoder", "methods.sdm:SDM, a class without it"),
    ],
)
def test_a_plugin_derives_from_the_base_of_its_group(
    monkeypatch: pytest.MonkeyPatch, group: str, value: str, base: str, got: str
) -> None:
    _registered(monkeypatch, group, value)
    with pytest.raises(ConfigError) as caught:
        registry.load(group, "mine")
    assert f"'mine' does not derive from `{base}`" in caught.value.message
    assert caught.value.got == got
    assert "derive its class from that base" in caught.value.fix


def test_a_class_of_another_package_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "encoder_of_mine.py").write_text(
        "from metrics.encoders.random_convnet import RandomConvNet\nclass Mine(RandomConvNet):\n    version = 2\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    _registered(monkeypatch, "encoders", "encoder_of_mine:Mine")
    found = registry.load("encoders", "mine")
    assert issubclass(found, RandomConvNet)
    assert found.version == 2


def test_a_plugin_that_cannot_be_imported_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    _registered(monkeypatch, "methods", "no_such_package.here:Mine")
    with pytest.raises(ConfigError, match="no_such_package"):
        registry.load("methods", "mine")


def test_the_version_of_a_function_is_that_of_the_class_that_defines_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DiffMix, "version", 7)
    assert [version_of(cls, "fit") for cls in (SDM, DiffMix, DiffMixB, DiffMixE)] == [1, 1, 1, 1]
    assert [version_of(cls, "render") for cls in (SDM, DiffMix, DiffMixB, DiffMixE)] == [1, 7, 7, 7]
    monkeypatch.setattr(SDM, "version", 3)
    assert version_of(DiffMixB(DiffMixB.Config()), "fit") == 3
    assert version_of(DiffMix, "plan") == 7


def test_the_version_of_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ViTPretrained, "version", 2)
    assert (version_of(ViTPretrained, "fit"), version_of(ViTPretrained, "weights")) == (1, 2)
    assert version_of(ViT, "fit") == 1


def test_a_class_answers_for_what_it_takes_from_a_foreign_mixin() -> None:
    class Trains:
        def fit(self, *given: Any) -> None:
            """Train."""

    class Mixed(Trains, RealOnly):
        version: ClassVar[int] = 5

    class Further(Mixed):
        version: ClassVar[int] = 6

    assert version_of(Further, "fit") == 5
    assert version_of(Further, "plan") == 1
