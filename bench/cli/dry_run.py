"""The option `--dry-run`: every step of a run or suite, how many are finished, and an estimate of the rest."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from bench.cli.screen import console, count_runs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from bench.plan.checks import Fetchable, Missing
    from bench.run.resolve import Resolved
    from bench.suite.check import Check, Checked
    from bench.suite.dry_run import Count, DryRun
    from bench.suite.file import Suite

_UNITS = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"))


def show(found: Suite, check: Check, *, as_json: bool = False) -> None:
    """Print what a suite would do; what is missing on this machine is listed below."""
    from bench.run.fetch import listed
    from bench.suite.dry_run import dry_run

    seen = dry_run(found, check.runs)
    if as_json:
        wanted = _fetched(check)
        fetch = [one._asdict() for one in wanted]
        missing = [{"what": one.expected, "got": one.got, "fix": one.fix} for one in _left(check, wanted)]
        document = {"suite": found.file.name, **seen.document(), "missing": missing, "fetch": fetch}
        print(json.dumps(document, indent=2))
        return
    screen = console()
    screen.print(f"{found.file.title}: {count_runs(len(check.runs))}", style="bold")
    screen.print(_runs(check, seen))
    own = "of the method" if found.file.published is None else "of the paper"
    screen.print(f"\nsteps, each once; without a mark: {own}", style="bold")
    screen.print(_steps(seen))
    screen.print("")
    screen.print(_stages(seen, own))
    for line in (*_estimate(seen), *_remarks(check, seen)):
        screen.print(line)
    wanted = _fetched(check)
    if wanted:
        screen.print(f"would be fetched first: {listed(wanted)}")
    for line in _missing(_left(check, wanted)):
        screen.print(line)


def _runs(check: Check, seen: DryRun) -> Table:
    table = _table("run", "method", "dataset", "preset", "arms")
    for name in ("seeds", "steps", "in the store"):
        table.add_column(name, justify="right")
    for run in check.runs:
        resolved = run.resolved
        read = [other.card.name for role, other in resolved.others.items() if role in resolved.roles]
        where = " + ".join([resolved.card.name, *read])
        table.add_row(
            run.label,
            resolved.subject.name,
            _divided(where, run),
            resolved.preset.name,
            _arms(resolved),
            str(resolved.request.seeds),
            *map(str, seen.runs[run.label]),
        )
    return table


def _steps(seen: DryRun) -> Table:
    table = _table("stage", "step", "")
    for one in seen.steps.values():
        marks = ["" if one.of_paper else "control", "in the store" if one.cached else ""]
        table.add_row(one.step.stage, one.step.title, ", ".join(filter(None, marks)))
    return table


def _stages(seen: DryRun, own: str) -> Table:
    table = _table("stage")
    for name in (own, "controls", "in the store", "time left", "on a GPU", "memory", "disk"):
        table.add_column(name, justify="right")
    for stage, count in seen.stages.items():
        table.add_row(stage, *_cells(count))
    table.add_row("all", *_cells(seen.total), style="bold")
    return table


def _cells(count: Count) -> tuple[str, ...]:
    return (
        *map(str, (count.paper, count.controls, count.cached)),
        _time(count.seconds),
        _time(count.accelerator) if count.accelerator else "",
        f"{count.memory_gib:.1f} GiB" if count.memory_gib else "",
        _size(count.size),
    )


def _estimate(seen: DryRun) -> list[str]:
    total = seen.total
    if total.cached == len(seen.steps):
        return ["every step is in the store"]
    of_gpu = f", of them {total.accelerator / 3600:.1f} GPU hours" if total.accelerator else ""
    memory = f"{total.memory_gib:.1f} GiB of memory"
    lines = [f"estimate: {_time(total.seconds)}{of_gpu}, {memory}, {_size(total.size)} on the disk"]
    if seen.measured:
        lines.append(f"{seen.measured:.0%} of the time is estimated from steps in the store")
    if seen.machines:
        subject = "the rest" if seen.measured else "this"
        lines.append(f"{subject} is a rough guess for {' and '.join(seen.machines)}, not a measurement")
    lines.append("nothing was run; methods that choose from pools may need more pools than are listed")
    return lines


def _remarks(check: Check, seen: DryRun) -> list[str]:
    """Return the smallest differences that the runs could find, and remarks on their options."""
    from bench.run.remarks import remarks

    lines = []
    if seen.detectable:
        assumed = "80 % power, from the standard deviations of configs/detectable.yaml"
        each = dict.fromkeys(f"  {one}" for one in seen.detectable)
        lines += [f"smallest difference that could be found ({assumed}):", *each]
    return lines + list(dict.fromkeys(f"warning: {one}" for run in check.runs for one in remarks(run.resolved)))


def _fetched(check: Check) -> list[Fetchable]:
    """Return what the runs would fetch."""
    from bench.run.fetch import fetchable

    return fetchable(check.missing, check.runs[0].request) if check.runs else []


def _left(check: Check, wanted: Sequence[Fetchable]) -> list[Missing]:
    """Return what is missing and would not be fetched."""
    return [one for one in check.missing if one.fetch not in wanted]


def _missing(missing: Sequence[Missing]) -> list[str]:
    if not missing:
        return []
    listed = [f"  {number}. {one.expected}: {one.got.rstrip('.')}. {one.fix}" for number, one in enumerate(missing, 1)]
    return ["missing on this machine:", *listed]


def _divided(where: str, run: Checked) -> str:
    """Return the data of a run with its fold, or with its protocol and the number of folds."""
    fold, protocol = run.request.fold, run.resolved.protocol
    if protocol is not None:
        return f"{where}, {protocol.name}" + (f" ({protocol.n_folds} folds)" if protocol.n_folds > 1 else "")
    return where if fold is None else f"{where}, fold {fold[0]}/{fold[1]}"


def _arms(resolved: Resolved) -> str:
    """Return the names of the controls and the method; a method whose arms differ only in selection is named once."""
    titles = [arm.title for arm in resolved.arms if arm not in resolved.subjects]
    selections = [arm.selection.title for arm in resolved.subjects if arm.selection is not None]
    if not selections:
        return ", ".join([*titles, *(arm.title for arm in resolved.subjects)])
    return f"{', '.join(titles)}; {resolved.subject.name}: {', '.join(selections)}"


def _time(seconds: float) -> str:
    for unit, name in _UNITS:
        if seconds >= unit:
            return f"{seconds / unit:.1f} {name}"
    return f"{seconds:.0f} s"


def _size(size: float) -> str:
    return f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{size / 2**20:.0f} MiB"


def _table(*columns: str) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for name in columns:
        table.add_column(name, overflow="fold")
    return table
