"""Writing runs to MLflow: a run per bench run with its children, in the experiment of its dataset."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, Experiment, InputTag, Metric, Param, Run, RunTag, ViewType
from mlflow.exceptions import MlflowException

from bench.errors import BenchError
from bench.tracking import database
from bench.tracking.locking import lock_of, patiently
from bench.tracking.observer import default_uri
from bench.tracking.reading import read_record
from bench.tracking.record import EXPERIMENT, RUN, Input, Record, RunRecord
from bench.tracking.views import experiment_tags

CONTENT = "bench.content"
_BATCH = 1000
_SMALL_BATCH = 100
_DEFAULT = "0"
_Item = TypeVar("_Item")


class Tracker:
    """A tracking server, or the store's own database, to which the runs of a store are logged."""

    def __init__(self, store: Path, uri: str) -> None:
        """Connect to `uri`; the store's own database keeps its files in `<store>/mlartifacts`.

        If that database is visibly broken, it is renamed to `aside` and made again.
        """
        self._store, self._uri = store, uri
        self.own = uri == default_uri(store)
        self.aside: Path | None = None
        with lock_of(store, uri):  # who connects first creates the tables
            if self.own:
                self._make_whole(store / database.NAME)
            self._client = MlflowClient(tracking_uri=uri)
            if self.own:
                self._hide_default()

    def _make_whole(self, path: Path) -> None:
        if path.exists() and database.fault(path):
            self.aside = database.set_aside(path)
        if not path.exists():
            database.create(path, (self._store / "mlartifacts").absolute().as_uri())

    def log(self, run: str, *, models: bool = False) -> str:
        """Write one run, replacing an older record of it; return `logged`, or `kept` if it has not changed.

        Raises:
            BenchError: the experiment keeps its files in another store.
        """
        record = read_record(self._store, run, models=models)
        with lock_of(self._store, self._uri, run):
            return patiently(lambda: self._log(record))

    def _log(self, record: RunRecord) -> str:
        experiment = self._experiment(record.experiment)
        known = self._known(experiment, record.run)
        done = [old for old in known if old.info.status == "FINISHED" and old.data.tags.get(CONTENT) == record.content]
        if done:
            return "kept"
        self._write(experiment, record.top, content=record.content)
        for old in known:
            self._client.delete_run(old.info.run_id)
        tags = experiment_tags(record.experiment, record.headline, record.primary, record.top.ended_ms)
        for key, value in tags.items():
            self._client.set_experiment_tag(experiment, key, value)
        return "logged"

    def _known(self, experiment: str, run: str) -> list[Run]:
        """Return what the server has of a run: complete or not, and its children."""
        found: list[Run] = []
        token = None
        while True:
            page = self._client.search_runs(
                [experiment], f"tags.`bench.run` = '{run}'", ViewType.ACTIVE_ONLY, 1000, page_token=token
            )
            found += page
            token = page.token
            if not token:
                return found

    def _hide_default(self) -> None:
        """Delete the experiment that MLflow adds to every database, as long as nothing was logged there."""
        active = self._client.search_experiments(ViewType.ACTIVE_ONLY, filter_string="name = 'Default'")
        for one in active:
            if one.experiment_id == _DEFAULT and not self._client.search_runs([_DEFAULT], max_results=1):
                with suppress(MlflowException):  # another process may have just deleted it
                    self._client.delete_experiment(_DEFAULT)

    def _experiment(self, name: str) -> str:
        location = (self._store / "mlartifacts" / name).absolute().as_uri() if self.own else None
        found: Experiment | None = self._client.get_experiment_by_name(name)
        if found is None:
            with suppress(MlflowException):  # another process may have just created it
                return str(self._client.create_experiment(name, artifact_location=location))
            found = self._client.get_experiment_by_name(name)
        if found is None:
            return str(self._client.create_experiment(name, artifact_location=location))
        if location is not None and found.artifact_location != location:
            raise BenchError(
                f"The experiment {name!r} does not keep its files in {location}",
                got=found.artifact_location,
                fix="if the store was moved, remove its mlflow.db, then run `bench export mlflow`",
            )
        if found.lifecycle_stage == "deleted":
            self._client.restore_experiment(found.experiment_id)
        return str(found.experiment_id)

    def _write(self, experiment: str, record: Record, parent: str = "", content: str = "") -> None:
        """Write a run and everything below it; it is finished last, so that an interrupted one is not taken for it."""
        created = self._client.create_run(experiment, record.started_ms, _first_tags(record, parent), record.name)
        run_id = created.info.run_id
        note = record.note.replace(EXPERIMENT, experiment).replace(RUN, run_id)
        own = {"mlflow.note.content": note, CONTENT: content}
        tags = [RunTag(key, value) for key, value in {**record.tags, **own}.items() if value]
        points = [Metric(name, value, record.ended_ms, 0) for name, value in record.metrics.items()]
        for point in (*record.curves, *record.usage):
            points.append(Metric(point.name, point.value, point.time or record.ended_ms, point.step))
        parameters = [Param(key, value) for key, value in record.parameters.items()]
        for some in _chunks(tags, _SMALL_BATCH):
            self._client.log_batch(run_id, tags=some)
        for few in _chunks(parameters, _SMALL_BATCH):
            self._client.log_batch(run_id, params=few)
        for many in _chunks(points, _BATCH):
            self._client.log_batch(run_id, metrics=many)
        if record.inputs:
            self._client.log_inputs(run_id, datasets=[_dataset(one) for one in record.inputs])
        self._write_files(run_id, record)
        for child in record.children:
            self._write(experiment, child, run_id)
        self._client.set_terminated(run_id, "FINISHED", end_time=record.ended_ms)

    def _write_files(self, run_id: str, record: Record) -> None:
        for name, columns in record.tables.items():
            self._client.log_table(run_id, dict(columns), name)
        for name, text in record.pages.items():
            self._client.log_text(run_id, text, name)
        for path in record.artifacts:
            self._client.log_artifact(run_id, str(path))
        for folder, path in record.models:
            self._client.log_artifact(run_id, str(path), folder)


def _first_tags(record: Record, parent: str) -> dict[str, Any]:
    """Return the tags without which an interrupted record could not be found again."""
    tags = {"bench.run": record.tags["bench.run"], "bench.level": record.level}
    return tags | ({"mlflow.parentRunId": parent} if parent else {})


def _dataset(one: Input) -> DatasetInput:
    profile = json.dumps({"num_rows": one.size}) if one.size is not None else None
    source = json.dumps({"uri": one.source})
    dataset = Dataset(one.name, one.digest, "local", source, profile=profile)
    return DatasetInput(dataset, [InputTag("mlflow.data.context", one.context)])


def _chunks(items: Sequence[_Item], size: int) -> Iterator[Sequence[_Item]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
