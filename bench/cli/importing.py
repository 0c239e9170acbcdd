"""`bench import`: make a sealed set of a folder of synthetic images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from bench.cli.options import DataRootOption, StoreOption, resolve_data_root, resolve_store
from bench.cli.verbosity import reporter


def mount(app: typer.Typer) -> None:
    """Add the command."""
    app.command("import")(import_)


def import_(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of images; subfolders may name their classes.")],
    dataset: Annotated[str, typer.Option(help="Dataset whose classes the images have, or path to its card.")],
    method_name: Annotated[str, typer.Option(help="Name of the generator, as shown in tables.")],
    labels: Annotated[
        Optional[Path],
        typer.Option(
            metavar="PATH",
            help="Folder of label maps (.mat, .npy, 16-bit .png or .tif) or outlines (GeoJSON, COCO, Aperio XML, "
            "HoVer-Net's or CellViT's JSON), paired with the images by stem; or one COCO file.",
        ),
    ] = None,
    table: Annotated[
        Optional[Path],
        typer.Option(
            metavar="FILE",
            help="CSV file with the column file_name and any of group, label, caption, tissue, source, y, x.",
        ),
    ] = None,
    mpp: Annotated[Optional[float], typer.Option(help="Micrometres per pixel [the dataset's].")] = None,
    rendered_from: Annotated[
        Optional[str],
        typer.Option(
            metavar="SPLIT",
            help="Give `test` for renderings of test masks: they are scored for faithfulness and never trained on.",
        ),
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace the set that has this name.")] = False,
    store: StoreOption = None,
    data_root: DataRootOption = None,
) -> None:
    """Check and seal a folder of synthetic images, which `bench run --synthetic NAME --dataset D` can then score."""
    from bench.config.validate import build
    from bench.engine.console import HarmlessConsole
    from bench.imageio import survey_words
    from bench.importing.command import ImportRequest, import_set, outline_notes

    values = {
        "folder": folder,
        "dataset": dataset,
        "method_name": method_name,
        "labels": labels,
        "table": table,
        "mpp": mpp,
        "rendered_from": rendered_from,
        "replace": replace,
        "store": resolve_store(store),
        "data_root": resolve_data_root(data_root),
    }
    made = import_set(build(ImportRequest, values, "the request"), reporter(context))
    console = HarmlessConsole(highlight=False)
    console.print(f"{len(made)} images sealed in {made.folder} ({made.digest[:12]})", soft_wrap=True, markup=False)
    encoding = made.manifest.get("encoding", {})
    if read_as := encoding.get("read_as"):
        counts = ", ".join(f"{n} {rule}" for rule, n in read_as.items())
        console.print(f"  read as: {counts}", soft_wrap=True, markup=False)
        console.print(f"  encoding: {survey_words(encoding)}", soft_wrap=True, markup=False)
    for line in made.summary():
        console.print(f"  {line}", soft_wrap=True, markup=False)
    for what, n in sorted(outline_notes(made).items()):
        console.print(f"  [yellow]! {what}: {n:,}[/yellow]", soft_wrap=True)
    console.print(f"to score it: bench run --synthetic {method_name} --dataset {dataset}", soft_wrap=True, markup=False)
