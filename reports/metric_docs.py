"""The page `docs/metrics.md`, generated from the table of metrics: `python -m reports.metric_docs docs/metrics.md`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

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
}


@dataclass(frozen=True)
class Section:
    """One section of the page: a title and its lines, with cells as text."""

    title: str
    lines: tuple[tuple[str, ...], ...]


def sections() -> Iterator[Section]:
    """Yield the sections of the page; every metric of the table and every family is in one of them."""
    entries = sorted([*METRICS.values(), *FAMILIES.values()], key=lambda entry: reading_position(entry.id))
    for group, title in _TITLES.items():
        yield Section(title, tuple(_cells(entry) for entry in entries if entry.group == group))


def render() -> str:
    """Return the page as Markdown."""
    environment = Environment(  # Markdown needs no escaping
        loader=PackageLoader("reports", "."), undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True
    )
    return environment.get_template("metrics.md.j2").render(sections=list(sections()))


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the page to a file."""
    parser = argparse.ArgumentParser(description="Generate the page about metrics from the table of metrics.")
    parser.add_argument("path", type=Path, help="file to write, docs/metrics.md in the repository")
    path: Path = parser.parse_args(arguments).path
    if not path.parent.is_dir():
        parser.error(f"the folder of {path} does not exist")
    path.write_text(render(), encoding="utf-8")


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


if __name__ == "__main__":
    main()
