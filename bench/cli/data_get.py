"""`bench data get`: fetch public datasets into the data root, and unpack them."""

from __future__ import annotations

from typing import Annotated

import typer

from bench.cli import complete
from bench.cli.options import DataRootOption, OfflineOption, fetching, resolve_data_root
from bench.cli.verbosity import reporter
from bench.cli.weights import no_network, print_got


def mount(app: typer.Typer) -> None:
    """Add the command."""
    app.command("get")(get)


def get(
    context: typer.Context,
    name: Annotated[str, typer.Argument(autocompletion=complete.datasets, help="Name of a dataset.")],
    data_root: DataRootOption = None,
    offline: OfflineOption = False,
) -> None:
    """Fetch a public dataset into the data root and unpack it; an interrupted transfer is continued.

    For a dataset behind a login, say where to get it and where to put it.
    """
    from bench.fetching.data import check_root, get_data
    from bench.fetching.file import Fetcher

    fetcher = Fetcher(check_root(resolve_data_root(data_root)), reporter(context))
    how = fetching(offline)
    if how["offline"]:
        raise no_network(f"bench data get {name}")
    for got in get_data(name, fetcher, str(how["mirror"])):
        print_got(name, got.path, got.new, got.note)
