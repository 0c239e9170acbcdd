"""What a suite would do: its steps, each once, how many are finished, and an estimate of their cost."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.engine.step import Step
from bench.run.resolve import Resolved
from bench.suite.check import Checked
from bench.suite.detectable import Detectable, detectable
from bench.suite.estimate import Estimates
from bench.suite.file import Suite, published_table
from bench.suite.plan import PlannedStep, plan


@dataclass
class Count:
    """Steps of one stage: those that the paper's table needs, and controls, and what the unfinished ones cost.

    `accelerator` are the seconds of steps that need a GPU; `memory_gib` is the largest peak of a step.
    """

    paper: int = 0
    controls: int = 0
    cached: int = 0
    seconds: float = 0.0
    accelerator: float = 0.0
    memory_gib: float = 0.0
    size: float = 0.0


@dataclass
class DryRun:
    """The steps of a suite by key, with those of the paper's table, and their cost by stage.

    Seconds and sizes are of steps that are not finished. `measured` is the share of these seconds that the store's own
    costs tell; `machines` are those of the other estimates. `detectable` are the smallest differences that the runs
    could find, each once.
    """

    steps: dict[str, PlannedStep] = field(default_factory=dict)
    stages: dict[str, Count] = field(default_factory=dict)
    measured: float = 0.0
    machines: list[str] = field(default_factory=list)
    runs: dict[str, tuple[int, int]] = field(default_factory=dict)
    detectable: list[Detectable] = field(default_factory=list)

    @property
    def total(self) -> Count:
        """All stages together."""
        counts = self.stages.values()
        return Count(
            sum(count.paper for count in counts),
            sum(count.controls for count in counts),
            sum(count.cached for count in counts),
            sum(count.seconds for count in counts),
            sum(count.accelerator for count in counts),
            max((count.memory_gib for count in counts), default=0.0),
            sum(count.size for count in counts),
        )

    def document(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        steps = [
            {"stage": one.step.stage, "title": one.step.title, "cached": one.cached, "of_paper": one.of_paper}
            for one in self.steps.values()
        ]
        total = self.total
        estimate = {
            "seconds": total.seconds,
            "accelerator_hours": total.accelerator / 3600,
            "bytes": total.size,
            "memory_gib": total.memory_gib,
        }
        return {
            "steps": steps,
            "paper": total.paper,
            "controls": total.controls,
            "cached": total.cached,
            "detectable": [one._asdict() for one in self.detectable],
            "estimate": {**estimate, "measured_share": self.measured, "machines": self.machines},
        }


def dry_run(suite: Suite, runs: Sequence[Checked]) -> DryRun:
    """Plan all runs of a suite; a step that several of them share is counted once.

    Of a suite that repeats a paper, the paper's own steps are those of its arms in the first budget; everything else is
    a control.
    """
    table = published_table(suite)
    arms = None if table is None else table.arms
    found, kept = DryRun(), dict[str, tuple[PlannedStep, Checked]]()
    budgets = _first_budgets(suite, runs)
    with tempfile.TemporaryDirectory(prefix="bench-plan-") as folder:
        for run in runs:
            mine: Collection[str] | None = arms if run.resolved.preset.budget in budgets else ()
            steps, n_groups = plan(run.resolved, mine, Path(folder))
            smallest = detectable(run.resolved, n_groups)
            if smallest is not None and smallest not in found.detectable:
                found.detectable.append(smallest)
            found.runs[run.label] = (len(steps), sum(step.cached for step in steps))
            for step in steps:
                before = kept.get(step.key)
                if before is None or (step.of_paper and not before[0].of_paper):
                    kept[step.key] = (step, run)
    found.steps = {key: step for key, (step, _) in kept.items()}
    _count(found, kept)
    return found


def _first_budgets(suite: Suite, runs: Sequence[Checked]) -> list[Any]:
    """Return the budgets that are the paper's: the first one where a suite lists several."""
    listed = [entry.budgets or suite.file.defaults.budgets for entry in suite.file.runs]
    others = [budget for budgets in listed for budget in budgets[1:]]
    return [run.resolved.preset.budget for run in runs if run.resolved.preset.budget not in others]


def _on_accelerator(step: Step, resolved: Resolved) -> bool:
    """Return whether a step runs on a GPU: here, or where its preset is meant to run if there is none here."""
    return step.resources.accelerator or (resolved.preset.needs_accelerator and bool(step.place.precision))


def _count(found: DryRun, kept: Mapping[str, tuple[PlannedStep, Checked]]) -> None:
    estimates: dict[str, Estimates] = {}
    measured = 0.0
    for step, run in kept.values():
        resolved = run.resolved
        if resolved.preset_label not in estimates:
            estimates[resolved.preset_label] = Estimates(resolved.request.store, resolved.preset)
        costs = estimates[resolved.preset_label]
        count = found.stages.setdefault(step.step.stage, Count())
        count.paper += step.of_paper
        count.controls += not step.of_paper
        count.cached += step.cached
        if step.cached:
            continue
        estimate = costs.of(step.step)
        count.seconds += estimate.seconds
        count.accelerator += estimate.seconds if _on_accelerator(step.step, resolved) else 0.0
        count.memory_gib = max(count.memory_gib, estimate.memory_gib)
        count.size += estimate.size
        measured += estimate.seconds if estimate.measured else 0.0
        if not estimate.measured and costs.reference.machine not in found.machines:
            found.machines.append(costs.reference.machine)
    total = sum(count.seconds for count in found.stages.values())
    found.measured = measured / total if total else 0.0
