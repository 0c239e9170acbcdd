"""Ratios as a factor: which arms they make, and what is refused before any work."""

from __future__ import annotations

import pytest

from bench.config import load_preset
from bench.errors import ConfigError
from bench.plan.arms import Arm, make_arm
from bench.plan.checks import Missing
from bench.plan.ratios import capped, expand, largest_ratio
from tests import toy_tissue

TINY = load_preset("tiny")


def arms(*ratios: float) -> list[Arm]:
    return expand(make_arm("gradmix", TINY, {"ratio": max(ratios)}), ratios)


def missing(*ratios: float, n_real: int = 64, max_samples: int | None = None) -> list[Missing]:
    preset = TINY.model_copy(update={"max_samples": max_samples})
    return list(capped(arms(*ratios), n_real, preset))


def test_each_ratio_is_an_arm_of_the_same_method() -> None:
    made = arms(1.5, 1, 3)
    assert [arm.variant for arm in made] == ["1x", "1.5x", "3x"]
    assert [arm.ratio for arm in made] == [1.0, 1.5, 3.0]
    assert len({id(arm.method) for arm in made}) == 1
    assert made[0].settings["ratio"] == 3.0
    assert all(arm.selection is not None and not arm.selection.chooses for arm in made)


def test_a_method_without_ratios_or_selections_is_one_arm() -> None:
    arm = make_arm("gradmix", TINY)
    assert expand(arm) == [arm]


def test_the_set_is_drawn_at_the_largest_ratio() -> None:
    assert largest_ratio("gradmix", (1.0, 2.5), {"grid": 4}) == {"grid": 4, "ratio": 2.5}
    assert largest_ratio("gradmix", (), {"ratio": 0.5}) == {"ratio": 0.5}
    assert largest_ratio(None, (1.0,), {}) == {"ratio": 1.0}
    with pytest.raises(ConfigError, match="given twice"):
        largest_ratio("gradmix", (1.0, 2.0), {"ratio": 1.5})
    with pytest.raises(ConfigError, match="does not have a ratio") as refused:
        largest_ratio("histodiffusion", (1.0, 2.0), {})
    assert "method.selection" in refused.value.fix


def test_a_limit_that_makes_two_ratios_equal_is_missing_room() -> None:
    (found,) = missing(0.5, 1, 2, max_samples=64)
    assert found.got == "0.5x: 32, 1x: 64, 2x: 64"
    assert "max_samples=128" in found.fix
    assert not missing(0.5, 1, max_samples=64)
    assert not missing(0.5, 1, 2)


def test_ratios_must_differ_by_an_image() -> None:
    (found,) = missing(1.0, 1.001)
    assert "at least one image" in found.fix
    assert missing(0.001, 1.0)


def test_arms_without_ratios_need_no_room() -> None:
    painter = expand(Arm("painter", "", toy_tissue.Painter(toy_tissue.PainterConfig())))
    assert not list(capped(painter, 12, TINY))
