"""Everything that a suite lacks, found before any of its runs starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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
    """A run that can be done."""

    label: str
    request: RunRequest
    resolved: Resolved


class Check(NamedTuple):
    """Runs that could be looked up, and all that is absent or wrong: each thing once, with the runs that want it."""

    runs: list[Checked]
    missing: list[Missing]

    def stop(self) -> None:
        """Stop where anything is missing.

        Raises:
            MissingError: lists it all.
        """
        stop_if_missing(self.missing)


def check_runs(runs: Sequence[SuiteRun]) -> Check:
    """Look everything up for every run; nothing is written."""
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
        Missing(f"{_labels(labels, len(runs))}: {item.expected}", item.got, item.fix) for item, labels in wanted.items()
    ]
    return Check(checked, missing)


def _without_amount(item: Missing) -> Missing:
    # free memory differs from one look to the next: one entry says it
    return Missing(item.expected, "less", item.fix) if "free memory" in item.expected else item


def _labels(labels: Sequence[str], n_runs: int) -> str:
    if len(labels) == n_runs:
        return "every run" if n_runs > 1 else f"run {labels[0]!r}"
    named = ", ".join(repr(label) for label in labels[:_NAMED])
    more = f" and {len(labels) - _NAMED} more" if len(labels) > _NAMED else ""
    return f"run{'s' if len(labels) > 1 else ''} {named}{more}"
