"""Ratios of synthetic to real images as a factor: one set of the largest size, and a subset of it for each ratio."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from bench.config import Preset
from bench.contract import Settings
from bench.errors import ConfigError
from bench.plan.arms import Arm
from bench.plan.checks import Missing
from bench.registry import load


class Cumulative(Settings):
    """The choice of a part of a larger set, which contains the parts for all smaller ratios."""

    ratio: float

    @property
    def title(self) -> str:
        """Its name in tables: `1.5x`."""
        return f"{self.ratio:g}x"

    @property
    def chooses(self) -> bool:
        """Images are not chosen by their content."""
        return False


def largest_ratio(method: str | None, ratios: Sequence[float], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Return a method's overrides with the largest of a run's ratios, at which its set is drawn.

    Args:
        method: its name; None for a set that exists.
        ratios: the run's ratios; none leaves the overrides as they are.
        overrides: the settings that are changed by hand.

    Raises:
        ConfigError: the method has no ratio, or its ratio is also given as a setting.
    """
    if not ratios:
        return dict(overrides)
    if method is not None and "ratio" not in load("methods", method).Config.model_fields:
        raise ConfigError(
            "--ratios is given, but this method does not have a ratio",
            got=repr(method),
            fix="leave out --ratios; a method that chooses from a pool has a ratio for each rule: method.selection",
        )
    if "ratio" in overrides:
        fix = "leave out one of them"
        raise ConfigError(
            "The ratio is given twice, by --ratios and as a setting", got=f"method.ratio={overrides['ratio']}", fix=fix
        )
    return {**overrides, "ratio": max(ratios)}


def expand(arm: Arm, ratios: Sequence[float] = ()) -> list[Arm]:
    """Return one arm per ratio, or per selection of a method that chooses from a pool; otherwise the arm itself.

    Raises:
        ConfigError: ratios are given for a set that no network is trained on.
    """
    if ratios and arm.trained_ratio is None:
        got, fix = f"{arm.title}, a set of images of test masks", "leave out --ratios"
        raise ConfigError("--ratios is given for a set that no network is trained on", got=got, fix=fix)
    selections = [Cumulative(ratio=ratio) for ratio in sorted(ratios)] or arm.method.selections
    if not selections:
        return [arm]
    titles = [" ".join(filter(None, [arm.variant, selection.title])) for selection in selections]
    return [replace(arm, variant=title, selection=one) for title, one in zip(titles, selections, strict=True)]


def sizes(ratios: Sequence[float], n_real: int, limit: int | None) -> list[int]:
    """Return the number of synthetic patches at each ratio to `n_real` real ones, at most `limit`.

    >>> sizes([0.5, 1, 3], 40, 100)
    [20, 40, 100]
    """
    wanted = [round(ratio * n_real) for ratio in ratios]
    return wanted if limit is None else [min(n, limit) for n in wanted]


def capped(arms: Sequence[Arm], n_real: int, preset: Preset) -> Iterator[Missing]:
    """Yield what is missing if two ratios would have sets of the same size.

    Args:
        arms: the arms that a run is about.
        n_real: the number of real patches.
        preset: may limit the size of a set.
    """
    ratios = sorted(arm.selection.ratio for arm in arms if isinstance(arm.selection, Cumulative))
    ready = [arm.ready for arm in arms if arm.ready is not None]
    limit = preset.max_samples if not ready else len(ready[0])
    found, wanted = sizes(ratios, n_real, limit), sizes(ratios, n_real, None)
    if not ratios or (min(found) > 0 and len(set(found)) == len(found)):
        return
    each = ", ".join(f"{ratio:g}x: {n}" for ratio, n in zip(ratios, found, strict=True))
    if limit is None or wanted[-1] <= limit:
        fix = "give ratios that differ by at least one image"
    elif ready:
        fix = f"give ratios up to {limit / n_real:g}, as the set has {limit} images"
    else:
        fix = f"--set max_samples={wanted[-1]}, or ratios up to {limit / n_real:g}"
    yield Missing(f"The sets of some ratios would not differ, for {n_real} real patches", each, fix)
