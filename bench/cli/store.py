"""`bench store`: show what a store holds, check it, sweep it, and move its content to and from other stores."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli.options import StoreOption, resolve_store
from bench.cli.screen import console

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bench.engine.store.survey import Item
    from bench.engine.store.transfer import Moved

app = typer.Typer(help="Show, check, sweep and move what a store holds.", no_args_is_help=True)
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON; docs/reliability.md describes its fields.")]
UrlArgument = Annotated[
    str, typer.Argument(metavar="URL", help="Place of the other store: file:///mnt/store, s3://bucket/store and so on.")
]
BROKEN_EXIT = 1
_DAY = 24 * 3600


def mount(parent: typer.Typer) -> None:
    """Add the commands."""
    parent.add_typer(app, name="store")


@app.command("ls")
def list_store(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Show what is in a store: finished steps by stage, and leftovers, with number, size, age and runs."""
    root = _existing(store)
    items, unreadable = _survey(root)
    groups: dict[tuple[str, str], list[Item]] = {}
    for item in items:
        groups.setdefault((item.kind, item.stage), []).append(item)
    rows = [
        {
            "what": kind,
            "stage": stage,
            "count": len(group),
            "bytes": sum(item.size for item in group),
            "last_used_days": round(min(item.age for item in group) / _DAY, 2),
            "referred": sum(bool(item.runs) for item in group),
            "runs": sorted({run for item in group for run in item.runs}),
        }
        for (kind, stage), group in sorted(groups.items())
    ]
    if as_json:
        typer.echo(json.dumps({"store": str(root), "groups": rows, "unreadable_documents": unreadable}, indent=1))
        return
    _print(
        ("what", "stage", "count", "size", "last used", "referred to", "runs"),
        [
            (
                str(row["what"]),
                str(row["stage"]),
                str(row["count"]),
                _amount(row["bytes"]),
                _age(float(str(row["last_used_days"]))),
                str(row["referred"]) if row["what"] == "finished" else "",
                str(len(row["runs"])) if row["what"] == "finished" else "",  # type: ignore[arg-type]
            )
            for row in rows
        ],
        right=(2, 3, 4, 5, 6),
    )
    _say(f"store: {root}")
    _say_unreadable(unreadable)


@app.command("du")
def disk_use(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Show the disk space of a store by stage and by run; what runs share is counted once in the total."""
    root = _existing(store)
    items, unreadable = _survey(root)
    stages: dict[str, int] = {}
    runs: dict[str, list[int]] = {}
    for item in items:
        stages[item.stage or item.kind] = stages.get(item.stage or item.kind, 0) + item.size
        for run in item.runs:
            sizes = runs.setdefault(run, [0, 0])
            sizes[0] += item.size
            sizes[1] += item.size if len(item.runs) == 1 else 0
    total = sum(stages.values())
    if as_json:
        by_run = {run: {"bytes": whole, "only_this_run_bytes": own} for run, (whole, own) in sorted(runs.items())}
        found = {"store": str(root), "bytes": total, "stages": stages, "runs": by_run}
        typer.echo(json.dumps({**found, "unreadable_documents": unreadable}, indent=1))
        return
    _print(("stage", "size"), [(name, _amount(size)) for name, size in sorted(stages.items())], right=(1,))
    if runs:
        rows = [(run, _amount(whole), _amount(own)) for run, (whole, own) in sorted(runs.items())]
        _say("")
        _print(("run", "size", "of this run only"), rows, right=(1, 2))
    _say("")
    _say(f"total: {_amount(total)} in {root}")
    _say_unreadable(unreadable)


@app.command("gc")
def collect(
    store: StoreOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Remove; without it, the list is only shown.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show the list [the default].")] = False,
    days: Annotated[
        float, typer.Option("--days", min=0, help="Keep finished steps that were used within these days.")
    ] = 7.0,
    as_json: JsonOption = False,
) -> None:
    """Remove leftovers, and finished steps that no run refers to and none has used for some days.

    What a run of the results or an imported set refers to is never removed, nor what was used within the last hour.
    While a step, a suite or a job works on the store, all finished steps stay.
    """
    from bench.engine.leftovers import working
    from bench.engine.store.sweep import sweepable
    from bench.errors import ConfigError

    if yes and dry_run:
        raise ConfigError("--yes and --dry-run exclude each other", got="both", fix="leave out one of them")
    root = _existing(store)
    items, unreadable = _survey(root)
    chosen = sweepable(items, busy=bool(unreadable) or working(root), days=days)
    kept = [] if not yes else [item for item in chosen if not _removed(root, item)]
    gone = [item for item in chosen if item not in kept]
    size = sum(item.size for item in gone)
    if as_json:
        listed = [
            {"what": item.kind, "stage": item.stage, "path": str(item.path), "bytes": item.size, "removed": yes}
            for item in gone
        ]
        typer.echo(json.dumps({"store": str(root), "bytes": size, "removed": yes, "items": listed}, indent=1))
        return
    rows = [(item.kind, _amount(item.size), _age(item.age / _DAY), str(item.path.relative_to(root))) for item in gone]
    if rows:
        _print(("what", "size", "last used", "path"), rows, right=(1, 2))
        _say("")
    if not chosen:
        _say(f"nothing to remove in {root}")
    elif yes:
        _say(f"removed: {len(gone)}, {_amount(size)}" + (f"; in use and kept: {len(kept)}" if kept else ""))
    else:
        _say(f"to remove: {len(gone)}, {_amount(size)}; `bench store gc --yes` removes them")
    _say_unreadable(unreadable, "; finished steps are kept until that is corrected")


@app.command("verify")
def verify_store(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Read every finished step whole and compare each file with its hash; exit with 1 if one is broken."""
    from bench.engine.store.survey import distrust, verify

    root = _existing(store)
    found = list(verify(root))
    broken = [one for one in found if one.reason]
    older = [one for one in found if not one.reason and not one.hashed]
    for one in broken:
        distrust(root, one)
    if as_json:
        rows = [{"stage": one.stage, "key": one.key, "path": str(one.path), "reason": one.reason} for one in broken]
        counts = {"whole": len(found) - len(broken) - len(older), "without_hashes": len(older)}
        typer.echo(json.dumps({"store": str(root), **counts, "broken": rows}, indent=1))
    else:
        for one in broken:
            _say(f"broken: {one.path}: {one.reason}")
        _say(f"{len(found)} finished steps: {len(found) - len(broken) - len(older)} whole, {len(broken)} broken"
             + (f", {len(older)} without hashes" if older else ""))  # fmt: skip
        if older:
            _say("steps of older versions have no hashes: only their keys were checked")
        if broken:
            _say("the next run that needs a broken step moves it to `broken/` and makes it again;")
            _say("`bench store pull URL` fetches it, if another store has it")
    if broken:
        raise typer.Exit(BROKEN_EXIT)


@app.command("push")
def push_store(url: UrlArgument, store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Send finished steps and results; each is verified there, and a second command sends only what is missing."""
    from bench.engine.store.transfer import Remote, push
    from bench.results.table import ResultsStore
    from bench.run.travel import push_results

    root = _existing(store)
    remote = Remote(url)
    _report(push(root, remote), push_results(ResultsStore(root), remote), url, as_json)


@app.command("pull")
def pull_store(url: UrlArgument, store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Fetch finished steps and results; each is verified before it becomes part of the store."""
    from bench.engine.store import check_writable
    from bench.engine.store.transfer import Remote, pull
    from bench.results.table import ResultsStore
    from bench.run.travel import pull_results

    root = resolve_store(store)
    check_writable(root)
    remote = Remote(url)
    _report(pull(root, remote), pull_results(root, ResultsStore(root), remote), url, as_json)


def referred(root: Path) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    """Return the runs and imported sets that refer to each key, and the documents of runs that cannot be read."""
    from bench.results.document import RunDocument

    found: dict[str, set[str]] = {}
    unreadable = []
    for path in sorted((root / "results").glob("*.json")):
        try:
            document = RunDocument.of_json(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            unreadable.append(str(path))
            continue
        for key in {*document.steps, *document.timings, *(one.key for one in document.artefacts)}:
            found.setdefault(key, set()).add(path.stem)
    for path in sorted((root / "imports").glob("*/*.json")):
        try:
            key = Path(json.loads(path.read_text(encoding="utf-8"))["folder"]).name
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            unreadable.append(str(path))
            continue
        found.setdefault(key, set()).add(f"imported {path.stem}")
    return {key: tuple(sorted(runs)) for key, runs in found.items()}, unreadable


def _existing(store: Path | None) -> Path:
    from bench.errors import ConfigError

    root = resolve_store(store)
    if not root.is_dir():
        raise ConfigError("There is no store in this folder", got=str(root), fix="give --store DIR or set BENCH_STORE")
    return root


def _survey(root: Path) -> tuple[list[Item], list[str]]:
    from bench.engine.leftovers import leftovers
    from bench.engine.store.survey import survey

    keys, unreadable = referred(root)
    return [*survey(root, keys), *leftovers(root)], unreadable


def _removed(root: Path, item: Item) -> bool:
    from bench.engine.leftovers import working
    from bench.engine.store.sweep import remove
    from bench.errors import BenchError

    try:
        return remove(root, item, lambda key: working(root, besides=key))
    except OSError as error:
        fix = "change its permissions, or mount the store so that it can be written"
        raise BenchError(f"{item.path} cannot be removed", got=str(error.strerror), fix=fix) from error


def _report(steps: Iterator[Moved], results: Iterator[Moved], url: str, as_json: bool) -> None:
    """Show what travels: the steps, and then the results, whose documents refer to them."""
    found, runs = list(_shown(steps, as_json)), list(_shown(results, as_json))
    counts, of_runs = _counts(found), _counts(runs)
    if as_json:
        size = sum(one.size for one in (*found, *runs))
        typer.echo(json.dumps({"url": url, **counts, "results": of_runs, "bytes": size}, indent=1))
    else:
        _say(_words(counts) or f"there are no finished steps to move: {url}")
        if of_runs:
            _say(f"results of runs: {_words(of_runs)}")
        if "without hashes" in counts:
            _say("steps of older versions have no hashes and stay where they are")
    if "broken" in counts or "broken" in of_runs:
        raise typer.Exit(BROKEN_EXIT)


def _shown(moved: Iterator[Moved], as_json: bool) -> Iterator[Moved]:
    for one in moved:
        if not as_json and one.state not in ("there", "without hashes"):
            amount = _amount(one.size) if one.size else one.reason
            _say(f"{one.state}: {one.stage} {one.key[:12]}  {amount}")
        yield one


def _counts(found: Sequence[Moved]) -> Mapping[str, int]:
    return {one.state: sum(other.state == one.state for other in found) for one in found}


def _words(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{state}: {n}" for state, n in counts.items())


def _print(names: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim")
    for number, name in enumerate(names):
        table.add_column(name, no_wrap=True, justify="right" if number in right else "left")
    for row in rows:
        table.add_row(*row)
    console().print(table)


def _say(text: str) -> None:
    console().print(text, soft_wrap=True)


def _say_unreadable(paths: Sequence[str], rest: str = "") -> None:
    for path in paths:
        _say(f"cannot be read: {path}{rest}")


def _amount(size: object) -> str:
    from bench.engine.space import amount

    return amount(float(str(size)))


def _age(days: float) -> str:
    return f"{days:.0f} d" if days >= 1 else f"{days * 24:.0f} h" if days * 24 >= 1 else f"{days * 1440:.0f} min"
