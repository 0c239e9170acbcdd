"""The page `docs/metrics.md`, from the table of metrics and what other packages add to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined

from metrics.table import FAMILIES, METRICS, Group, Metric, reading_position

_TITLES: dict[Group, str] = {
    "sets": "Sets of images",
    "memorisation": "Memorisation",
    "alignment": "Text alignment",
    "faithfulness": "Faithfulness to the mask",
    "reconstruction": "Reconstruction",
    "selection": "Selection from a pool",
    "instances": "Nuclei: segmentation",
    "types": "Nuclei: detection and types",
    "images": "Image classification",
    "readers": "Reader studies",
}


@dataclass(frozen=True)
class Section:
    """One section of the page: a title and its lines, with cells as text."""

    title: str
    lines: tuple[tuple[str, ...], ...]


def sections(known: Mapping[str, Metric] = METRICS) -> Iterator[Section]:
    """Yield the parts of the page: every known metric and every family, each in one of them."""
    entries = sorted({**known, **FAMILIES}.values(), key=lambda entry: reading_position(entry.id, entry.group))
    for group, title in _TITLES.items():
        yield Section(title, tuple(_cells(entry) for entry in entries if entry.group == group))


def render(known: Mapping[str, Metric] = METRICS) -> str:
    """Return the page on metrics, by id."""
    environment = Environment(  # Markdown: nothing to escape
        loader=PackageLoader("reports", "."), undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True
    )
    return environment.get_template("metrics.md.j2").render(sections=list(sections(known)))


def _cells(entry: Metric) -> tuple[str, ...]:
    name = f"{entry.id}@<encoder>" if entry.id in FAMILIES else entry.id
    title = f"{entry.title} (shown x {entry.shown_times:g})" if entry.shown_times != 1 else entry.title
    aggregation = f"{entry.aggregation}; one value per class" if entry.per_class else entry.aggregation
    arrow = {"higher": "↑", "lower": "↓", "none": ""}[entry.direction]
    cells = (f"`{name}`", title, entry.inputs, arrow, _range(entry), entry.unit, aggregation, entry.reference)
    return tuple(cell.replace("|", "\\|") for cell in (*cells, str(entry.protocol_version)))


def _range(entry: Metric) -> str:
    low, high = ("" if bound is None else f"{bound:g}" for bound in entry.bounds)
    if not low and not high:
        return "any"
    if not high:
        return f"≥ {low}"
    return f"{low} to {high}" if low else f"≤ {high}"
