"""Writing runs to MLflow: one MLflow run per bench run, in the experiment of its dataset."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from mlflow import MlflowClient
from mlflow.entities import Experiment, Metric, Param, RunTag, ViewType

from bench.errors import BenchError
from bench.tracking.observer import default_uri
from bench.tracking.record import Record, read_record

CONTENT = "bench.content"
_BATCH = 1000
_SMALL_BATCH = 100
_Item = TypeVar("_Item")


class Tracker:
    """A tracking server, or the store's own database, to which the runs of a store are logged."""

    def __init__(self, store: Path, uri: str) -> None:
        """Connect to `uri`; the store's own database keeps its files in `<store>/mlartifacts`."""
        self._store = store
        self._client = MlflowClient(tracking_uri=uri)
        self._own = uri == default_uri(store)

    def log(self, run: str) -> str:
        """Write one run, replacing an older record of it; return `logged`, or `kept` if it has not changed.

        Raises:
            BenchError: the experiment keeps its files in another store.
        """
        record = read_record(self._store, run)
        experiment = self._experiment(record.experiment)
        known = self._client.search_runs(
            [experiment], f"tags.`bench.run` = '{run}'", run_view_type=ViewType.ACTIVE_ONLY
        )
        unchanged = [old for old in known if old.data.tags.get(CONTENT) == record.content]
        if any(old.info.status == "FINISHED" for old in unchanged):
            return "kept"
        self._write(experiment, record)
        for old in known:
            self._client.delete_run(old.info.run_id)
        return "logged"

    def _experiment(self, name: str) -> str:
        location = (self._store / "mlartifacts" / name).absolute().as_uri() if self._own else None
        found: Experiment | None = self._client.get_experiment_by_name(name)
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

    def _write(self, experiment: str, record: Record) -> None:
        created = self._client.create_run(experiment, start_time=record.created_ms, run_name=record.title)
        run_id, time = created.info.run_id, record.created_ms
        tags = [RunTag(key, value) for key, value in record.tags.items()]
        parameters = [Param(key, value) for key, value in record.parameters.items()]
        points = [Metric(name, value, time, 0) for name, value in record.metrics.items()]
        points += [Metric(name, value, time, step) for name, step, value in record.curves]
        for some in _chunks([*tags, RunTag(CONTENT, record.content)], _SMALL_BATCH):
            self._client.log_batch(run_id, tags=some)
        for few in _chunks(parameters, _SMALL_BATCH):
            self._client.log_batch(run_id, params=few)
        for many in _chunks(points, _BATCH):
            self._client.log_batch(run_id, metrics=many)
        for path in record.artifacts:
            self._client.log_artifact(run_id, str(path))
        self._client.set_terminated(run_id, "FINISHED", end_time=time)


def _chunks(items: Sequence[_Item], size: int) -> Iterator[Sequence[_Item]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
