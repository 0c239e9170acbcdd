"""Reports of `bench score` for people: a table of values and intervals, then what was left out and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.markup import escape
from rich.table import Table

from bench.scoring.classes_report import ClassesReport
from bench.scoring.images_report import ImagesReport
from bench.scoring.nuclei_report import NucleiReport
from bench.scoring.output import Bounds, Number

Lines = Iterator[Table | str]

_NUCLEI = {
    "dice": "Dice",
    "jaccard": "Jaccard",
    "aji": "AJI",
    "aji_plus": "AJI+",
    "dq": "DQ",
    "sq": "SQ",
    "pq": "PQ",
    "hd95": "HD95, px (lower is better)",
    "f_d": "F detection",
    "precision": "precision of detection",
    "recall": "recall of detection",
    "acc": "accuracy of types",
}
_MEAN = ("dice", "jaccard", "aji", "aji_plus", "dq", "sq", "pq", "hd95")
_CLASSES = {
    "accuracy": "accuracy",
    "f1_macro": "F1, macro",
    "f1_weighted": "F1, weighted",
    "sensitivity_macro": "sensitivity, macro",
    "sensitivity_weighted": "sensitivity, weighted",
    "specificity_macro": "specificity, macro",
    "specificity_weighted": "specificity, weighted",
    "auroc": "AUROC, macro",
}


def render_nuclei(report: NucleiReport, classes: Sequence[str] = ()) -> Lines:
    """Yield the table of nuclei, and below it what is left out."""
    metrics, ci, skipped = report.metrics, report.ci, report.skipped
    defined = report.images - skipped.both_empty
    typed = report.images - sum(_untyped(report))
    table = _table("metric", "value", "95 % interval", "n", "of")
    for name, title in _NUCLEI.items():
        is_mean = name in _MEAN
        n = defined if is_mean else typed if name == "acc" else report.images
        row = _number(getattr(metrics, name), 2 if name == "hd95" else 4), _bounds(getattr(ci, name), name == "hd95")
        table.add_row(title, *row, f"{n:,}", _images(n) + (", mean" if is_mean else ", pooled"))
    for number, value in metrics.f_type.items():
        name = f"{number} {classes[int(number) - 1]}" if classes else number
        title = f"F of class {escape(name)}"
        table.add_row(title, _number(value), _bounds(ci.f_type[number]), f"{typed:,}", _images(typed) + ", pooled")
    yield table
    n_true, n_pred = (sum(getattr(image, side) for image in report.per_image) for side in ("n_true", "n_pred"))
    yield f"{n_true:,} true nuclei, {n_pred:,} predicted"
    yield _resampled(len({image.group for image in report.per_image}), report.images)
    yield from _left_out(report)


def render_images(report: ImagesReport) -> Lines:
    """Yield the table of a set of images, and the warnings below it."""
    table = _table("metric", "value", "", align="left")
    spread = "" if report.kd_se is None else f"standard error {_short(report.kd_se)}"
    floor = "real against held-out real: what no generator can beat by much"
    rows = (
        ("fd", _short(report.fd), "Fréchet distance, lower is better"),
        ("fd_floor", _short(report.fd_floor), floor),
        ("kd", _short(report.kd), f"kernel distance, lower is better; {spread}".rstrip("; ")),
        ("precision", _number(report.precision), "synthetic images that look real"),
        ("recall", _number(report.recall), "real images that the synthetic ones reach"),
        ("density", _number(report.density), "real neighbours of synthetic images"),
        ("coverage", _number(report.coverage), "real images with a synthetic neighbour"),
        (
            "auth_pct",
            _number(report.auth_pct, 1),
            "% that are no near copies of --real; copies give 0, fresh ones 50 or more",
        ),
        (
            "copy_rate",
            _number(report.copy_rate),
            "fresh images give about .05, copies 1" if report.copy_rate is not None else "needs --test",
        ),
    )
    marked = {warning.partition(":")[0] for warning in report.warnings}
    names = {name for group in marked for name in group.split(", ")}
    for name, value, meaning in rows:
        mark = " [yellow]![/yellow]" if name in names else ""
        table.add_row(name, value + mark, f"[dim]{meaning}[/dim]")
    yield table
    yield f"{report.n_real:,} real, {report.n_synthetic:,} synthetic; encoder {escape(report.encoder)}"
    for warning in report.warnings:
        yield f"[yellow]! {escape(warning)}[/yellow]"


def render_classes(report: ClassesReport) -> Lines:
    """Yield scores, then a line a class, then the confusion matrix where it fits a screen."""
    table = _table("metric", "value", "95 % interval")
    for name, title in _CLASSES.items():
        table.add_row(title, _number(getattr(report, name)), _bounds(getattr(report.ci, name, None)))
    yield table
    yield f"{report.n:,} images; {_resampled(report.n_groups, report.n)}\n"
    by_class = _table("class", "F1", "sensitivity", "specificity", "AUROC", "true", "predicted")
    for name, of in report.per_class.items():
        values = [_number(value) for value in (of.f1, of.sensitivity, of.specificity, of.auroc)]
        by_class.add_row(escape(name), *values, f"{of.n_true:,}", f"{of.n_pred:,}")
    yield by_class
    if len(report.classes) <= 12:
        yield ""
        confusion = _table("true, by predicted", *map(escape, report.classes))
        for name, row in zip(report.classes, report.confusion, strict=True):
            confusion.add_row(escape(name), *(f"{count:,}" for count in row))
        yield confusion


def _untyped(report: NucleiReport) -> tuple[int, ...]:
    """Return how many images lack classes; nested in one number where all of one side lack them on the other too."""
    return (max(report.skipped.untyped_true, report.skipped.untyped_pred),)


def _left_out(report: NucleiReport) -> Iterator[str]:
    skipped = report.skipped
    texts = {
        f"no nucleus in truth and prediction, left out of the means: {_images(skipped.both_empty)}": skipped.both_empty,
        f"nuclei on one side alone, HD95 is the image's diagonal: {_images(skipped.one_empty_hd95)}": skipped.one_empty_hd95,
        f"true labels without classes, left out of types: {_images(skipped.untyped_true)}": skipped.untyped_true,
        f"predictions without classes, left out of types: {_images(skipped.untyped_pred)}": skipped.untyped_pred,
    }
    yield from (f"[yellow]! {text}[/yellow]" for text, n in texts.items() if n)


def _resampled(n_groups: int, n: int) -> str:
    if n_groups < 2:
        return "no intervals: they need at least 2 groups"
    if n_groups == n:
        return f"intervals resample {n:,} images, each its own group: too narrow where images share slides"
    return f"intervals resample {n_groups:,} groups"


def _table(*columns: str, align: str = "right") -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for index, name in enumerate(columns):
        left = index == 0 or name == "of" or (align == "left" and index > 1)
        table.add_column(name, justify="left" if left else "right", no_wrap=index < 2)
    return table


def _images(n: int) -> str:
    return "1 image" if n == 1 else f"{n:,} images"


def _number(value: Number, digits: int = 4) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _short(value: Number) -> str:
    return "-" if value is None else f"{value:.4g}"


def _bounds(ends: Bounds, coarse: bool = False) -> str:
    return "-" if ends is None else "{0:.{2}f} to {1:.{2}f}".format(*ends, 2 if coarse else 4)
