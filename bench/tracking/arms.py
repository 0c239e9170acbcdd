"""The child runs of a run: one for every arm and network, and below it one for every fold and seed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.results.artefacts import Artefact
from bench.results.document import RunDocument
from bench.tracking import curves, lineage, tables
from bench.tracking.headline import Place, network_of, of_arm, of_place, places
from bench.tracking.note import note_of_arm
from bench.tracking.record import Point, Record
from bench.tracking.times import Span, span_of, usage_of

if TYPE_CHECKING:
    import pandas as pd

    from reports.board import Leaderboard, Row

NOT_MODELS = ("job.json", "curves.jsonl")


@dataclass(frozen=True)
class Source:
    """What the records of a run are made from; `models` says whether they have the files of checkpoints."""

    store: Path
    run: str
    document: RunDocument
    frame: pd.DataFrame
    board: Leaderboard
    curves: curves.Records
    usage: dict[str, list[dict[str, float]]]
    span: Span
    models: bool = False


def arm_records(source: Source) -> Iterator[Record]:
    """Yield the record of every arm, the controls last."""
    order = sorted(range(len(source.board.rows)), key=lambda index: source.board.rows[index].is_control)
    yield from (_arm(source, index) for index in order)


def _arm(source: Source, index: int) -> Record:
    row, document = source.board.rows[index], source.document
    own = _artefacts(document, row)
    repetitions = places(row, source.frame)
    keys = [one.key for one in own]
    span = span_of(document, keys, source.span)
    generator = curves.of_generator(source.curves, row.method, row.variant)
    single = _curves(source, row, repetitions[0]) if len(repetitions) == 1 else ()
    children = [_repetition(source, row, place) for place in repetitions] if len(repetitions) > 1 else []
    return Record(
        name=_title(source.board.rows, row),
        level="arm",
        started_ms=span.start,
        ended_ms=span.end,
        parameters=_parameters(row),
        tags=_tags(source, row, index),
        note=note_of_arm(document, source.board, index),
        metrics=of_arm(source.board, index, source.frame),
        curves=(*generator, *single),
        usage=usage_of(source.usage, keys),
        inputs=(*lineage.sets(document, own, _size(source, row)), *lineage.splits(document)),
        tables={"numbers.json": tables.numbers(source.board, index)},
        models=tuple(_models(source, own)) if source.models else (),
        children=tuple(children),
    )


def _repetition(source: Source, row: Row, place: Place) -> Record:
    own = [one for one in _artefacts(source.document, row) if _is_at(one, place)]
    span = span_of(source.document, [one.key for one in own if one.network], source.span)
    about = {"fold": place.fold, "seed": str(place.seed), "generation_seed": str(place.generation)}
    return Record(
        name=_place_title(place),
        level="repetition",
        started_ms=span.start,
        ended_ms=span.end,
        parameters=_parameters(row) | {name: value for name, value in about.items() if value},
        tags=_common(source, row),
        metrics=of_place(source.board, row, source.frame, place),
        curves=_curves(source, row, place),
        inputs=(*lineage.sets(source.document, own, _size(source, row)), *lineage.splits(source.document, place.fold)),
    )


def _curves(source: Source, row: Row, place: Place) -> tuple[Point, ...]:
    return curves.of_network(source.curves, row.method, row.variant, network_of(row), place)


def _title(rows: Sequence[Row], row: Row) -> str:
    several = len({other.downstream for other in rows if other.downstream}) > 1
    return f"{row.title} · {row.downstream}" if several and row.downstream else row.title


def _place_title(place: Place) -> str:
    fold = f"fold {place.fold}" if place.fold else ""
    # an arm without sets, and one whose sets are drawn under the training seed, have no set to name
    drawn = f"set {place.generation}" if place.generation not in (0, place.seed) else ""
    return " · ".join(part for part in (fold, drawn, f"seed {place.seed}") if part)


def _parameters(row: Row) -> dict[str, str]:
    ratio = "" if row.ratio is None else f"{row.ratio:g}"
    found = {"method": row.method, "variant": row.variant, "network": row.downstream, "ratio": ratio}
    return {name: value for name, value in found.items() if value}


def _common(source: Source, row: Row) -> dict[str, str]:
    role = "control" if row.is_control else "method"
    names = {"bench.run": source.run, "bench.role": role, "bench.arm": row.title}
    return names | {"bench.preset": source.document.preset}


def _tags(source: Source, row: Row, index: int) -> dict[str, str]:
    from reports.verdicts import verdict_text

    found = {"bench.leak": row.warning, "bench.verdict": ", ".join(verdict_text(source.board, index))}
    return _common(source, row) | {name: text for name, text in found.items() if text}


def _size(source: Source, row: Row) -> int | None:
    frame = source.frame
    own = frame.loc[(frame["method"] == row.method) & (frame["variant"] == row.variant), "n_synthetic"].dropna()
    return int(own.iloc[0]) if len(own) and int(own.iloc[0]) > 0 else None


def _artefacts(document: RunDocument, row: Row) -> list[Artefact]:
    same = [one for one in document.artefacts if (one.method, one.variant) == (row.method, row.variant)]
    return [one for one in same if one.network in ("", network_of(row))]


def _is_at(one: Artefact, place: Place) -> bool:
    if one.fold not in ("", place.fold):
        return False
    if one.kind == "set":
        return (one.seed if one.generation is None else one.generation) == place.generation
    return one.seed == place.seed and one.generation in (None, place.generation)


def _models(source: Source, artefacts: Sequence[Artefact]) -> Iterator[tuple[str, Path]]:
    """Yield the files of an arm's trained parts and networks, each with its folder on the server."""
    for one in artefacts:
        folder = source.store / one.folder
        if one.kind not in ("part", "model") or not folder.is_dir():
            continue
        about = "-".join(part for part in (one.fold.replace("/", "of"), f"seed{one.seed}") if part)
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.name not in NOT_MODELS:
                below = path.parent.relative_to(folder).as_posix()
                yield "/".join(["models", one.network or one.kind, about, below]).removesuffix("/."), path
