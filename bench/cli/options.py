"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

DEFAULT_STORE = Path("bench-store")

StoreOption = Annotated[
    Optional[Path],
    typer.Option(
        "--store", help="Folder for everything that runs write [BENCH_STORE, else ./bench-store].", metavar="DIR"
    ),
]
DataRootOption = Annotated[
    Optional[Path],
    typer.Option("--data-root", help="Folder that holds the datasets [BENCH_DATA_ROOT].", metavar="DIR"),
]
WeightsOption = Annotated[
    Optional[Path],
    typer.Option("--weights", help="Folder that holds pretrained weights [BENCH_WEIGHTS].", metavar="DIR"),
]


def resolve_store(store: Path | None) -> Path:
    """Return the store: the option if given, else BENCH_STORE, else ./bench-store."""
    from bench.config import Environment

    return (store or Environment.read().store or DEFAULT_STORE).absolute()


def resolve_data_root(root: Path | None) -> Path | None:
    """Return the data root: the option if given, else BENCH_DATA_ROOT."""
    from bench.config import Environment

    chosen = root or Environment.read().data_root
    return None if chosen is None else chosen.absolute()


def resolve_weights(weights: Path | None) -> Path | None:
    """Return the folder of weights: the option if given, else BENCH_WEIGHTS."""
    from bench.config import Environment

    chosen = weights or Environment.read().weights
    return None if chosen is None else chosen.absolute()
