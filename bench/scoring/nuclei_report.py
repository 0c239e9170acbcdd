"""The output of `bench score nuclei --json`."""

from __future__ import annotations

from pydantic import Field

from bench.scoring.output import Bounds, Number, Output


class NucleiMetrics(Output):
    """`dice` to `hd95`: means over images; the rest from counts summed over images. Null where undefined."""

    dice: Number = Field(description="Dice of the foregrounds")
    jaccard: Number = Field(description="Jaccard index of the foregrounds")
    aji: Number = Field(description="aggregated Jaccard index")
    aji_plus: Number = Field(description="AJI with one-to-one pairs")
    dq: Number = Field(description="detection quality, IoU > 0.5")
    sq: Number = Field(description="segmentation quality")
    pq: Number = Field(description="panoptic quality")
    hd95: Number = Field(description="95th percentile Hausdorff distance of the foregrounds, pixels; lower is better")
    f_d: Number = Field(description="detection F1 of centroids matched within 3 micrometres")
    precision: Number = Field(description="detection precision")
    recall: Number = Field(description="detection recall")
    acc: Number = Field(description="share of matched nuclei of equal class")
    f_type: dict[str, Number] = Field(description="F of each class, by its number")


class NucleiIntervals(Output):
    """95 % intervals of the metrics over groups; null with fewer than two groups."""

    dice: Bounds
    jaccard: Bounds
    aji: Bounds
    aji_plus: Bounds
    dq: Bounds
    sq: Bounds
    pq: Bounds
    hd95: Bounds
    f_d: Bounds
    precision: Bounds
    recall: Bounds
    acc: Bounds
    f_type: dict[str, Bounds]


class NucleiSkipped(Output):
    """The numbers of images that are left out of scores."""

    both_empty: int = Field(description="no nucleus in truth and prediction: left out of the means")
    one_empty_hd95: int = Field(description="nuclei only on one side: hd95 is the image's diagonal, the rest 0")
    untyped_true: int = Field(description="true file without classes: left out of acc and f_type")
    untyped_pred: int = Field(description="predicted file without classes: left out of acc and f_type")


class NucleiImage(Output):
    """One image; metrics are null if neither side holds a nucleus."""

    id: str = Field(description="stem of both files")
    group: str = Field(description="slide or patient that the intervals are over; the id itself without --groups")
    n_true: int
    n_pred: int
    dice: Number
    jaccard: Number
    aji: Number
    aji_plus: Number
    dq: Number
    sq: Number
    pq: Number
    hd95: Number
    tp_d: int = Field(description="nuclei matched by centroid")
    fp_d: int = Field(description="predicted nuclei without a match")
    fn_d: int = Field(description="true nuclei without a match")
    typed: bool = Field(description="whether both files have classes, so that the image counts in acc and f_type")


class FurtherMetric(Output):
    """A metric of another package's evaluation, over all images."""

    value: Number
    ci: Bounds = Field(description="95 % interval over groups")
    reason: str = Field(description="why value or ci is null, or remarks that a reader needs; mostly empty")


class NucleiOutlines(Output):
    """What was repaired, cut off or left out when outlines were drawn, with the number of times; mostly empty."""

    true: dict[str, int] = Field(description="in the true files")
    pred: dict[str, int] = Field(description="in the predicted files")


class NucleiReport(Output):
    """Predicted nuclei compared with true ones."""

    images: int
    metrics: NucleiMetrics
    skipped: NucleiSkipped
    per_image: list[NucleiImage]
    ci: NucleiIntervals
    more: dict[str, FurtherMetric] = Field(description="metrics of installed evaluations of other packages, by name")
    classes: list[str] = Field(description="names of classes 1, 2, ...; empty if files only number them")
    outlines: NucleiOutlines
