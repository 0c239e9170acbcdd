"""Reading a run's record from the files of its results; without MLflow."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.harmless import harmless
from bench.results.document import RunDocument
from bench.results.table import ALL_FOLDS, ResultsStore
from bench.tracking import curves, lineage, tables
from bench.tracking.arms import Source, arm_records
from bench.tracking.claims import LEAK, claims_of
from bench.tracking.headline import headline, of_arm
from bench.tracking.names import allowed, metric_name
from bench.tracking.note import note_of_run
from bench.tracking.record import Record, RunRecord
from bench.tracking.times import own_steps, span_of_run, usage_of

if TYPE_CHECKING:
    import pandas as pd

    from reports.board import Leaderboard

ARTIFACTS = ("contact_sheet*.png", "scaling*.png", "leaderboard.md", "manifest.json", "report*.html")
_PARAMETER_LENGTH = 500
_MAX_PARAMETERS = 100


def read_record(store: Path, run: str, *, models: bool = False) -> RunRecord:
    """Return the record of a run; `models` says whether it has the files of trained generators and networks."""
    from reports.leaderboard import leaderboard

    results = ResultsStore(store)
    document, rows = _shown(results.document(run)), results.rows(run)
    boards = leaderboard(rows)
    board = next((one for one in boards if one.fold in ("", ALL_FOLDS)), boards[0])
    work = _work(document, rows)
    records: curves.Records = results.curve_records(run)
    usage = results.usage(run)
    source = Source(store, run, document, rows, board, records, usage, span_of_run(document, work), models)
    primary = metric_name(board.primary_score) if board.primary_score is not None else ""
    names = tuple(metric_name(column) for column in headline(board))
    return RunRecord(run, document.dataset, _top(source, results, boards, work), names, primary)


def _shown(document: RunDocument) -> RunDocument:
    """Return a document whose names are those of boards; the dataset's is also that of a folder of the store."""
    names = {name: harmless(getattr(document, name), lines=False) for name in ("method", "variant", "preset")}
    dataset = re.sub(r"[/\\]", "-", harmless(document.dataset, lines=False))
    return document.model_copy(update={**names, "dataset": dataset if dataset.strip(".") else f"dataset {dataset}"})


def _pages(boards: list[Leaderboard]) -> dict[str, str]:
    """Return the leaderboard as a page; none without the extra that sets tables."""
    if find_spec("great_tables") is None:
        return {}
    from reports.html import render_html

    return {"leaderboard.html": render_html(boards, everything=True)}


def _top(source: Source, results: ResultsStore, boards: list[Leaderboard], work: float) -> Record:
    document, run, board = source.document, source.run, source.board
    index = _subject(board, document)
    own = [one for one in document.artefacts if one.method == document.method]
    said = claims_of(boards, document.method)
    folder = results.folder(run)
    files = [results.root / f"{run}.json", results.root / f"{run}.parquet"]
    title = " · ".join(part for part in (said.get(LEAK, ""), _title(document)) if part)
    return Record(
        name=title,
        level="run",
        started_ms=source.span.start,
        ended_ms=source.span.end,
        parameters=_parameters(document),
        tags=_tags(run, document) | said,
        note=note_of_run(document, board, index, work),
        metrics=of_arm(board, index, source.frame),
        usage=usage_of(source.usage, own_steps(document) if document.started else set(document.timings)),
        inputs=(*lineage.sets(document, own, _size(source)), *lineage.splits(document)),
        tables={"leaderboard.json": tables.arms(board), "numbers.json": tables.numbers(board)},
        pages=_pages(boards),
        artifacts=(*filter(Path.exists, files), *(path for name in ARTIFACTS for path in sorted(folder.glob(name)))),
        children=tuple(arm_records(source)),
    )


def _subject(board: Leaderboard, document: RunDocument) -> int:
    """Return the row that a run is about: the first of its method, of the variant that the run is named after."""
    named = [index for index, row in enumerate(board.rows) if row.method == document.method]
    same = [index for index in named if board.rows[index].variant == document.variant]
    return (same or named or [0])[0]


def _size(source: Source) -> int | None:
    frame = source.frame
    sizes = frame.loc[frame["method"] == source.document.method, "n_synthetic"].dropna()
    return int(sizes.max()) if len(sizes) and int(sizes.max()) > 0 else None


def _work(document: RunDocument, rows: pd.DataFrame) -> float:
    """Return the seconds of work of all steps; of an older run, those of the steps whose costs it reports."""
    if document.timings:
        return sum(timing.seconds for timing in document.timings.values())
    costs = rows[(rows["kind"] == "cost") & rows["metric"].str.contains("seconds") & rows["value"].notna()]
    return float(costs["value"].sum())


def _title(document: RunDocument) -> str:
    seeds = f"{document.seeds} seeds" if document.seeds > 1 else ""
    return " · ".join(part for part in (document.method, document.variant, document.preset, seeds) if part)


def _parameters(document: RunDocument) -> dict[str, str]:
    """Return the request and the resolved configuration as flat parameters."""
    about = {"method": document.method, "variant": document.variant, "preset": document.preset}
    flat = {**about, "seeds": str(document.seeds)}
    for section in ("request", "config"):
        flat |= dict(_flat(section, getattr(document, section)))
    places = ("request.store", "request.data_root", "request.weights", "request.tracking_uri")
    kept = {key: value[:_PARAMETER_LENGTH] for key, value in flat.items() if key not in places}
    return dict(list(kept.items())[:_MAX_PARAMETERS])


def _flat(prefix: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _flat(f"{prefix}.{key}", item)
    elif value is not None:
        yield allowed(prefix), harmless(str(value))


def _tags(run: str, document: RunDocument) -> dict[str, str]:
    about = {"run": run, "method": document.method, "preset": document.preset, "harness": str(document.harness)}
    version = document.versions.get("augbench", "")
    preset = document.preset.partition("+")[0]
    source = f"bench run --method {document.method} --dataset {document.dataset} --preset {preset}"
    own = {"mlflow.source.name": source, "mlflow.source.type": "LOCAL", "bench.version": version}
    return {f"bench.{key}": value for key, value in about.items()} | own
