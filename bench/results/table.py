"""The results table: one number per row, one Parquet file per run, and the run's document next to it."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar

import pyarrow
import pyarrow.parquet as parquet
from pydantic import ConfigDict, Field, model_validator

from bench.atomic import replacing
from bench.contract import Settings
from bench.digest import digest_file, write_json
from bench.errors import DataError
from bench.harmless import harmless
from bench.results.artefacts import ALL_FOLDS as ALL_FOLDS
from bench.results.document import RunDocument, RunHead
from bench.results.evidence import Evidence
from bench.results.extras import USAGE as USAGE
from bench.results.extras import read_curves, read_evidence, read_usage
from bench.results.merge import IDENTITY as IDENTITY
from bench.results.merge import SET as SET
from bench.results.merge import merge_rows as merge_rows

if TYPE_CHECKING:
    import pandas as pd

Extra = TypeVar("Extra")
Head = TypeVar("Head", bound=RunHead)

SCHEMA_VERSION = 1
ALL_SEEDS = -1
"""Seed of a row that stands for several seeds together."""
POOLED_FOLDS = "pooled folds"
"""Aggregation of a row that is computed from the predictions for the test sets of all folds together."""


class ScoreRow(Settings):
    """One number, or the reason why there is none.

    `metric` is the full name, `fd@random-convnet` or `pq/image`; `encoder` is the identity (weights and
    preprocessing), which distinguishes equal names of different weights. A `difference` is the paired difference to
    `real-only` (positive: the arm's value is the larger), with its p-value and the one adjusted by Holm's
    procedure. A `spread` is a standard deviation over the seeds that `aggregation` names, and a `rank` the place of
    the arm among all arms and the baseline, 1 being the best, whose intervals hold for all of them together. A row
    of `seed` -1 stands for `seeds` seeds together. `generation` is the seed that the arm's set was drawn under, 0
    for an arm that draws none; -1 stands for `generations` sets together. `fold` is `k/K`, or `all` for all folds
    together; the mean over folds is over `seeds` trainings, one per fold and seed. `division` is the name of the
    protocol that divided the data, with the start of the hash of the division; it is empty for the dataset's own
    splits. `ratio` is synthetic : real of the arm's training mix (0: only real images; null: it is not trained on),
    and `n_synthetic` the size of its set. `starts_from` says whether the network's training started from "random"
    weights or those of a "file", or whether it is a "released" network that is not trained. A number without an
    interval says why in `reason`. Of the `n` images of a mean, `n_skipped` do not count, because they have nothing
    to score; over several seeds it is the largest number. `data` is the digest of the splits that the run read. An
    interval over groups has `n_groups` of them, each a `group_kind` ("slide", "patient", "tile", "patch"), of which
    `n_effective` contribute to the number as if all were of one size. `n_distinct` is the number of different
    networks or sets behind a row, which is smaller than the number of seeds if seeds change nothing, and
    `generators` the number of generators that were trained separately (0: the method trains nothing). A distance
    has the value of real images, `floor`, with the range of 95 % of its draws, the value within slides,
    `floor_within`, and the place of the arm's value in relation to that range, `standing`. `detectable` is the
    smallest difference that an interval like that of the row would exclude from 0 in 80 % of repetitions.
    `protocol` is the version of the metric, `harness` that of the harness: numbers of different versions are
    different measurements. A `study` is a number about the readers of a study and not about an arm; no board has it.
    """

    run: str
    kind: Literal["score", "difference", "spread", "cost", "rank", "study"] = "score"
    dataset: str
    data: str = ""
    split: str = ""
    division: str = ""
    fold: str = ""
    seed: int = Field(default=0, ge=ALL_SEEDS)
    seeds: int = Field(default=1, ge=1)
    generation: int = Field(default=0, ge=ALL_SEEDS)
    generations: int = Field(default=1, ge=1)
    method: str
    variant: str = ""
    ratio: float | None = None
    n_synthetic: int | None = None
    budget: str = ""
    downstream: str = ""
    starts_from: str = ""
    metric: str
    encoder: str = ""
    class_: str = Field(default="", alias="class")
    aggregation: str = ""
    value: float | None = None
    se: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    ci_method: str = ""
    n: int | None = None
    n_skipped: int | None = None
    n_groups: int | None = None
    n_effective: float | None = None
    group_kind: str = ""
    n_distinct: int | None = None
    generators: int = Field(default=1, ge=0)
    floor: float | None = None
    floor_low: float | None = None
    floor_high: float | None = None
    floor_within: float | None = None
    standing: Literal["below", "on", "above", ""] = ""
    detectable: float | None = None
    direction: Literal["higher", "lower", "none", ""] = ""
    p: float | None = None
    p_holm: float | None = None
    preset: str
    protocol: int = 1
    harness: int = 1
    set_digest: str = ""
    reason: str = ""

    model_config = ConfigDict(populate_by_name=True)

    @model_validator(mode="before")
    @classmethod
    def _drop_nan(cls, values: Any) -> Any:
        """Replace NaN, numpy's missing value, by the table's, which is null."""
        if isinstance(values, Mapping):
            return {key: None if isinstance(v, float) and math.isnan(v) else v for key, v in values.items()}
        return values

    @model_validator(mode="after")
    def _explained(self) -> Self:
        if self.value is None and not self.reason:
            raise ValueError(f"a missing {self.metric} needs a reason")
        if self.value is not None and not math.isfinite(self.value):
            raise ValueError(f"{self.metric} must be finite or missing, not {self.value}")
        if self.kind != "cost" and self.ci_low is None and not self.reason:
            raise ValueError(f"{self.metric} without an interval needs a reason")
        if self.seed == ALL_SEEDS and self.seeds < 2:
            raise ValueError(f"{self.metric} of all seeds must say how many: seeds >= 2")
        if self.generation == ALL_SEEDS and self.generations < 2:
            raise ValueError(f"{self.metric} of all generation seeds must say how many: generations >= 2")
        return self


_TYPES = {"str": pyarrow.string(), "int": pyarrow.int64(), "float": pyarrow.float64()}


def _schema() -> pyarrow.Schema:
    fields = []
    for name, field in ScoreRow.model_fields.items():
        kind = "int" if field.annotation in (int, int | None) else "str"
        kind = "float" if field.annotation == float | None else kind
        fields.append(pyarrow.field(field.alias or name, _TYPES[kind]))
    return pyarrow.schema(fields, metadata={"schema_version": str(SCHEMA_VERSION)})


SCHEMA = _schema()
COLUMNS: tuple[str, ...] = tuple(SCHEMA.names)
REQUIRED = tuple(field.alias or name for name, field in ScoreRow.model_fields.items() if field.is_required())


def _table(rows: Iterable[ScoreRow]) -> pyarrow.Table:
    return pyarrow.Table.from_pylist([row.model_dump(by_alias=True) for row in rows], schema=SCHEMA)


def write_rows(path: Path, rows: Iterable[ScoreRow]) -> None:
    """Write rows as Parquet, under a temporary name that is then renamed."""
    with replacing(path) as temporary:
        parquet.write_table(_table(rows), temporary)


def read_rows(paths: Iterable[Path]) -> pd.DataFrame:
    """Return the rows of several files in one frame, in order; columns that an older file lacks get their defaults.

    Raises:
        DataError: a file is unreadable or of a newer schema.
    """
    return _frame([_read(path) for path in paths])


def frame_of(rows: Iterable[ScoreRow]) -> pd.DataFrame:
    """Return rows in the frame that they are read as once they are written."""
    return _frame([_table(rows)])


def _frame(tables: Sequence[pyarrow.Table]) -> pd.DataFrame:
    table = pyarrow.concat_tables(tables) if tables else SCHEMA.empty_table()
    frame: pd.DataFrame = table.to_pandas()
    return frame.astype(dict.fromkeys(["n", "n_skipped", "n_synthetic", "n_groups", "n_distinct"], "Int64"))


def _say(text: str) -> None:
    print(f"warning: {harmless(text)}", file=sys.stderr)


class ResultsStore:
    """Results of every run under `<store>/results`: `<run>.parquet`, `<run>.json` and the folder `<run>`.

    A run counts once its document exists, since the document is written last. Files of other runs that cannot be read
    are skipped, and each is named in a warning.
    """

    def __init__(self, store: Path, warn: Callable[[str], None] = _say) -> None:
        """Use the folder `results` of `store`; nothing is read or created yet.

        Args:
            store: the store.
            warn: receives the names of files that cannot be read; by default, they are printed as warnings.
        """
        self.root = store / "results"
        self._warn = warn
        self._named: set[str] = set()

    def write(self, run: str, rows: Sequence[ScoreRow], document: RunDocument) -> None:
        """Write a run's rows and document; `created` (ISO time, UTC) is added if the document has none."""
        self.folder(run).mkdir(parents=True, exist_ok=True)
        path = self.root / f"{run}.parquet"
        write_rows(path, rows)
        created = document.created or datetime.now(UTC).isoformat(timespec="microseconds")
        whole = document.model_copy(update={"run": run, "created": created, "rows_sha256": digest_file(path)})
        write_json(self.root / f"{run}.json", whole.model_dump(mode="json"), shared=True)

    def folder(self, run: str) -> Path:
        """Return the folder of a run's further files: curves, contact sheet, manifest, leaderboard."""
        return self.root / run

    def has(self, run: str) -> bool:
        """Return whether a run has results; those with a broken file are named, since they must be written again."""
        if not (self.root / f"{run}.json").exists():
            return False
        try:
            self._rows(run, self.document(run))
            read_curves(self.folder(run))
            read_usage(self.folder(run))
        except DataError as error:
            self._name(error, "is written again")
            return False
        return True

    def runs(self) -> tuple[str, ...]:
        """Return the run keys, oldest first."""
        return tuple(self.heads())

    def heads(self) -> dict[str, RunHead]:
        """Return the head of every run's document by key, oldest run first, without those that cannot be read."""
        return self._each(RunHead)

    def documents(self) -> dict[str, RunDocument]:
        """Return the document of every run by key, oldest run first, without those that cannot be read."""
        return self._each(RunDocument)

    def document(self, run: str) -> RunDocument:
        """Return one run's document.

        Raises:
            DataError: it cannot be read.
        """
        return self._document(run, RunDocument)

    def _each(self, kind: type[Head]) -> dict[str, Head]:
        found: dict[str, Head] = {}
        for path in self.root.glob("[!.]*.json"):
            try:
                found[path.stem] = self._document(path.stem, kind)
            except DataError as error:
                self._name(error, "is skipped")
        return dict(sorted(found.items(), key=lambda item: (item[1].created, item[0])))

    def _document(self, run: str, kind: type[Head]) -> Head:
        path = self.root / f"{run}.json"
        try:
            return kind.of_json(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            got = str(error).splitlines()[0]
            raise DataError(f"The document of a run cannot be read: {path}", got=got) from error

    def rows(self, run: str) -> pd.DataFrame:
        """Return one run's rows, unchanged.

        Raises:
            DataError: they or the document cannot be read, or they are not those of the document.
        """
        return _frame([self._rows(run, self._document(run, RunHead))])

    def table(self, dataset: str | None = None, preset: str | None = None) -> pd.DataFrame:
        """Return the rows of all runs, oldest first, each measurement once, with the column `set` of `merge_rows`.

        Files that cannot be read are left out.

        Args:
            dataset: read only the runs on this dataset.
            preset: read only the runs at this preset.
        """
        tables = []
        for run, head in self.heads().items():
            if dataset not in (None, head.dataset) or preset not in (None, head.preset):
                continue
            try:
                tables.append(self._rows(run, head))
            except DataError as error:
                self._name(error, "is skipped")
        return merge_rows(_frame(tables))

    def _rows(self, run: str, head: RunHead) -> pyarrow.Table:
        return _read(self.root / f"{run}.parquet", head.rows_sha256)

    def _name(self, error: DataError, done: str) -> None:
        """Say once that a file cannot be read and what is done about it."""
        said = f"a file of results {done}: {error.message} ({' '.join(error.got.split())[:200]})"
        if said not in self._named:
            self._named.add(said)
            skipped = "; the command of its run writes it again, and removing it ends this warning"
            self._warn(said + (skipped if done == "is skipped" else ""))

    def curves(self, run: str) -> Iterator[tuple[str, int, float]]:
        """Yield (name, step, value) of a run's training curves, in the order in which they were written."""
        points = ((str(one["name"]), int(one["step"]), float(one["value"])) for one in self.curve_records(run))
        yield from dict.fromkeys(points)  # a part that arms share has records of each

    def curve_records(self, run: str) -> list[dict[str, Any]]:
        """Return the points of a run's training curves, with arm, fold, network and seeds unless they are older."""
        return self._unless_broken(run, read_curves, [])

    def usage(self, run: str) -> dict[str, list[dict[str, float]]]:
        """Return what the machine did during the steps of a run: samples by the step's key; older runs have none."""
        return self._unless_broken(run, read_usage, {})

    def evidence(self, run: str) -> Evidence | None:
        """Return what a run keeps to be looked at; None if it has none."""
        return self._unless_broken(run, read_evidence, None)

    def _unless_broken(self, run: str, read: Callable[[Path], Extra], instead: Extra) -> Extra:
        try:
            return read(self.folder(run))
        except DataError as error:
            self._name(error, "is skipped")
            return instead


def _read(path: Path, sha256: str = "") -> pyarrow.Table:
    try:
        # Parquet reads most damaged numbers as other numbers
        if sha256 and digest_file(path) != sha256:
            raise DataError(f"The results table {path} was damaged", got="another hash than in the document of its run")
        with parquet.ParquetFile(path) as file:  # `read_table` imports more, for a third of a second
            return _checked(path, file.read())
    except (OSError, ValueError, pyarrow.ArrowException) as error:
        raise DataError(f"Cannot read the results table {path}", got=str(error)) from error


def _checked(path: Path, table: pyarrow.Table) -> pyarrow.Table:
    """Return a table with all columns; raise an error that says why, if it has not those that every version has."""
    version = int((table.schema.metadata or {}).get(b"schema_version", b"1"))
    if version > SCHEMA_VERSION:
        raise DataError(
            f"The results in {path} are not of schema {SCHEMA_VERSION} or older",
            got=f"schema {version}",
            fix="upgrade augbench",
        )
    absent = [name for name in REQUIRED if name not in table.column_names]
    if absent:
        raise DataError(f"The results in {path} lack columns", got=f"no {', '.join(absent)}")
    table = _with_generations(table)
    columns = [_column(table, field) for field in SCHEMA]
    return pyarrow.Table.from_arrays(columns, schema=SCHEMA)


def _with_generations(table: pyarrow.Table) -> pyarrow.Table:
    """Return a table with the columns of generation seeds; in an older one, each seed had a set of its own."""
    if "generation" in table.column_names or "seed" not in table.column_names:
        return table
    rows = table.select(["method", "seed"]).to_pylist()
    drawn = [row["method"] != "real-only" for row in rows]
    generation = [row["seed"] if own else 0 for row, own in zip(rows, drawn, strict=True)]
    seeds = table.column("seeds").to_pylist() if "seeds" in table.column_names else [1] * len(rows)
    generations = [n if own else 1 for n, own in zip(seeds, drawn, strict=True)]
    table = table.append_column("generation", pyarrow.array(generation, pyarrow.int64()))
    return table.append_column("generations", pyarrow.array(generations, pyarrow.int64()))


def _column(table: pyarrow.Table, field: pyarrow.Field) -> pyarrow.ChunkedArray:
    if field.name in table.column_names:
        return table.column(field.name).cast(field.type)
    settings = ScoreRow.model_fields["class_" if field.name == "class" else field.name]
    default = None if settings.is_required() else settings.default
    return pyarrow.chunked_array([pyarrow.array([default] * len(table), field.type)])
