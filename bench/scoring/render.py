"""Reports of `bench score` as text: a table of values and intervals, then what was left out and why."""

from __future__ import annotations

from collections.abc import Iterator

from rich.markup import escape
from rich.table import Table

from bench.scoring.classes_report import ClassesReport
from bench.scoring.images_report import ImagesReport
from bench.scoring.nuclei_report import NucleiReport
from bench.scoring.output import Bounds, Number
from bench.scoring.text_report import TextReport

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


def render_nuclei(report: NucleiReport) -> Lines:
    """Yield the table of nuclei, and below it what is left out."""
    metrics, ci = report.metrics, report.ci
    defined, typed = report.images - report.skipped.both_empty, sum(image.typed for image in report.per_image)
    table = _table("metric", "value", "95 % interval", "images", "over images")
    for name, title in _NUCLEI.items():
        digits, how = 2 if name == "hd95" else 4, "mean" if name in _MEAN else "pooled"
        n = defined if name in _MEAN else typed if name == "acc" else report.images
        interval = _bounds(getattr(ci, name), digits)
        table.add_row(title, _number(getattr(metrics, name), digits), interval, f"{n:,}", how)
    for number, value in metrics.f_type.items():
        title = f"F of class {number}" + (f", {escape(report.classes[int(number) - 1])}" if report.classes else "")
        table.add_row(title, _number(value), _bounds(ci.f_type[number]), f"{typed:,}", "pooled")
    yield table
    n_true, n_pred = (sum(getattr(image, side) for image in report.per_image) for side in ("n_true", "n_pred"))
    yield f"\n{_images(report.images)}; {n_true:,} true nuclei, {n_pred:,} predicted"
    yield _grouped(len({image.group for image in report.per_image}), report.images)
    yield from _left_out(report)
    yield from _further(report)


def render_images(report: ImagesReport) -> Lines:
    """Yield the table of a set of images, and the warnings below it."""
    kernel = "kernel distance; lower is better"
    if report.kd_se is not None:
        kernel += f"; standard error {_short(report.kd_se)}"
    copies = "needs --test" if report.copy_rate is None else "share of near copies: fresh images about .05, copies 1"
    rows = (
        ("fd", _short(report.fd), "Fréchet distance; lower is better"),
        ("fd_floor", _short(report.fd_floor), "the same of held-out real images"),
        ("kd", _short(report.kd), kernel),
        ("precision", _number(report.precision), "share of synthetic images among the real ones"),
        ("recall", _number(report.recall), "share of real images among the synthetic ones"),
        ("density", _number(report.density), "how closely real images surround synthetic ones"),
        ("coverage", _number(report.coverage), "share of real images with a synthetic neighbour"),
        ("auth_pct", _number(report.auth_pct, 1), "% that copy nothing of --real: fresh images 50 or more, copies 0"),
        ("copy_rate", _number(report.copy_rate), copies),
    )
    marked = {name for warning in report.warnings for name in warning.partition(":")[0].split(", ")}
    table = _table("metric", "value", "", "")
    for name, value, meaning in rows:
        table.add_row(name, value, "[yellow]![/yellow]" if name in marked else "", f"[dim]{meaning}[/dim]")
    yield table
    yield f"\n{report.n_real:,} real, {report.n_synthetic:,} synthetic; encoder {escape(report.encoder)}"
    if report.encoder == "random-convnet":
        yield "random-convnet detects only gross failures (noise, blur, wrong colours); see `bench list encoders`"
    for warning in report.warnings:
        yield f"[yellow]! {escape(warning)}[/yellow]"


def render_classes(report: ClassesReport) -> Lines:
    """Yield scores, then one line per class, then the confusion matrix if it fits the screen."""
    table = _table("metric", "value", "95 % interval")
    for name, title in _CLASSES.items():
        table.add_row(title, _number(getattr(report, name)), _bounds(getattr(report.ci, name, None)))
    yield table
    yield f"{report.n:,} images; {_grouped(report.n_groups, report.n)}\n"
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


def render_text(report: TextReport) -> Lines:
    """Yield the two similarities, and what they are of."""
    table = _table("metric", "value", "95 % interval")
    table.add_row(escape(report.metric), _number(report.similarity, 2), _bounds(report.ci, 2))
    table.add_row("with shuffled captions", _number(report.shuffled, 2), _bounds(report.shuffled_ci, 2))
    yield table
    yield f"\n{_images(report.n)} with a caption, {report.captions:,} distinct; encoder {escape(report.encoder)}"
    groups = len({image.group for image in report.per_image})
    yield _grouped(groups, len(report.per_image))
    if report.skipped:
        yield f"[yellow]! empty captions, left out: {_images(report.skipped)}[/yellow]"
    for warning in report.warnings:
        yield f"[yellow]! {escape(warning)}[/yellow]"


def _further(report: NucleiReport) -> Lines:
    if not report.more:
        return
    table = _table("metric of another package", "value", "95 % interval")
    for name, metric in report.more.items():
        table.add_row(escape(name), _number(metric.value), _bounds(metric.ci))
    yield ""
    yield table
    names: dict[str, list[str]] = {}
    for name, metric in report.more.items():
        names.setdefault(metric.reason, []).append(name)
    for reason, of in names.items():
        if reason:
            yield f"[yellow]! {escape(', '.join(of))}: {escape(reason)}[/yellow]"


def _left_out(report: NucleiReport) -> Iterator[str]:
    skipped = report.skipped
    texts = (
        (skipped.both_empty, "no nucleus in truth and prediction, left out of the means"),
        (skipped.one_empty_hd95, "nuclei only on one side, HD95 is the image's diagonal"),
        (skipped.untyped_true, "true labels without classes, left out of types"),
        (skipped.untyped_pred, "predictions without classes, left out of types"),
    )
    yield from (f"[yellow]! {text}: {_images(n)}[/yellow]" for n, text in texts if n)
    for side, notes in (("true", report.outlines.true), ("predicted", report.outlines.pred)):
        yield from (f"[yellow]! {side} files, {escape(text)}: {n:,}[/yellow]" for text, n in notes.items())


def _grouped(n_groups: int, n: int) -> str:
    if n_groups < 2:
        return "no intervals: they need at least 2 groups"
    if n_groups == n:
        return f"intervals are over {n:,} images, each its own group: too narrow where images share slides"
    return f"intervals are over {n_groups:,} groups"


def _table(*columns: str) -> Table:
    """Return a table with words on the left and numbers on the right; only words wrap in a narrow terminal."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for index, name in enumerate(columns):
        is_words = index == 0 or name in ("", "over images")
        wraps = index == (len(columns) - 1 if columns[-1] == "" else 0)
        # folded and never cut, because half a number is a different number
        table.add_column(name, justify="left" if is_words else "right", no_wrap=not wraps, overflow="fold")
    return table


def _images(n: int) -> str:
    return "1 image" if n == 1 else f"{n:,} images"


def _number(value: Number, digits: int = 4) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _short(value: Number) -> str:
    return "-" if value is None else f"{value:.4g}"


def _bounds(ends: Bounds, digits: int = 4) -> str:
    return "-" if ends is None else f"{ends[0]:.{digits}f} to {ends[1]:.{digits}f}"
