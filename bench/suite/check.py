"""A check for everything that a suite lacks, before any of its runs starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from bench.config import RunRequest
from bench.errors import BenchError
from bench.plan.checks import Missing, stop_if_missing
from bench.run.missing import find_missing
from bench.run.resolve import Resolved, resolve
from bench.suite.expand import SuiteRun

_NAMED = 3


@dataclass(frozen=True)
class Checked:
    """A run that can start."""

    label: str
    request: RunRequest
    resolved: Resolved


class Check(NamedTuple):
    """Runs that were resolved, and everything missing or wrong: each thing once, with the runs that need it."""

    runs: list[Checked]
    missing: list[Missing]

    def stop(self) -> None:
        """Stop if anything is missing.

        Raises:
            MissingError: something is missing; all of it is listed.
        """
        stop_if_missing(self.missing)


def check_runs(runs: Sequence[SuiteRun]) -> Check:
    """Return the resolved runs and what is missing for them; nothing is written."""
    checked: list[Checked] = []
    wanted: dict[Missing, list[str]] = {}
    for run in runs:
        try:
            resolved = resolve(run.request)
            missing = find_missing(resolved)
            checked.append(Checked(run.label, run.request, resolved))
        except BenchError as error:
            missing = [Missing.from_error(error)]
        for item in dict.fromkeys(_without_amount(item) for item in missing):
            wanted.setdefault(item, []).append(run.label)
    missing = [
        replace(item, expected=f"{_labels(labels, len(runs))}: {item.expected}") for item, labels in wanted.items()
    ]
    return Check(checked, missing)


def _without_amount(item: Missing) -> Missing:
    # free memory differs between two checks: it is reported once, without its amount
    return replace(item, got="less") if "free memory" in item.expected else item


def _labels(labels: Sequence[str], n_runs: int) -> str:
    if len(labels) == n_runs:
        return "every run" if n_runs > 1 else f"run {labels[0]!r}"
    named = ", ".join(repr(label) for label in labels[:_NAMED])
    more = f" and {len(labels) - _NAMED} more" if len(labels) > _NAMED else ""
    return f"run{'s' if len(labels) > 1 else ''} {named}{more}"
