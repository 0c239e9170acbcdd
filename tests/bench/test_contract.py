"""What methods and networks have without saying so, and whose version counts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import pytest

from bench.contract import MethodBase, Part, Settings, version_of
from bench.errors import JobError
from downstream.vit import ViT, ViTPretrained
from methods.controls import RealOnly
from methods.controls.baseline import RealOnlyConfig
from methods.diffmix import DiffMix, DiffMixB, DiffMixE
from methods.sdm import SDM


class Plain(MethodBase):
    """A method that says nothing but what it must."""

    def plan(self, *given: Any) -> Iterator[Any]:
        return iter(())

    def render(self, *given: Any) -> Iterator[Any]:
        return iter(())


def test_every_capability_has_a_default() -> None:
    method = Plain()
    assert (method.version, method.chunk, method.draws_any_mask, method.roles) == (1, 32, False, {"train"})
    assert (tuple(method.selections), tuple(method.weights()), tuple(method.parts())) == ((), (), ())
    method.check()


def test_a_method_that_trains_nothing_says_so() -> None:
    with pytest.raises(JobError, match="RealOnly trains nothing; got: the part 'unet'"):
        RealOnly(RealOnlyConfig()).fit(Part("unet", frozenset(), (), Settings()), {}, {}, None, None)  # type: ignore[arg-type]


def test_a_method_that_does_not_choose_says_so() -> None:
    method = Plain()
    for use in (method.candidates, lambda: method.choose(None, None, np.zeros(1), np.random.default_rng(0))):
        with pytest.raises(JobError, match="Plain does not choose from a pool"):
            use()


def test_a_method_must_plan_and_render() -> None:
    with pytest.raises(TypeError, match="abstract"):
        MethodBase()  # type: ignore[abstract]


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

    class Mixed(Trains, Plain):
        version: ClassVar[int] = 5

    class Further(Mixed):
        version: ClassVar[int] = 6

    assert version_of(Further, "fit") == 5
    assert version_of(Further, "plan") == 1
