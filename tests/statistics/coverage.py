"""How often 95 % intervals hold the truth, and how often a board marks an arm that is no better: simulations.

`python -m tests.statistics.coverage docs/statistics.md` writes the table of that page; it takes about two minutes.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from pathlib import Path

import numpy as np

from metrics.folds import cross_validated, cross_validated_difference
from metrics.groups import MEAN
from metrics.jackknife import Jackknife
from metrics.ranks import rank_intervals
from metrics.uncertainty import Interval, arm_interval, holm, paired_difference
from tests.statistics.worlds import World, counts, means, qualities

GROUPS = (5, 7, 14, 30)
CORRELATIONS = (0.0, 0.1, 0.3)
UNIT = (0.0, 1.0)
N = 800
START, END = "<!-- simulation: start -->", "<!-- simulation: end -->"


@dataclass(frozen=True)
class Result:
    """The share of intervals that hold the truth (`covered`), and the share of replications that have one."""

    case: str
    groups: int
    correlation: float
    covered: float
    with_interval: float = 1.0


def arms(statistics: np.ndarray) -> list[list[Jackknife]]:
    """Return the arms of each replication, given statistics [n, arms, *seeds, groups, k]."""
    n, n_arms = statistics.shape[:2]
    seeds = statistics.shape[2:-2] or (1,)
    whole = Jackknife.of(statistics.reshape(-1, *statistics.shape[-2:]), np.arange(statistics.shape[-2]), MEAN)
    shape = (n, n_arms, *seeds)
    values, influences = whole.values.reshape(shape), whole.influences.reshape(*shape, -1)
    shares = whole.shares.reshape(*shape, -1)
    return [
        [Jackknife(values[i, a], influences[i, a], shares[i, a], whole.labels) for a in range(n_arms)] for i in range(n)
    ]


def covered(found: Iterable[Interval], truth: float) -> tuple[float, float]:
    """Return the share of intervals that hold the truth, and the share of replications that have an interval."""
    kept = list(found)
    there = [each for each in kept if not each.reason]
    return float(np.mean([each.low <= truth <= each.high for each in there])), len(there) / len(kept)


Statistics = Callable[[np.random.Generator, World, np.ndarray], np.ndarray]


def pooled(rng: np.random.Generator, world: World, quality: np.ndarray) -> np.ndarray:
    """Return the counts of a common class."""
    return counts(rng, world, quality, per_slide=60, imbalance=0.5)


def rare(rng: np.random.Generator, world: World, quality: np.ndarray) -> np.ndarray:
    """Return the counts of a rare class: few nuclei, most of them on few slides."""
    return counts(rng, world, quality, per_slide=8, imbalance=1.3)


SEEDS = World(seed=0.25, noise=0.2)
SETS = World(seed=0.15, generation=0.25, cell=0.1, noise=0.1)
VALUES: tuple[tuple[str, Statistics, World, tuple[int, ...]], ...] = (
    ("mean over images", means, World(), ()),
    ("pooled ratio", pooled, World(), ()),
    ("F of a rare class", rare, World(), ()),
    ("F of a rare class, F about .25", rare, World(mean=-1.2), ()),
    ("mean over images, 3 seeds", means, SEEDS, (3,)),
    ("F of a rare class, 3 seeds", rare, SEEDS, (3,)),
    ("mean over images, 3 x 3 seeds", means, SETS, (3, 3)),
)
DIFFERENCES: tuple[tuple[str, Statistics, World, tuple[int, ...]], ...] = (
    ("mean over images", means, World(), ()),
    ("pooled ratio", pooled, World(), ()),
    ("F of a rare class", rare, World(), ()),
    ("mean over images, 3 seeds", means, SEEDS, (3,)),
    ("F of a rare class, 3 seeds", rare, SEEDS, (3,)),
    ("mean over images, 5 seeds", means, SEEDS, (5,)),
    ("mean over images, 3 x 3 seeds and 3", means, SETS, (3, 3)),
    ("mean over images, 5 x 2 seeds and 5", means, SETS, (5, 2)),
)


def settings() -> Iterator[tuple[int, float]]:
    """Yield numbers of groups and correlations within slides."""
    for n_groups in GROUPS:
        for correlation in CORRELATIONS:
            yield n_groups, correlation


def values() -> Iterator[Result]:
    """Yield the coverage of values."""
    for place, (name, statistics, world, seeds) in enumerate(VALUES):
        for n_groups, correlation in settings():
            rng = np.random.default_rng([1, place, n_groups, round(10 * correlation)])
            here = replace(world, correlation=correlation)
            drawn = arms(statistics(rng, here, qualities(rng, here, N, n_groups, seeds)))
            found = (arm_interval(arm, bounds=UNIT) for (arm,) in drawn)
            yield Result(f"value: {name}", n_groups, correlation, *covered(found, here.truth))


def differences() -> Iterator[Result]:
    """Yield the coverage of differences between arms that are equally good."""
    for place, (name, statistics, world, seeds) in enumerate(DIFFERENCES):
        for n_groups, correlation in settings():
            rng = np.random.default_rng([2, place, n_groups, round(10 * correlation)])
            here = replace(world, correlation=correlation)
            drawn = arms(statistics(rng, here, qualities(rng, here, N, n_groups, seeds, 2)))
            found = (paired_difference(a, _baseline(b), bounds=UNIT) for a, b in drawn)
            yield Result(f"difference: {name}", n_groups, correlation, *covered(found, _gap(here, seeds)))


def _baseline(arm: Jackknife) -> Jackknife:
    """Return an arm that draws no set: one network for each training seed."""
    if arm.values.ndim == 1:
        return arm
    return Jackknife(arm.values[:, 0], arm.influences[:, 0], arm.shares[:, 0], arm.labels)


def _gap(world: World, seeds: tuple[int, ...]) -> float:
    """Return the difference of the truths: that of an arm which draws sets is nearer to the middle, as they vary."""
    return world.truth - replace(world, generation=0.0).truth if len(seeds) == 2 else 0.0


def folds() -> Iterator[Result]:
    """Yield the coverage of means over 5 folds whose training sets differ, on test slides of their own."""
    for n_groups, correlation in settings():
        rng = np.random.default_rng([3, n_groups, round(10 * correlation)])
        world = replace(SEEDS, correlation=correlation)
        per_fold: list[list[list[Jackknife]]] = [[], []]
        overlap = np.sqrt(0.2) * rng.standard_normal((N, 2, 1, 1))
        for k in range(5):
            training = 0.2 * (overlap + np.sqrt(0.8) * rng.standard_normal((N, 2, 1, 1)))
            drawn = arms(means(rng, world, training + qualities(rng, world, N, n_groups, (3,), 2)))
            for place, arm in enumerate(zip(*drawn, strict=True)):
                per_fold[place].append([replace(one, labels=one.labels + 1000 * k) for one in arm])
        both = [list(zip(*arm, strict=True)) for arm in per_fold]
        found = [cross_validated(one, bounds=UNIT) for one in both[0]]
        yield Result("value: mean over 5 folds", n_groups, correlation, *covered(found, replace(world, cell=0.2).truth))
        pairs = [cross_validated_difference(a, b, bounds=UNIT) for a, b in zip(*both, strict=True)]
        yield Result("difference: mean over 5 folds", n_groups, correlation, *covered(pairs, 0.0))


def boards() -> Iterator[Result]:
    """Yield how often a board of five arms and a baseline, all equally good, marks none, and holds every rank."""
    for name, world, seeds in (("1 seed", World(), ()), ("3 seeds", SEEDS, (3,))):
        for n_groups, correlation in settings():
            rng = np.random.default_rng([4, len(seeds), n_groups, round(10 * correlation)])
            here = replace(world, correlation=correlation)
            drawn = arms(means(rng, here, qualities(rng, here, N // 2, n_groups, seeds, 6)))
            tested = [_pairs(board) for board in drawn]
            quiet = [min(holm([p["0", str(arm)] for arm in range(1, 6)])) > 0.05 for p in tested]
            yield Result(f"board of 6 equal arms, {name}: no mark", n_groups, correlation, float(np.mean(quiet)))
            first = [_all_first(board, p) for board, p in zip(drawn, tested, strict=True)]
            about = f"board of 6 equal arms, {name}: every arm may be the first"
            yield Result(about, n_groups, correlation, float(np.mean(first)))


def _pairs(board: list[Jackknife]) -> dict[tuple[str, str], float]:
    """Return the p-value of every pair of arms, of which the first is the baseline."""
    pairs = combinations(range(len(board)), 2)
    return {(str(a), str(b)): paired_difference(board[a], board[b]).p_value for a, b in pairs}


def _all_first(board: list[Jackknife], p_values: dict[tuple[str, str], float]) -> bool:
    values = {str(place): arm.value for place, arm in enumerate(board)}
    return all(rank.low == 1 for rank in rank_intervals(values, p_values, higher_is_better=True).values())


def results() -> list[Result]:
    """Return all results."""
    return [*values(), *differences(), *folds(), *boards()]


def table(found: Iterable[Result]) -> str:
    """Return results as Markdown: a line per case, a column per number of groups, correlations side by side."""
    cells: dict[str, dict[int, list[Result]]] = {}
    for result in found:
        cells.setdefault(result.case, {}).setdefault(result.groups, []).append(result)
    head = ["95 % interval of", *(f"{n} slides" for n in GROUPS), "with an interval"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for case, by_groups in cells.items():
        shown = [" / ".join(f"{100 * one.covered:.1f}" for one in by_groups[n]) for n in GROUPS]
        fewest = min(one.with_interval for row in by_groups.values() for one in row)
        share = "all" if fewest == 1 else f"at least {100 * fewest:.0f} %"
        lines.append("| " + " | ".join([case, *shown, share]) + " |")
    return "\n".join(lines)


def main(argv: list[str]) -> None:
    """Write the results as JSON, or the table of a Markdown page between its marks."""
    path, found = Path(argv[0]), results()
    if path.suffix == ".json":
        path.write_text(json.dumps([asdict(result) for result in found]), encoding="utf-8")
        return
    text = path.read_text(encoding="utf-8")
    before, after = text.partition(START)[0], text.partition(END)[2]
    path.write_text(f"{before}{START}\n\n{table(found)}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
