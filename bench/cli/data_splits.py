"""`bench data splits`: write the divisions of a dataset as files of sample ids."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from bench.cli.options import DataRootOption, resolve_data_root


def mount(app: typer.Typer) -> None:
    """Add the command."""
    app.command("splits")(splits)


def splits(
    dataset: Annotated[str, typer.Argument(help="Name of a dataset, or path to its card.")],
    protocol: Annotated[
        Optional[str], typer.Option(metavar="NAME", help="Write only this protocol [all of the card].")
    ] = None,
    out: Annotated[
        Optional[Path],
        typer.Option(metavar="FILE", help="File of one protocol, or folder of several [DATASET-PROTOCOL.csv here]."),
    ] = None,
    data_root: DataRootOption = None,
) -> None:
    """Write each division of a dataset: the role of every sample id in every fold, and a hash of these lines.

    Two laboratories whose files have the same hash compare the same thing. `bench run --protocol FILE` reads a file.
    """
    from bench.datasets.source import open_source
    from bench.errors import ConfigError
    from bench.plan.protocol import named_protocol
    from bench.stages.census import divide_source

    source = open_source(dataset, resolve_data_root(data_root))
    source.locate()
    card = source.card
    chosen = card.protocols if protocol is None else {protocol: named_protocol(protocol, card)}
    if not chosen:
        fix = "add `protocols:` to its card"
        raise ConfigError(f"The card of {card.name} has no protocols", got="no `protocols`", fix=fix)
    for division in divide_source(source, chosen):
        name = f"{card.name}-{division.name}.csv"
        path = Path(name) if out is None else out if out.suffix == ".csv" else out / name
        if path == out and len(chosen) > 1:
            fix = f"name one of them: --protocol {next(iter(chosen))}"
            raise ConfigError("One file cannot hold several protocols", got=", ".join(chosen), fix=fix)
        division.write(path)
        n = len(division.folds)
        print(f"{path}: {division.name}, {n} {'fold' if n == 1 else 'folds'}, sha256 {division.sha256}")
