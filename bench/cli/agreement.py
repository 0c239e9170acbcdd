"""`bench agreement`: show which fidelity metric predicts the downstream gain."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from bench.cli.options import StoreOption, resolve_store
from bench.cli.plain import FORMATS, print_tables

if TYPE_CHECKING:
    from reports.agreement import Predictions


def mount(app: typer.Typer) -> None:
    """Add the command."""
    app.command("agreement")(agreement)


def agreement(
    dataset: Annotated[Optional[str], typer.Option(metavar="NAME", help="Count only this dataset.")] = None,
    preset: Annotated[Optional[str], typer.Option(metavar="NAME", help="Count only this preset.")] = None,
    primary: Annotated[
        Optional[str],
        typer.Option(metavar="METRIC", help="Take the gain in METRIC [nuclei: pq/image, tissue: accuracy]."),
    ] = None,
    style: Annotated[
        str, typer.Option("--format", help="Format: terminal, markdown, csv or json.", metavar="FORMAT")
    ] = "terminal",
    picture: Annotated[
        Optional[Path], typer.Option(metavar="FILE", help="Draw the picture to FILE, .png or .svg, too.")
    ] = None,
    store: StoreOption = None,
) -> None:
    """Show which fidelity metric predicts the gain: FID, KID, faithfulness and others against the results of training.

    Arms are ordered by each metric and by their gain over real images only, on every board of the store. With fewer
    than five methods nothing is decided.
    """
    from bench.registry import unknown
    from reports.agreement_table import agreement_table

    if style not in FORMATS:
        raise unknown("format", style, FORMATS)
    if picture is not None:
        _check(picture)
    found = _load(resolve_store(store), dataset, preset, primary or "")
    print_tables([agreement_table(one) for one in found], style)
    if picture is not None:
        _draw(found, picture)


def _load(store: Path, dataset: str | None, preset: str | None, primary: str) -> list[Predictions]:
    from bench.cli.leaderboard import load_boards
    from bench.errors import MissingError
    from bench.evaluation.registered import known_metrics
    from bench.results.table import ResultsStore
    from reports.agreement import predictions
    from reports.leaderboard import Claims

    boards = load_boards(store, dataset, preset, claims=Claims(primary))  # says what is wrong with the request
    found = predictions(ResultsStore(store).table(), dataset, preset, known=known_metrics(), primary=primary)
    if not found:
        titles = "; ".join(board.title for board in boards)
        fix = "run a method without --downstream none, and with the control real-only"
        raise MissingError("No arm was compared with the baseline, so that no gain is known", got=titles, fix=fix)
    return found


def _check(picture: Path) -> None:
    """Stop before any work if the picture cannot be drawn."""
    from bench.errors import ConfigError
    from bench.extras import check_installed
    from reports.agreement_picture import FORMATS as ENDINGS

    if picture.suffix.lower() not in ENDINGS:
        what = "The picture has no ending that says its format"
        raise ConfigError(what, got=str(picture), fix=f"end its name with {' or '.join(ENDINGS)}")
    if not picture.absolute().parent.is_dir():
        folder = picture.absolute().parent
        raise ConfigError("The folder of the picture does not exist", got=str(folder), fix=f"mkdir -p {folder}")
    check_installed("matplotlib")


def _draw(found: list[Predictions], picture: Path) -> None:
    """Draw each table to a file of its own; the first has the name that was given."""
    from reports.agreement_picture import agreement_picture

    for number, one in enumerate(found, 1):
        path = picture if number == 1 else picture.with_stem(f"{picture.stem}-{number}")
        agreement_picture(one, path)
        print(f"drawn: {path}", file=sys.stderr)
