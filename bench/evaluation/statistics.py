"""Stage *evaluate*: sufficient statistics of every test image, from which all scores and intervals follow."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float64, Int32, UInt8

from bench.contract import Dataset, DatasetInfo, Prediction, Sample
from bench.engine.context import Run
from bench.engine.job import Finished
from bench.engine.session import Session
from bench.errors import DataError
from bench.stages.train import read_prediction

STATISTICS = "statistics.parquet"
IMAGE_VALUES = ("dice", "jaccard", "dice_2", "aji", "aji_plus", "dq", "sq", "pq", "f1")
SURFACES: Mapping[str, Literal["max", "concatenated"]] = {"hd95": "max", "hd95_concatenated": "concatenated"}
POOLED = ("tp", "fp", "fn", "sum_iou")


def evaluate(session: Session, predictions: Finished, test: Dataset, title: str) -> Finished:
    """Compare predictions with the test split; one row of statistics an image, kept as Parquet."""
    info = test.info
    if info.task == "tissue":
        config: dict[str, object] = {"metrics": _versions("images"), "labels": list(info.labels)}
    else:
        config = {"metrics": _versions("instances", "types"), "classes": list(info.classes), "mpp": info.mpp}
    job = session.numeric("evaluate", config, {"predictions": predictions.key, "test": test.digest}, title)

    def work(folder: Path, run: Run) -> None:
        rows = []
        with run.progress("evaluate", len(test), unit="image") as progress:
            for index in range(len(test)):
                prediction = read_prediction(predictions.path / f"{index:05d}.npz")
                rows.append(_statistics(test[index], prediction, info))
                progress.advance(1)
        write_statistics(folder, rows)

    return session.do(job, work)


def _statistics(sample: Sample, prediction: Prediction, info: DatasetInfo) -> dict[str, object]:
    from bench.evaluation.tissue import tissue_statistics

    if info.task == "tissue":
        return tissue_statistics(sample, prediction, len(info.labels))
    return image_statistics(sample, prediction, len(info.classes))


def image_statistics(sample: Sample, prediction: Prediction, n_classes: int) -> dict[str, object]:
    """Score one image: instance metrics, surface distances, and the counts that pooled scores are summed from.

    `types` are the counts of detection and typing (`metrics.types`); `classes` are TP, FP, FN and sum of IoU of each
    class, `true_counts` and `pred_counts` its nuclei. A value that is undefined is NaN. Where the sample has
    ignored pixels, both maps are scored without them, see :func:`without_ignored`.

    Raises:
        DataError: truth or prediction holds no instances, or they differ in shape.
    """
    from metrics.instances import score_table
    from metrics.multiclass import class_counts
    from metrics.overlap import overlap
    from metrics.types import matching_radius, type_counts

    if sample.instances is None or sample.types is None or prediction.instances is None or prediction.types is None:
        raise DataError("expected instances and types in truth and prediction", got=f"none for {sample.id}")
    true, true_types = without_ignored(sample.instances, sample.types, sample.ignore)
    pred, pred_types = without_ignored(prediction.instances, prediction.types, sample.ignore)
    table = overlap(true, pred)
    scores = score_table(table)
    radius = matching_radius(sample.mpp)
    counts = type_counts(true, true_types, pred, pred_types, n_classes=n_classes, radius_px=radius)
    types = true_types[table.true_ids - 1], pred_types[table.pred_ids - 1]
    row: dict[str, object] = {"id": sample.id, "group": sample.group, "tissue": sample.tissue}
    row |= {name: float(getattr(scores, name)) for name in (*IMAGE_VALUES, *POOLED)}
    row |= _surfaces(true, pred)
    row["types"] = [int(count) for count in counts]
    row["classes"] = class_counts(table, *types, n_classes).ravel().tolist()
    for name, of_side in zip(("true_counts", "pred_counts"), types, strict=True):
        row[name] = np.bincount(of_side, minlength=n_classes + 1)[1:].tolist()
    return row


def without_ignored(
    instances: Int32[np.ndarray, "h w"], types: UInt8[np.ndarray, " n"], ignore: Bool[np.ndarray, "h w"] | None
) -> tuple[Int32[np.ndarray, "h w"], UInt8[np.ndarray, " n"]]:
    """Return an instance map and its types without what no metric may count; as they are where `ignore` is None.

    Ignored pixels become background, and so does the rest of an instance of which more than half is ignored: a nucleus
    found in an ambiguous region must not come back as a false positive by a sliver that crosses its border. Ids are
    1..n again, in their old order. MoNuSAC's own script blanks the pixels of predictions alone and keeps slivers.

    Raises:
        DataError: `ignore` is not of the map's size.
    """
    if ignore is None:
        return instances, types
    if ignore.shape != instances.shape:
        raise DataError("expected ignored pixels of the map's size", got=f"{ignore.shape} and {instances.shape}")
    area, ignored = (np.bincount(ids, minlength=len(types) + 1) for ids in (instances.ravel(), instances[ignore]))
    kept = (2 * ignored <= area) & (area > 0)
    kept[0] = False
    table = np.where(kept, np.cumsum(kept), 0).astype(np.int32)
    return np.where(ignore, np.int32(0), table[instances]), types[kept[1:]]


def _surfaces(true: Int32[np.ndarray, "h w"], pred: Int32[np.ndarray, "h w"]) -> dict[str, object]:
    """HD95 of the foregrounds in both definitions, in pixels, and whether exactly one of them is empty."""
    from metrics.surface import hausdorff_by_definition

    found = hausdorff_by_definition(true > 0, pred > 0)
    values: dict[str, object] = {name: found[definition].value for name, definition in SURFACES.items()}
    return values | {"one_empty": found["max"].one_empty}


class Statistics:
    """The statistics of the images of one test set: a table with a row an image, `id` and `group` among its columns."""

    def __init__(self, path: Path) -> None:
        """Read `statistics.parquet` in `path`."""
        import pyarrow.parquet as parquet

        self._table = parquet.read_table(path / STATISTICS)
        self._read: dict[str, np.ndarray] = {}
        self.ids: list[str] = self.column("id").tolist()
        self.groups: list[str] = self.column("group").tolist()

    def __len__(self) -> int:
        return len(self.ids)

    def column(self, name: str) -> np.ndarray:
        """Return a column: one value an image, or one row an image where it holds lists."""
        if name not in self._read:
            self._read[name] = np.array(self._table.column(name).to_pylist())
        return self._read[name]

    def numbers(self, name: str) -> Float64[np.ndarray, "n *k"]:
        """Return a column of numbers."""
        return self.column(name).astype(np.float64)


def write_statistics(folder: Path, rows: list[dict[str, object]]) -> None:
    """Write a row an image for :class:`Statistics` to read."""
    import pyarrow
    import pyarrow.parquet as parquet

    parquet.write_table(pyarrow.Table.from_pylist(rows), folder / STATISTICS)


def _versions(*groups: str) -> dict[str, int]:
    """Protocol versions of what is computed here: a changed metric is computed again."""
    from metrics.table import METRICS

    return {name: metric.protocol_version for name, metric in METRICS.items() if metric.group in groups}
