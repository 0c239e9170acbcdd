"""`bench check`: compare results with a baseline, for CI."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from bench.cli.options import StoreOption, resolve_store

if TYPE_CHECKING:
    from reports.gate.compare import Gate
    from reports.gate.rows import Table
    from reports.gate.samples import Samples


def mount(app: typer.Typer) -> None:
    """Add the command."""
    app.command("check")(check)


def check(
    baseline: Annotated[Path, typer.Argument(metavar="BASELINE", help="Baseline to compare with, or to write.")],
    current: Annotated[
        Optional[Path],
        typer.Option(metavar="TABLE", help="Compare this table (CSV or Parquet) instead of the store's results."),
    ] = None,
    update: Annotated[bool, typer.Option("--update", help="Write the baseline from the results.")] = False,
    dataset: Annotated[Optional[str], typer.Option(metavar="NAME", help="Read only results of this dataset.")] = None,
    preset: Annotated[Optional[str], typer.Option(metavar="NAME", help="Read only results of this preset.")] = None,
    tolerance: Annotated[
        Optional[list[str]],
        typer.Option(
            metavar="[METRIC=]NUMBER",
            help="Let a metric be worse by NUMBER, e.g. pq/image=0.02, or all metrics [that of the baseline].",
        ),
    ] = None,
    junit: Annotated[Optional[Path], typer.Option(metavar="FILE", help="Also write JUnit XML.")] = None,
    markdown: Annotated[Optional[Path], typer.Option(metavar="FILE", help="Also append the output to FILE.")] = None,
    github: Annotated[
        Optional[bool],
        typer.Option("--github/--no-github", help="Print annotations for GitHub Actions [if it runs there]."),
    ] = None,
    store: StoreOption = None,
) -> None:
    """Compare results with a baseline and fail if a number is worse.

    Exit with 0 if nothing is worse, 2 if rows cannot be compared, 3 if a number is worse or missing.
    """
    given = _tolerances(tolerance or [])
    if update and (junit is not None or markdown is not None or github):
        _refuse_update()
    if current is not None and store is not None:
        _refuse_both(current)
    table, samples = _results(current, resolve_store(store), dataset, preset, finite=update)
    if update:
        _update(baseline, table, samples, given)
        return
    gate, text = _compare(baseline, table, samples, given)
    print(text, end="")
    if markdown is not None:
        markdown.parent.mkdir(parents=True, exist_ok=True)
        with markdown.open("a", encoding="utf-8") as handle:
            handle.write(text)
    if junit is not None:
        from reports.gate.junit import render_junit

        junit.parent.mkdir(parents=True, exist_ok=True)
        junit.write_text(render_junit(gate), encoding="utf-8")
    if _on_github() if github is None else github:
        from reports.gate.github import commands

        print(*commands(gate), sep="\n", file=sys.stderr)
    _finish(gate)


def _compare(
    path: Path, current: Table, samples: Callable[[], Samples], given: Mapping[str, float]
) -> tuple[Gate, str]:
    """Return the comparison, and as Markdown."""
    from bench.evaluation.registered import known_metrics
    from reports.gate.baseline import tolerance_of
    from reports.gate.compare import compare
    from reports.gate.markdown import render_markdown
    from reports.gate.rows import read
    from reports.gate.samples import companion, moved_most, read_samples

    baseline, known = read(path, finite=True), known_metrics()
    tolerance = tolerance_of(given, known, baseline.rows)

    def direction(metric: str) -> str:
        from metrics.table import find

        entry = find(metric, known)
        return entry.direction if entry is not None else ""

    gate = compare(baseline, current, tolerance, direction)
    before = read_samples(companion(path))
    after = samples() if before else {}
    if not before:
        gate = gate.remarked(f"no scores of single images were compared: there is no {companion(path)}")
    elif not after:
        gate = gate.remarked("no scores of single images were compared: the results do not have any")
    return gate, render_markdown(gate, moved_most(gate, before, after))


def _update(path: Path, current: Table, samples: Callable[[], Samples], given: Mapping[str, float]) -> None:
    from bench.evaluation.registered import known_metrics
    from reports.gate.baseline import COLUMNS, LEAST_SEEDS, make_baseline, write_rows
    from reports.gate.rows import read
    from reports.gate.samples import companion, write_samples

    previous = read(path, finite=True) if path.exists() else None
    rows = make_baseline(current, given, known_metrics(), previous)
    found = samples()
    write_rows(path, COLUMNS, rows)
    companion(path).unlink(missing_ok=True)
    if found:
        write_samples(companion(path), found)
    numbers = [row for row in rows if row["value"]]
    digests = sum(row["kind"] == "digest" for row in rows)
    print(f"wrote {path}: {len(numbers)} numbers, {digests} digests, {len(rows) - len(numbers) - digests} reasons")
    said = f"wrote {companion(path)}: {len(found)}" if found else "the results do not have"
    print(f"{said} scores of single images")
    if without := sum(not row["se"] for row in numbers):
        print(
            f"{without} numbers have no standard error, which needs {LEAST_SEEDS} seeds (--seeds {LEAST_SEEDS}): "
            "only their absolute tolerance will count"
        )


def _results(
    current: Path | None, store: Path, dataset: str | None, preset: str | None, *, finite: bool
) -> tuple[Table, Callable[[], Samples]]:
    """Return the rows to compare, and a function that returns the scores of their images; `finite` as in `read`."""
    from reports.gate.rows import read
    from reports.gate.samples import companion, read_samples

    if current is not None:
        table = read(current, finite=finite)
        return _only(table, dataset, preset), lambda: read_samples(companion(current))
    return _of_store(store, dataset, preset)


def _of_store(store: Path, dataset: str | None, preset: str | None) -> tuple[Table, Callable[[], Samples]]:
    import pandas as pd

    from bench.errors import MissingError
    from bench.results.digest_rows import digest_rows
    from bench.results.table import ResultsStore
    from reports.gate.rows import from_frame

    results = ResultsStore(store)
    documents = results.documents()
    if not documents:
        raise MissingError(
            f"There are no results in {store}",
            got="an empty store",
            fix="run `bench run` first, or give another --store, or a table with --current",
        )
    frame = pd.concat([results.rows(run) for run in documents], ignore_index=True)
    table = _only(from_frame(frame, digest_rows(documents.values()), str(store)), dataset, preset)

    def samples() -> Samples:
        from bench.evaluation.sample_values import sample_values

        kept = [one for one in documents.values() if dataset in (None, one.dataset) and preset in (None, one.preset)]
        return sample_values(store, kept)

    return table, samples


def _only(table: Table, dataset: str | None, preset: str | None) -> Table:
    """Return the rows of a dataset and a preset."""
    from bench.registry import unknown
    from reports.gate.rows import Table

    for name, value in (("dataset", dataset), ("preset", preset)):
        if value is not None:
            known = {row.get(name, "") for row in table.rows}
            if value not in known:
                raise unknown(f"{name} in {table.source}", value, known)
            kept = [place for place, row in enumerate(table.rows) if row.get(name, "") == value]
            rows, lines = [table.rows[place] for place in kept], [table.line(place) for place in kept]
            table = Table(rows, table.columns, table.source, lines)
    return table


def _tolerances(given: Iterable[str]) -> dict[str, float]:
    """Return tolerances by metric; that of all metrics has an empty name."""
    from bench.errors import ConfigError

    found = {}
    for text in given:
        name, _, number = text.rpartition("=")
        try:
            value = float(number)
        except ValueError:
            value = math.nan
        if not (math.isfinite(value) and value >= 0):
            raise ConfigError(
                "A tolerance is not 0 or a positive number", got=repr(text), fix="write NUMBER or METRIC=NUMBER"
            )
        found[name.strip()] = value
    return found


def _finish(gate: Gate) -> None:
    """End with the exit code of a comparison.

    Raises:
        ConfigError: rows cannot be compared.
        Exit: something is worse.
    """
    from bench.errors import ConfigError

    if different := gate.of("not comparable"):
        reasons: Sequence[str] = list(dict.fromkeys(one.reason for one in different))
        more = f" (and {len(reasons) - 1} other reasons)" if len(reasons) > 1 else ""
        raise ConfigError(
            f"{len(different)} rows of the results cannot be compared with the baseline {gate.baseline}",
            got=reasons[0] + more,
            fix="repeat the run as the baseline's was made, or write a new baseline with --update and say why",
        )
    if gate.exit_code:
        raise typer.Exit(gate.exit_code)


def _on_github() -> bool:
    from bench.config import Environment

    return Environment.read().github_actions


def _refuse_update() -> None:
    from bench.errors import ConfigError

    raise ConfigError("--update compares nothing", got="--junit, --markdown or --github", fix="leave these options out")


def _refuse_both(current: Path) -> None:
    from bench.errors import ConfigError

    raise ConfigError("--current does not go with --store", got=str(current), fix="leave one of them out")
