"""`bench status`: show how far the suites and runs of a store are, from any terminal."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from bench.cli.options import StoreOption, resolve_store

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

STATES = ("done", "cached", "running", "queued", "waiting", "failed")
STEPS = 10
"""Running and failed steps that are shown by name."""


def mount(app: typer.Typer) -> None:
    """Add the command."""
    app.command("status")(status)


def status(
    suite: Annotated[
        Optional[str],
        typer.Argument(metavar="SUITE", help="Name or file of a suite, or the name of a run [what is at work]."),
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Print once instead of a live table.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print once as JSON.")] = False,
    store: StoreOption = None,
) -> None:
    """Show the steps of suites and runs by state: done, cached, running, queued, waiting, failed; a live table."""
    import sys

    root = resolve_store(store)
    name = None if suite is None else _name(suite)
    if as_json:
        from bench.digest import canonical_json

        print(canonical_json(_json(root, name)))
        return
    if once or not sys.stdout.isatty():
        from bench.cli.screen import console

        console().print(_screen(root, name))
        return
    _follow(root, name)


def _name(suite: str) -> str:
    """Return the name of a suite or run; that of a suite's file is its key `name`, else the file's own."""
    path = Path(suite).expanduser()
    if path.suffix not in (".yaml", ".yml"):
        return suite
    from bench.config.files import read_yaml

    return str(read_yaml(path).get("name", path.stem)) if path.is_file() else path.stem


def documents(store: Path, name: str | None = None) -> list[dict[str, Any]]:
    """Return the progress documents of a name; without one, those at work, or else the newest.

    Raises:
        ConfigError: there is none.
    """
    from bench.engine.progress import FOLDER
    from bench.engine.progress_file import alive, read_progress
    from bench.errors import ConfigError
    from bench.registry import unknown

    folder = store / FOLDER
    found = [read_progress(path) for path in sorted(folder.glob("*.json"))] if folder.is_dir() else []
    known = sorted((one for one in found if one is not None), key=lambda one: float(one["heartbeat"]))
    if not known:
        raise ConfigError(
            f"The store at {store} has no suite or run",
            got=f"no file in {folder}",
            fix="start one with `bench suite NAME`, or name another store with --store DIR",
        )
    if name is not None:
        named = [one for one in known if one["name"] == name]
        if not named:
            raise unknown("suite or run", name, sorted({str(one["name"]) for one in known}))
        return [one for one in named if alive(one)] or named[-1:]
    return [one for one in known if alive(one)] or known[-1:]


def counts_of(run: Mapping[str, Any]) -> Counter[str]:
    """Return the number of steps of a run by state; planned steps that nobody asked for yet wait."""
    counts: Counter[str] = Counter()
    for of in run["counts"].values():
        counts.update(of)
    if run["state"] in ("waiting", "running") and run.get("planned"):
        counts["waiting"] += max(0, int(run["planned"]) - counts.total())
    return counts


def _json(store: Path, name: str | None) -> dict[str, Any]:
    from bench.engine.progress_file import queue_states, state_of

    found = [{**one, "state": state_of(one)} for one in documents(store, name)]
    for one in found:
        one["runs"] = [{**run, "totals": dict(counts_of(run))} for run in one["runs"]]
    return {"progress": found, "queue": queue_states(store)}


def _follow(store: Path, name: str | None) -> None:
    """Show a live table until what it shows has ended, or Ctrl-C."""
    from rich.console import Console
    from rich.live import Live

    from bench.engine.progress_file import alive

    # markup stays off: titles have brackets
    with Live(_screen(store, name), console=Console(highlight=False, markup=False), auto_refresh=False) as live:
        try:
            while any(alive(one) for one in documents(store, name)):
                time.sleep(1)
                live.update(_screen(store, name), refresh=True)
        except KeyboardInterrupt:
            return


def _screen(store: Path, name: str | None) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    from bench.engine.progress_file import queue_states

    parts: list[RenderableType] = []
    for one in documents(store, name):
        parts += _shown(one)
    queue = queue_states(store)
    if queue:
        said = ", ".join(f"{count} {state}" for state, count in sorted(queue.items()))
        parts.append(Text(f"queue: {said}"))
    return Group(*parts)


def _shown(document: Mapping[str, Any]) -> Iterable[RenderableType]:
    from rich.text import Text

    from bench.engine.progress_file import alive, state_of

    state = state_of(document)
    ago = time.time() - float(document["heartbeat"])
    where = f"process {document['pid']} on {document['host']}"
    when = where if alive(document) else f"{where}, last seen {_time(ago)} ago"
    yield Text.assemble((str(document["name"]), "bold"), f": {state} ({when})")
    runs: Sequence[Mapping[str, Any]] = document["runs"]
    at_work = alive(document)
    yield _table("run", ((str(run["label"]), counts_of(run), _run_state(run, at_work)) for run in runs))
    by_stage: dict[str, Counter[str]] = {}
    for run in runs:
        for stage, counts in run["counts"].items():
            by_stage.setdefault(stage, Counter()).update(counts)
    yield _table("stage", ((stage, counts, "") for stage, counts in by_stage.items()))
    if at_work:
        yield from _steps("running", [_running(step) for run in runs for step in run["running"]])
    failed = {step["key"]: f"{step['stage']}: {step['title']}: {step['cause']}" for r in runs for step in r["failed"]}
    yield from _steps("failed", [*failed.values()])


def _table(first: str, rows: Iterable[tuple[str, Counter[str], str]]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column(first, overflow="fold")
    rows = [*rows]
    states = [state for state in STATES if state != "queued" or any(counts[state] for _, counts, _ in rows)]
    for name in states:
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("state" if first == "run" else "", no_wrap=True)
    for name, counts, said in rows:
        numbers = [Text(str(counts[state]), "red" if state == "failed" and counts[state] else "") for state in states]
        table.add_row(Text(name), *numbers, Text(said))
    return table


def _run_state(run: Mapping[str, Any], at_work: bool) -> str:
    state = str(run["state"])
    if state in ("waiting", "running") and not at_work:
        return "stopped"
    left = run.get("seconds_left")
    return f"{state}, about {_time(float(left))} left" if state == "running" and left is not None else state


def _running(step: Mapping[str, Any]) -> str:
    since = max(time.time() - float(step["started"]), 0.0)
    estimate = step.get("estimate")
    left = "" if estimate is None else f", about {_time(max(float(estimate) - since, 0.0))} left"
    return f"{step['stage']}: {step['title']} (for {_time(since)}{left})"


def _steps(title: str, lines: Sequence[str]) -> Iterable[RenderableType]:
    from rich.text import Text

    for line in lines[:STEPS]:
        yield Text(f"{title}: {line}", "red" if title == "failed" else "")
    if len(lines) > STEPS:
        yield Text(f"{title}: and {len(lines) - STEPS} more")


def _time(seconds: float) -> str:
    """Return a rough time.

    >>> [_time(seconds) for seconds in (4, 250, 8000)]
    ['4 s', '4 min', '2.2 h']
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
