"""What methods and networks have without saying so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bench.contract import DatasetInfo, MethodBase, Part, Settings, TrainingMix
from bench.errors import JobError, SealError
from methods.controls import RealOnly
from methods.controls.baseline import RealOnlyConfig
from tests.toy import NucleiDataset


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
    assert method.first_stage == ""
    assert not method.draws_any_caption
    method.check()
    method.check_classes(["a"], [])


def test_a_method_that_trains_nothing_says_so() -> None:
    with pytest.raises(JobError, match="RealOnly trains nothing; got: the part 'unet'"):
        RealOnly(RealOnlyConfig()).fit(Part("unet", frozenset(), (), Settings()), {}, {}, None, None)  # type: ignore[arg-type]


def test_a_method_that_does_not_choose_says_so() -> None:
    method = Plain()
    for use in (method.candidates, lambda: method.choose(None, None, np.zeros(1), np.random.default_rng(0))):
        with pytest.raises(JobError, match="Plain does not choose from a pool"):
            use()


def test_a_method_that_decodes_no_latents_says_so() -> None:
    with pytest.raises(JobError, match="Plain decodes no latents"):
        Plain().reconstruct([], {}, None)  # type: ignore[arg-type]


def test_a_method_must_plan_and_render() -> None:
    with pytest.raises(TypeError, match="abstract"):
        MethodBase()  # type: ignore[abstract]


class Sealed(NucleiDataset):
    """Tiles that show test content."""

    @property
    def info(self) -> DatasetInfo:
        return replace(super().info, use="evaluation")


@pytest.mark.parametrize("role", ["real", "synthetic", "validation"])
def test_no_set_of_a_mix_may_be_sealed_for_evaluation(role: str) -> None:
    sets = {name: NucleiDataset(1, 16) for name in ("real", "synthetic", "validation")}
    TrainingMix(**sets, fraction=0.5)
    with pytest.raises(SealError, match="No network may be trained on this set"):
        TrainingMix(**sets | {role: Sealed(1, 16)}, fraction=0.5)
