"""`bench data export`: write a dataset or a synthetic set in the format of an official repository."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.cli.options import DataRootOption, resolve_data_root
from bench.cli.verbosity import reporter


def mount(app: typer.Typer) -> None:
    """Add the command."""
    app.command("export")(export)


def export(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of a dataset, path to its card, or folder of a sealed set.")],
    format: Annotated[str, typer.Option(help="Format: hovernet, consep, cellvit or imagefolder.", metavar="FORMAT")],
    out: Annotated[Path, typer.Option(help="Folder to write to, new or empty.", metavar="DIR")],
    split: Annotated[str, typer.Option(help="Split to export: train, test or all.", metavar="SPLIT")] = "all",
    data_root: DataRootOption = None,
) -> None:
    """Export images and labels for training with official code; resolution and class ids are kept."""
    from bench.engine.console import HarmlessConsole
    from bench.export import FORMATS, export_parts
    from bench.export.parts import open_parts

    # `export_parts` rejects an unknown format, before any data is searched for
    parts = open_parts(name, split, resolve_data_root(data_root)) if format in FORMATS else []
    done = export_parts(parts, out, format, reporter(context).progress)
    console = HarmlessConsole(highlight=False)
    for each, (place, n) in done.splits.items():
        console.print(f"{each}: {n} images in {done.folder / place}", soft_wrap=True, markup=False)
    for text in done.lost:
        console.print(f"not exported: {text}", soft_wrap=True, markup=False)
    console.print(f"notes for training on this export: {done.folder / 'README.txt'}", soft_wrap=True, markup=False)
