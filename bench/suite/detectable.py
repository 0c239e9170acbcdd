"""The smallest difference that a planned run could find, from assumed standard deviations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from bench.config.files import folder, read_yaml
from bench.config.validate import build
from bench.contract import Settings
from bench.plan.seeds import Replicates
from bench.run.resolve import Resolved
from bench.track import track_of


class Spreads(Settings):
    """Standard deviations of a metric: of paired differences between groups, and of scores over seeds."""

    metric: str
    groups: Mapping[str, float]
    training: float
    generator: float


class Detectable(NamedTuple):
    """The smallest difference of a metric that a run would find in 80 % of repetitions, and what it depends on.

    `value` is None if the number of test groups is not known before the data are here.
    """

    dataset: str
    metric: str
    groups: int | None
    kind: str
    seeds: int
    generators: int
    value: float | None

    def __str__(self) -> str:
        seeds = "1 seed" if self.seeds == 1 else f"{self.seeds} seeds"
        own = {0: "", 1: ", one generator"}.get(self.generators, f", {self.generators} generators")
        if self.value is None:
            return f"{self.dataset}: unknown; its test groups are counted once its files are here"
        remark = "; no arm is marked on fewer than three seeds" if self.seeds < 3 else ""
        design = f"{self.groups} test groups: {self.kind}; {seeds}{own}{remark}"
        return f"{self.dataset}: {self.value:.3f} {self.metric} ({design})"


def detectable(resolved: Resolved, n_groups: int | None) -> Detectable | None:
    """Return the smallest difference that a run could find; None if its track has no assumed standard deviations.

    Args:
        resolved: the run.
        n_groups: the number of test groups, if it is known.
    """
    known = read_yaml(folder() / "detectable.yaml").get(track_of(resolved.card).task)
    if known is None or not resolved.networks:
        return None
    assumed = build(Spreads, known, "configs/detectable.yaml")
    kind, seeds = resolved.source.group_kind, resolved.replicates
    n_trained = any(arm.method.parts() for arm in resolved.subjects)
    generators = len(seeds.generators) if n_trained else 0
    value = None if n_groups is None or n_groups < 2 else of_design(assumed, n_groups, kind, seeds, generators)
    return Detectable(resolved.card.name, assumed.metric, n_groups, kind, seeds.training, generators, value)


def of_design(assumed: Spreads, n_groups: int, kind: str, seeds: Replicates, generators: int) -> float:
    """Return the smallest detectable difference between two arms of a design.

    The calculation is that of :mod:`metrics.planning`. The spread of one generator is left out: differences then hold
    for this generator.
    """
    from metrics import planning

    spreads = planning.Spreads(assumed.groups[kind], assumed.training, assumed.generator)
    design = planning.Design(n_groups, seeds.training, generators if generators > 1 else float("inf"))
    return planning.detectable(spreads, design)
