"""Stage *evaluate*: sufficient statistics of every test image, from which all scores and intervals follow."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bench.contract import Dataset, Prediction, Sample
from bench.errors import DataError
from bench.jobs import Finished
from bench.runtime import Run
from bench.stages.downstream import read_prediction
from bench.stages.session import Session

STATISTICS = "statistics.parquet"
IMAGE_VALUES = ("dice", "jaccard", "aji", "aji_plus", "dq", "sq", "pq")
POOLED = ("tp", "fp", "fn", "sum_iou")


def evaluate(session: Session, predictions: Finished, test: Dataset, title: str) -> Finished:
    """Compare predictions with the test split; one row of statistics an image, kept as Parquet."""
    config = {"metrics": _versions(), "classes": list(test.info.classes), "mpp": test.info.mpp}
    job = session.numeric("evaluate", config, {"predictions": predictions.key, "test": test.digest}, title)

    def work(folder: Path, run: Run) -> None:
        rows = []
        with run.progress("evaluate", len(test), unit="image") as progress:
            for index in range(len(test)):
                prediction = read_prediction(predictions.path / f"{index:05d}.npz")
                rows.append(image_statistics(test[index], prediction, len(test.info.classes)))
                progress.advance(1)
        _write(folder / STATISTICS, rows)

    return session.do(job, work)


def image_statistics(sample: Sample, prediction: Prediction, n_classes: int) -> dict[str, object]:
    """Score one image: instance metrics, the counts of pooled quality, and the counts of detection and typing.

    Raises:
        DataError: truth or prediction holds no instances, or they differ in shape.
    """
    from metrics.instances import score_instances
    from metrics.types import matching_radius, type_counts

    if sample.instances is None or sample.types is None or prediction.instances is None or prediction.types is None:
        raise DataError("expected instances and types in truth and prediction", got=f"none for {sample.id}")
    scores = score_instances(sample.instances, prediction.instances, ignore=sample.ignore)
    counts = type_counts(
        sample.instances,
        sample.types,
        prediction.instances,
        prediction.types,
        n_classes=n_classes,
        radius_px=matching_radius(sample.mpp),
    )
    row: dict[str, object] = {"id": sample.id, "group": sample.group, "tissue": sample.tissue}
    row |= {name: float(getattr(scores, name)) for name in (*IMAGE_VALUES, *POOLED)}
    row["types"] = [int(count) for count in counts]
    return row


class Statistics:
    """The statistics of one evaluated test set."""

    def __init__(self, path: Path) -> None:
        """Read `statistics.parquet` in `path`."""
        import pyarrow.parquet as parquet

        table = parquet.read_table(path / STATISTICS)
        self.ids: list[str] = table.column("id").to_pylist()
        self.groups: list[str] = table.column("group").to_pylist()
        self.values = {name: np.array(table.column(name)) for name in (*IMAGE_VALUES, *POOLED)}
        self.types = np.array(table.column("types").to_pylist(), dtype=np.float64)


def _write(path: Path, rows: list[dict[str, object]]) -> None:
    import pyarrow
    import pyarrow.parquet as parquet

    parquet.write_table(pyarrow.Table.from_pylist(rows), path)


def _versions() -> dict[str, int]:
    """Protocol versions of what is computed here: a changed metric is computed again."""
    from metrics.table import METRICS

    wanted = [f"{name}/image" for name in IMAGE_VALUES] + ["pq/pooled", "f_d", "acc", "f_type"]
    return {name: METRICS[name].protocol_version for name in wanted}
