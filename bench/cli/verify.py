"""`bench verify`: check a sealed synthetic set again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from bench.errors import ConfigError, SealError

SHORTEST = 12


def mount(app: typer.Typer) -> None:
    """Add the command."""
    app.command("verify")(verify)


def verify(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a sealed set (it holds manifest.json).")],
    seal: Annotated[
        Optional[str],
        typer.Option(metavar="HEX", help="Compare with this seal, which was published elsewhere (12 digits or more)."),
    ] = None,
) -> None:
    """Recompute every digest of a sealed synthetic set; exit with 2 if anything was changed, added or removed."""
    from bench.engine.console import HarmlessConsole
    from bench.imageio import survey_words
    from bench.synthetic import verify_set

    opened = verify_set(folder)
    manifest = opened.manifest
    if seal is not None:
        _compare(seal.strip().lower(), opened.seal, folder)
    console = HarmlessConsole(highlight=False)
    made = {name: manifest.get(name, "unknown") for name in ("method", "dataset", "seed")}
    console.print(
        f"{folder}: {len(opened)} samples of {made['method']} on {made['dataset']}, "
        f"seed {made['seed']}: sealed and unchanged ({opened.digest[:12]})",
        soft_wrap=True,
        markup=False,
    )
    if opened.covered:
        console.print(
            f"warning: sealed by the older schema {manifest['schema_version']}, which covers {opened.covered}: "
            "other changes of the manifest cannot be found",
            soft_wrap=True,
            markup=False,
        )
    else:
        console.print(f"seal: {opened.seal}", soft_wrap=True, markup=False)
    if "encoding" in manifest:  # sets of earlier versions do not record it
        try:
            words = survey_words(manifest["encoding"])
        except (KeyError, TypeError, AttributeError):  # of an older schema, whose manifest may have been edited
            words = "not readable"
        console.print(f"encoding: {words}", soft_wrap=True, markup=False)


def _compare(wanted: str, own: str, folder: Path) -> None:
    """Refuse a set whose seal is not the published one."""
    if len(wanted) < SHORTEST or set(wanted) - set("0123456789abcdef"):
        got, fix = f"{wanted[:80]!r}", f"give {SHORTEST} to 64 hexadecimal digits, as `bench verify` prints them"
        raise ConfigError("--seal is not a seal", got=got, fix=fix)
    if not own:
        raise SealError(f"The set in {folder} has no seal to compare", got="a set of an older schema")
    if not own.startswith(wanted):
        raise SealError(
            f"The set in {folder} is not the one whose seal was given",
            got=f"seal {own}",
            fix="get the set again from where its seal was published: this one was made or sealed again",
        )
