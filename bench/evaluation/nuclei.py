"""How well are nuclei found, outlined and typed? Instance and type maps of test images against their labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from jaxtyping import Bool, Int32, UInt8

from bench.contract import DatasetInfo, Prediction, Sample
from bench.errors import DataError
from bench.evaluation.nuclei_scores import IMAGE_VALUES, POOLED, SURFACES, nuclei_scores
from bench.evaluation.predictions import PredictionEvaluation
from bench.evaluation.score import Score

if TYPE_CHECKING:
    from metrics.entry import Metric


class Nuclei(PredictionEvaluation):
    """Segmentation, detection and types of nuclei."""

    name: ClassVar[str] = "nuclei"

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """All that the table of metrics knows of instance and type maps."""
        from metrics.table import of_groups

        return of_groups("instances", "types")

    def about(self, info: DatasetInfo) -> bool:
        """Say whether a dataset has nuclei."""
        return info.task == "nuclei"

    def settings(self, info: DatasetInfo) -> Mapping[str, object]:
        """Return class names and resolution, which sets the radius of matching."""
        return {"classes": list(info.classes), "mpp": info.mpp}

    def image(self, sample: Sample, prediction: Prediction, info: DatasetInfo) -> Mapping[str, object]:
        """Return the statistics of one image."""
        return image_statistics(sample, prediction, len(info.classes))

    def scores(self, info: DatasetInfo) -> Iterator[Score]:
        """Yield the scores."""
        return nuclei_scores(info.classes)


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
    row: dict[str, object] = {"tissue": sample.tissue}
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
