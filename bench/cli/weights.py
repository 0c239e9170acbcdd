"""`bench weights`: list published weights, and fetch them into the folder of weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Optional

import typer

from bench.cli.complete import weights as complete_weights
from bench.cli.options import OfflineOption, WeightsOption, fetching, resolve_weights
from bench.cli.screen import console
from bench.cli.verbosity import reporter

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from bench.weight_cards import WeightCard

app = typer.Typer(help="List published weights, and fetch them.", no_args_is_help=True)


def mount(parent: typer.Typer) -> None:
    """Add the commands."""
    parent.add_typer(app, name="weights")


@app.command("list")
def list_weights(
    names: Annotated[
        Optional[list[str]],
        typer.Argument(
            metavar="NAME", autocompletion=complete_weights, help="Show only these, in full [all, a line each]."
        ),
    ] = None,
    weights: WeightsOption = None,
) -> None:
    """Show published weights: whether they are here, their size, how they are got, and what they are for."""
    from bench.fetching.weights import find, known_card
    from bench.weight_cards import weight_card_names

    folder = resolve_weights(weights)
    cards = [known_card(name) for name in names or weight_card_names()]
    found = [(card, find(card, folder)) for card in cards]
    screen = console()
    if names:
        for card, path in found:
            _explain(card, path, folder, screen)
        return
    screen.print(_table(found))
    screen.print()
    screen.print(f"folder of weights: {folder}", soft_wrap=True)
    screen.print("in full: `bench weights list NAME`; fetch: `bench weights get NAME`", soft_wrap=True)


@app.command("get")
def get_weights(
    context: typer.Context,
    names: Annotated[
        list[str], typer.Argument(metavar="NAME", autocompletion=complete_weights, help="Names of published weights.")
    ],
    weights: WeightsOption = None,
    offline: OfflineOption = False,
) -> None:
    """Fetch published weights into the folder of weights; an interrupted transfer is continued.

    The hash of each file is compared with the published one before the file gets its name.
    """
    from bench.fetching.file import Fetcher
    from bench.fetching.weights import check_folder, find, get, known_card

    folder = resolve_weights(weights)
    check_folder(folder)
    how = fetching(offline)
    for card in [known_card(name) for name in names]:
        if how["offline"] and find(card, folder) is None:
            raise no_network(f"bench weights get {card.name}")
        for got in get(card.name, Fetcher(folder, reporter(context)), str(how["mirror"])):
            print_got(got.card.name, got.path, got.new, got.note)


def no_network(command: str) -> Exception:
    """Return the error of a command that would fetch although that is forbidden."""
    from bench.errors import ConfigError

    fix = f"leave out --offline and unset BENCH_OFFLINE, or run `{command}` on a machine with a connection"
    return ConfigError("Nothing may be fetched", got="--offline or BENCH_OFFLINE", fix=fix)


def print_got(name: str, path: Path, new: bool, note: str) -> None:
    """Print where something is, and what confirms it."""
    screen = console()
    screen.print(f"{name}: {path}{'' if new else ' (already there)'}", soft_wrap=True)
    if note:
        screen.print(f"  {note}", soft_wrap=True)


def _table(found: list[tuple[WeightCard, Path | None]]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="dim")
    kept = max(len(card.name) for card, _ in found)
    for name, width in (("weights", kept), ("here", 4), ("access", 7), ("size", 8)):
        table.add_column(name, no_wrap=True, min_width=width, justify="right" if name == "size" else "left")
    for name in ("for", "licence"):
        table.add_column(name)
    for card, path in found:
        table.add_row(
            Text(card.name, "bold"),
            Text("no", "yellow") if path is None else Text("yes", "green"),
            card.access,
            "?" if card.size == "not stated" else card.size,
            _cut(card.used_by[0]),
            _cut(card.licence),
        )
    return table


def _cut(text: str) -> Text:
    """Return text that is cut off in a narrow terminal, so that the columns before it stay whole."""
    from rich.text import Text

    return Text(text, no_wrap=True, overflow="ellipsis")


def _explain(card: WeightCard, path: Path | None, folder: Path, screen: Console) -> None:
    """Print a card in full; lines are as long as they are, so that addresses can be copied."""
    from bench.weight_cards import chain

    def line(text: str) -> None:
        screen.print(f"  {text}", soft_wrap=True)

    screen.print(card.name, style="bold", end="")
    screen.print(f"  {card.title}: {card.what}", soft_wrap=True)
    line(f"here: {path}" if path is not None else f"not in {folder}")
    line(f"{card.access}, {card.size}; licence: {card.licence}")
    for file in card.fetched:
        known = file.sha256 or file.md5
        line(f"{file.name}, SHA-256 {known}" if known else f"{file.name}, no source states its hash")
    line(f"page: {card.page}")
    links = [link for link in chain(card.name) if link is not card]
    if links:
        line(f"needs: {', '.join(link.name for link in links)}")
    line(f"for: {'; '.join(card.used_by)}")
    if card.setting:
        line(f"use: {card.setting}")
    line(f"cite: {card.citation}")
