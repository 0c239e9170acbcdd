"""The columns of a leaderboard: which numbers are comparable, and in which order they are shown."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from metrics.table import Metric, reading_position

# Groups of metrics, in addition to distances, that an arm without synthetic images does not have.
OF_SETS = ("faithfulness", "memorisation", "readers", "reconstruction", "selection")
_FRECHET = ("fd", "fid", "clip_fid")
_KERNEL = ("kd", "kid")


@dataclass(frozen=True)
class Column:
    """One kind of number: rows that differ in any of these never share a column.

    `about` is what is known of the metric, None for one that no installed package knows. `summary`: the column sums up
    others, and stands for them in a page-wide table.
    """

    metric: str
    kind: str = "score"
    encoder: str = ""
    split: str = ""
    class_: str = ""
    direction: str = ""
    tag: str = ""
    about: Metric | None = field(default=None, compare=False)
    summary: bool = False

    @property
    def family(self) -> str:
        """The metric without encoder and aggregation, for example `fd` or `pq`."""
        return self.metric.partition("@")[0].partition("/")[0]

    @property
    def name(self) -> str:
        """The name in CSV, for example `fd@random-convnet[test]`, `f_type[epithelial]` or `pq/image_difference`."""
        metric = f"{self.metric}#{self.tag}" if self.tag else self.metric
        scope = "".join(f"[{part}]" for part in (self.class_, self.split if self.encoder else "") if part)
        return metric + scope + ("_difference" if self.kind == "difference" else "")

    @property
    def score_name(self) -> str:
        """The name of the score that a difference is of, for example `pq/image` or `f_type[epithelial]`."""
        return self.name.removesuffix("_difference")

    @property
    def is_distance(self) -> bool:
        """Whether the number compares sets of images, and not predictions with labels."""
        return bool(self.encoder)

    @property
    def is_frechet(self) -> bool:
        """Whether the number is a Fréchet distance, whose value depends on the number of images."""
        return self.is_distance and self.family in _FRECHET

    @property
    def is_kernel(self) -> bool:
        """Whether the number is a kernel distance."""
        return self.is_distance and self.family in _KERNEL

    @property
    def is_of_images(self) -> bool:
        """Whether the number is computed on synthetic images, which an arm may not have."""
        return self.is_distance or (self.about is not None and self.about.group in OF_SETS)

    @property
    def signed(self) -> bool:
        """Whether the sign is part of the message."""
        return self.kind == "difference"

    @property
    def scale(self) -> float:
        """The factor by which displayed numbers are multiplied: kernel distances are shown in thousandths."""
        return 1.0 if self.kind == "cost" or self.about is None else self.about.shown_times

    @property
    def is_main(self) -> bool:
        """Whether a page-wide table shows the metric."""
        return self.about is not None and self.about.main

    def heading(self, *, with_encoder: bool = True) -> tuple[str, ...]:
        """Return the lines of a heading: the metric with its direction, then what it is computed on, and the unit."""
        arrow = {"higher": " ↑", "lower": " ↓"}.get(self.direction, "")
        metric, _, encoder = self.metric.partition("@")
        metric, _, aggregation = metric.partition("/")
        scale = {1.0: "", 1000.0: "·10³"}.get(self.scale, f"·{self.scale:g}")
        if self.summary:
            metric, aggregation = metric.replace("_", " "), aggregation.replace("_", " ")
        first = ("Δ " if self.signed else "") + metric + scale + arrow
        encoder = (f"{encoder}#{self.tag}" if self.tag else encoder) if with_encoder or self.tag else ""
        split = f"vs {self.split}" if self.encoder and self.split else ""
        unit = "" if self.about is None else self.about.unit
        lines = (first, aggregation, encoder, self.class_, split, unit)
        return tuple(line for line in lines if line)


def reading_order(columns: Iterable[Column]) -> list[Column]:
    """Sort columns: scores of images, then scores of networks, then differences, and costs last."""
    kinds = ("score", "difference", "rank", "cost")

    def place(column: Column) -> tuple[object, ...]:
        return (
            kinds.index(column.kind),
            not column.summary,
            not column.is_of_images,
            reading_position(column.metric, column.about and column.about.group),
            column.metric,
            column.encoder,
            column.class_,
            column.split,
        )

    return sorted(columns, key=place)


def main_columns(
    columns: Iterable[Column], rare: Collection[str] = (), deficient: Collection[str] = ()
) -> list[Column]:
    """Return the columns of a page-wide table: one or two distances, the field's scores, the difference in PQ.

    Args:
        columns: all columns of a board.
        rare: the rare classes, whose scores are shown.
        deficient: encoders with more features than there are images: their kernel distances replace the Fréchet ones.
    """
    ordered = reading_order(columns)
    encoders = [column.encoder for column in ordered if column.is_distance and column.is_main]
    return [column for column in ordered if _is_main(column, rare, encoders[:1], deficient)]


def _is_main(column: Column, rare: Collection[str], encoders: Collection[str], deficient: Collection[str]) -> bool:
    if column.kind == "difference":
        return column.metric in {"pq", "pq/image", "accuracy"} and not column.class_
    if column.kind != "score":
        return column.summary
    if column.is_distance:
        shown = column.is_main and column.encoder in encoders and column.split in ("train", "test")
        if column.encoder in deficient:
            return shown and not column.is_frechet
        # the kernel distance has the message of the Fréchet distance, but with an interval: one split is enough
        return shown and (not column.is_kernel or column.split != "train")
    return column.is_main and (not column.class_ or column.class_ in rare)
