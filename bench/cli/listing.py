"""`bench list`: list what can be run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Optional

import typer

if TYPE_CHECKING:
    from bench.evaluation.base import Evaluation

KINDS = ("methods", "datasets", "downstream", "encoders", "evaluations", "presets", "protocols", "suites")


def mount(app: typer.Typer) -> None:
    """Add the command."""
    app.command("list")(listing)


def listing(
    kind: Annotated[
        Optional[str],
        typer.Argument(
            help="List only these: methods, datasets, downstream, encoders, evaluations, presets, protocols or suites."
        ),
    ] = None,
) -> None:
    """List methods, datasets, downstream networks, encoders, evaluations, presets, protocols and suites."""
    from rich.table import Table

    from bench.engine.console import HarmlessConsole
    from bench.registry import unknown

    if kind is not None and kind not in KINDS:
        raise unknown("kind of entry", kind, KINDS)
    console = HarmlessConsole(highlight=False, markup=False)
    for name in KINDS if kind is None else (kind,):
        table = Table(title=name, title_justify="left", box=None, pad_edge=False, show_header=False)
        table.add_column(no_wrap=True, style="bold")
        table.add_column()
        for identifier, text in _entries(name):
            table.add_row(identifier, text)
        console.print(table)
        console.print()


def _entries(kind: str) -> list[tuple[str, str]]:
    from bench.config.files import card
    from bench.config.preset import load_preset, preset_names
    from bench.datasets.card import card_names, load_card
    from bench.evaluation.registered import evaluations
    from bench.registry import load, names
    from bench.suite.file import find_suite, suite_names

    if kind == "suites":
        return [(name, find_suite(name).file.title) for name in suite_names()]
    if kind == "presets":
        return [(name, load_preset(name).summary) for name in preset_names()]
    if kind == "protocols":
        cards = [load_card(name) for name in card_names()]
        return [(f"{c.name}: {name}", one.summary) for c in cards for name, one in c.protocols.items()]
    if kind == "datasets":
        found = [load_card(name) for name in card_names()]
        return [
            (c.name, c.title if c.generic else f"{c.title}: {c.task}, {c.organ}, preset {c.default_preset}")
            for c in found
        ]
    if kind == "encoders":
        needed = {name: load("encoders", name).weights(None) for name in names("encoders")}
        return [(name, ", ".join(one.name for one in found) or "needs no weights") for name, found in needed.items()]
    if kind == "evaluations":
        return [(one.name, _metrics(one)) for one in evaluations()]
    return [(name, card(kind, name).get("summary", "")) for name in names(kind)]


def _metrics(evaluation: Evaluation) -> str:
    from metrics.table import FAMILIES

    ids = [f"{one.id}@ENCODER" if one.id in FAMILIES else one.id for one in evaluation.metrics]
    return ", ".join(ids) or "no metrics: its findings stand in the run's document"
