"""The page: sections of every part, those without content as a line that says why, and the template."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from bench.harmless import harmless
from reports.board import Leaderboard
from reports.html import Drawing, table_of
from reports.plain_table import PlainTable
from reports.readable import NEEDED
from reports.report.classes import balances_of, colours_of, confusions_of
from reports.report.figure import Figure
from reports.report.forest import forests_of
from reports.report.galleries import Gallery, galleries_of
from reports.report.material import Card, Material, Run
from reports.report.parallel import parallel_of
from reports.report.parts import Part, parts_of
from reports.report.pictures import data_uri, fitting
from reports.report.provenance import origins_of
from reports.report.ratios import ratios_of
from reports.report.styles import styles_of, titles_of
from reports.report.summary import summary_of
from reports.report.training import training_of
from reports.study.results import FILE as STUDY
from reports.study.results import StudyResults
from reports.study.section import study_section

_URL = re.compile(r"https?://[^\s<>\"')\]]*[^\s<>\"')\].,;:]")


class Section(NamedTuple):
    """One section: its name in links and templates, its title, and what its template shows."""

    name: str
    title: str
    content: Sequence[Any]


class Omitted(NamedTuple):
    """A section without content, or pictures that could not be drawn, and why."""

    title: str
    reason: str


@dataclass(frozen=True)
class Shown:
    """A part as the template shows it."""

    dataset: str
    title: str
    anchor: str
    sections: Sequence[Section]
    omitted: Sequence[Omitted]
    colours: Mapping[str, str] = field(default_factory=dict)


def render(material: Material) -> str:
    """Return the report as one HTML file.

    Raises:
        DataError: a picture of a run is missing, or is of no known type.
    """
    parts = parts_of(material)
    galleries = fitting([galleries_of(part.runs) for part in parts])
    shown = [_shown(part, found, material) for part, found in zip(parts, galleries, strict=True)]
    template = _environment().get_template("page.html.j2")
    created = max((run.document.created for run in material.runs.values()), default="")
    page = template.render(
        parts=shown,
        agreement=material.agreement,
        version=material.version,
        created=created[:16].replace("T", " "),
    )
    return harmless(page)  # marks of the direction of writing could show another name than there is


def _environment() -> Environment:
    environment = Environment(
        loader=ChoiceLoader([PackageLoader("reports.report", "templates"), PackageLoader("reports", ".")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"data_uri": data_uri, "linked": linked}
    return environment


def linked(text: str) -> Markup:
    """Return an escaped text whose web addresses are links.

    >>> linked("see https://example.org/a, <b>")
    Markup('see <a href="https://example.org/a" rel="noreferrer">https://example.org/a</a>, &lt;b&gt;')
    """
    pieces, end = [], 0
    for found in _URL.finditer(text):
        pieces.append(escape(text[end : found.start()]))
        pieces.append(Markup('<a href="{0}" rel="noreferrer">{0}</a>').format(found[0]))
        end = found.end()
    return Markup("").join([*pieces, escape(text[end:])])


def _shown(part: Part, galleries: Sequence[Gallery], material: Material) -> Shown:
    titles = titles_of(part.boards)
    styles = styles_of(titles)
    readable = [board for board in part.boards if not _lacking(board)]
    lacking = "; ".join(dict.fromkeys(_lacking(board) for board in part.boards if _lacking(board)))
    seen = any(run.evidence is not None for run in part.runs)
    kept = "" if seen else "the runs kept nothing to be looked at; run them again"
    found = [
        (Section("summary", "Summary", [summary_of(board) for board in part.boards]), ""),
        (Section("boards", "Leaderboard", _boards(part)), ""),
        (
            Section("published", "Published numbers", _published(part, material)),
            "no table of a paper has an arm that was run",
        ),
        (
            Section("differences", "Differences from real-only", _each(readable, lambda b: forests_of(b, styles))),
            lacking or "no arm was compared with real-only",
        ),
        (
            Section(
                "parallel", "Fidelity, faithfulness and utility", _figures(readable, lambda b: parallel_of(b, styles))
            ),
            lacking or "fewer than two of these questions have numbers",
        ),
        (
            Section("scaling", "Scaling", _figures(readable, ratios_of)),
            lacking or "no method was tested at two ratios of synthetic to real images",
        ),
        (Section("training", "Training curves", training_of(part.runs, styles)), "the runs wrote no training curves"),
        (Section("balance", "Balance of classes", balances_of(part.runs)), kept or "the runs counted no classes"),
        (
            Section("confusions", "Confusion matrices", confusions_of(part.runs, titles)),
            kept or "no network that predicts classes was tested",
        ),
        (Section("galleries", "Galleries", galleries), kept or "the runs kept no pictures"),
        (
            Section("studies", "Reader studies", _studies(part.runs)),
            "no study of these sets is recorded",
        ),
        (
            Section("cards", "Dataset and methods", _cards(part, material)),
            "there is no card of the dataset or a method",
        ),
        (Section("provenance", "Provenance", origins_of(part.runs, material.table)), "no run has a document"),
    ]
    return Shown(
        part.dataset,
        part.title,
        part.anchor,
        [section for section, _ in found if section.content],
        [
            *(Omitted(section.title, reason) for section, reason in found if not section.content),
            *(Omitted(f"Galleries of {run.title}", reason) for run in part.runs for reason in _not_drawn(run)),
        ],
        colours_of(part.runs),
    )


def _boards(part: Part) -> list[tuple[Drawing, Drawing]]:
    """Return each board with its main columns, and with all of them."""
    names = [f"{part.anchor}-board-{number}" for number in range(1, len(part.boards) + 1)]
    return [
        (table_of(board, name), table_of(board, f"{name}-all", everything=True))
        for board, name in zip(part.boards, names, strict=True)
    ]


def _published(part: Part, material: Material) -> list[PlainTable]:
    """Return the tables of papers' numbers next to those of a part's boards."""
    own = {id(board) for board in part.boards}
    pairs = zip(material.boards, material.published or [()] * len(material.boards), strict=True)
    return [table for board, tables in pairs if id(board) in own for table in tables]


def _studies(runs: Sequence[Run]) -> list[Markup]:
    """Return the tables of the studies among runs, in one piece."""
    files = [run.folder / STUDY for run in runs]
    section = study_section(StudyResults.read(file) for file in files if file.exists())
    return [section] if section else []


def _not_drawn(run: Run) -> Sequence[str]:
    return () if run.evidence is None else run.evidence.lacking


def _lacking(board: Leaderboard) -> str:
    """Return why no chart of a board is drawn: without its controls, differences cannot be read."""
    there = {row.method for row in board.rows}
    missing = [name for name in NEEDED if name not in there]
    return f"without the control {' and '.join(missing)}, charts of {board.title} cannot be read" if missing else ""


def _each(boards: Sequence[Leaderboard], make: Any) -> list[tuple[str, Any]]:
    found = [(board.title, make(board)) for board in boards]
    return [(title, made) for title, made in found if made]


def _figures(boards: Sequence[Leaderboard], make: Any) -> list[Figure]:
    """Return the figures of all boards; their titles name the board if there are several."""
    made = [(board, figure) for board in boards for figure in make(board)]
    if len(boards) < 2:
        return [figure for _, figure in made]
    return [figure._replace(title=f"{figure.title}: {board.title}") for board, figure in made]


def _cards(part: Part, material: Material) -> list[Card]:
    methods = dict.fromkeys(row.method for board in part.boards for row in board.rows)
    found: Iterable[Card | None] = (material.datasets.get(part.dataset), *(material.methods.get(m) for m in methods))
    return [card for card in found if card is not None]
