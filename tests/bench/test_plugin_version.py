"""The versions of plugins in keys: a raised base raises what derives from it, an inherited function is the base's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import pytest

from bench.contract import MethodBase
from bench.plugin_version import version_of
from downstream.vit import ViT, ViTPretrained
from methods.diffmix import DiffMix, DiffMixB, DiffMixE
from methods.sdm import SDM


class Plain(MethodBase):
    """A method that says nothing but what it must."""

    def plan(self, *given: Any) -> Iterator[Any]:
        return iter(())

    def render(self, *given: Any) -> Iterator[Any]:
        return iter(())


def test_the_version_of_a_function_is_that_of_the_class_that_defines_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DiffMix, "version", 7)
    assert [version_of(cls, "fit") for cls in (SDM, DiffMix, DiffMixB, DiffMixE)] == [1, 1, 1, 1]
    assert [version_of(cls, "render") for cls in (SDM, DiffMix, DiffMixB, DiffMixE)] == [1, 7, 7, 7]
    monkeypatch.setattr(SDM, "version", 3)
    assert version_of(DiffMixB(DiffMixB.Config()), "fit") == 3
    assert version_of(DiffMix, "plan") == 9, "what raises SDM raises what derives from it"
    assert version_of(DiffMix) == 9


def test_the_version_of_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ViTPretrained, "version", 2)
    assert (version_of(ViTPretrained, "fit"), version_of(ViTPretrained, "weights")) == (1, 2)
    assert version_of(ViT, "fit") == 1


def test_a_class_answers_for_what_it_takes_from_a_foreign_mixin() -> None:
    class Trains:
        def fit(self, *given: Any) -> None:
            """Train."""

    class Mixed(Trains, Plain):
        version: ClassVar[int] = 5

    class Further(Mixed):
        version: ClassVar[int] = 6

    assert version_of(Further, "fit") == 5
    assert version_of(Further) == 10
    assert version_of(Further, "plan") == 1
