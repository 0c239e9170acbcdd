"""`bench verify`: check a sealed synthetic set again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def mount(app: typer.Typer) -> None:
    """Add the command."""
    app.command("verify")(verify)


def verify(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a sealed set (it holds manifest.json).")],
) -> None:
    """Recompute every digest of a sealed synthetic set; exit with 2 if a file has changed."""
    from bench.engine.console import HarmlessConsole
    from bench.imageio import survey_words
    from bench.synthetic import verify_set

    opened = verify_set(folder)
    manifest = opened.manifest
    console = HarmlessConsole(highlight=False)
    console.print(
        f"{folder}: {len(opened)} samples of {manifest['method']} on {manifest['dataset']}, "
        f"seed {manifest['seed']}: sealed and unchanged ({opened.digest[:12]})",
        soft_wrap=True,
        markup=False,
    )
    if "encoding" in manifest:  # sets of earlier versions do not record it
        console.print(f"encoding: {survey_words(manifest['encoding'])}", soft_wrap=True, markup=False)
