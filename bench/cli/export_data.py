"""`bench data export`: a dataset or a synthetic set in the format of an official repository."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.cli.options import DataRootOption, resolve_data_root


def mount(app: typer.Typer) -> None:
    """Add the command."""
    app.command("export")(export)


def export(
    name: Annotated[str, typer.Argument(help="Dataset, the path of its card, or the folder of a sealed set.")],
    format: Annotated[str, typer.Option(help="hovernet, consep, cellvit or imagefolder.", metavar="FORMAT")],
    out: Annotated[Path, typer.Option(help="Folder to write, new or empty.", metavar="DIR")],
    split: Annotated[str, typer.Option(help="train, test or all.", metavar="SPLIT")] = "all",
    data_root: DataRootOption = None,
) -> None:
    """Write images and labels so that official code trains on them; resolution and class ids stay as they are."""
    from rich.console import Console

    from bench.engine.reporter import Reporter
    from bench.export import FORMATS, export_parts
    from bench.export.parts import open_parts

    # an unknown format is refused by `export_parts`, before anything is looked for
    parts = open_parts(name, split, resolve_data_root(data_root)) if format in FORMATS else []
    done = export_parts(parts, out, format, Reporter().progress)
    console = Console(highlight=False)
    for each, (place, n) in done.splits.items():
        console.print(f"{each}: {n} images in {done.folder / place}", soft_wrap=True, markup=False)
    for text in done.lost:
        console.print(f"not exported: {text}", soft_wrap=True, markup=False)
    console.print(f"what to mind when training on it: {done.folder / 'README.txt'}", soft_wrap=True, markup=False)
