"""Published datasets by name: their archives, fetched and unpacked into the dataset's folder below the data root."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from bench.datasets.card import DatasetCard
from bench.datasets.source import open_source
from bench.errors import ConfigError, MissingError
from bench.fetching.file import Address, Fetcher, Wanted
from bench.fetching.unpack import fetch_unpacked, unpacked
from bench.weight_cards import PublishedFile


class GotData(NamedTuple):
    """A dataset, or an archive of it, in a folder: whether it is new, and what confirms it."""

    path: Path
    new: bool
    note: str


def get_data(name: str, fetcher: Fetcher, mirror: str = "") -> Iterator[GotData]:
    """Yield the archives of a dataset, each fetched and unpacked if that was not done; or the folder it is in already.

    Args:
        name: the dataset.
        fetcher: fetches into the data root.
        mirror: an address that is asked first, for the paths that archives have below the data root.

    Raises:
        ConfigError: there is no such dataset.
        MissingError: the dataset cannot be fetched: the fix says how to get it.
        DataError: an archive is damaged or not safe to unpack.
    """
    source = open_source(name, fetcher.folder)
    card = source.card
    try:
        there = source.locate()
    except MissingError as error:
        if not card.download:
            raise MissingError(
                f"{card.title} cannot be fetched by a command",
                got="its files are behind a login, or on a page for people",
                fix=error.fix.partition("; meanwhile")[0],
            ) from error
        there = None
    home = fetcher.folder / card.folders[0] if card.folders else fetcher.folder
    begun = any(_begun(home, file, fetcher) for file in card.download)
    if there is not None and not begun:
        yield GotData(there, False, "")
        return
    for file in card.download:
        wanted = _wanted(file, card, mirror)
        found = fetch_unpacked(fetcher, wanted, home)
        note = "" if found is None else f"{file.name} unpacked; SHA-256 {found.sha256}, {found.confirmed}"
        yield GotData(home, found is not None, note)


def _begun(home: Path, file: PublishedFile, fetcher: Fetcher) -> bool:
    """Return whether an archive was begun or finished here, so that the others of its dataset may be missing."""
    return unpacked(home, file.name) or any(fetcher.work.glob(f"*{file.name}.part"))


def _wanted(file: PublishedFile, card: DatasetCard, mirror: str) -> Wanted:
    place = f"{card.folders[0]}/{file.name}" if card.folders else file.name
    mirrors = [f"{mirror.rstrip('/')}/{quote(place)}"] if mirror else []
    return Wanted(
        place=place,
        sources=[partial(Address, url) for url in [*mirrors, *file.addresses]],
        sha256=file.sha256,
        md5=file.md5,
        fix=f"check the connection, or name a mirror by BENCH_MIRROR, and run the same command again; "
        f"or by hand: {card.how_to_get}",
    )


def check_root(root: Path | None) -> Path:
    """Return the data root.

    Raises:
        ConfigError: none is given.
    """
    if root is None:
        raise ConfigError(
            "Data are fetched into the folder of datasets",
            got="neither --data-root nor BENCH_DATA_ROOT",
            fix="give the folder: --data-root DIR",
        )
    return root
