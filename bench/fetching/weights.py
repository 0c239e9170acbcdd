"""Published weights by the name of their card, with every other link of their chain."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import quote

from bench.engine.space import writing
from bench.errors import ConfigError, MissingError
from bench.extras import check_installed
from bench.fetching import hub
from bench.fetching.file import Address, Fetcher, Wanted
from bench.fetching.transfer import FetchError
from bench.fetching.unpack import fetch_unpacked, unpacked
from bench.registry import unknown
from bench.weight_cards import PublishedFile, WeightCard, chain, weight_card, weight_card_names


@dataclass(frozen=True)
class Got:
    """What a command may say of a file or repository: where it is, whether it is new, and what confirms it."""

    card: WeightCard
    path: Path
    new: bool
    note: str


def known_card(name: str) -> WeightCard:
    """Return a card by its name.

    Raises:
        ConfigError: there is no card of this name; the nearest one is suggested.
    """
    if name not in weight_card_names():
        raise unknown("card of weights", name, weight_card_names())
    return weight_card(name)


def find(card: WeightCard, folder: Path) -> Path | None:
    """Return where weights are: a file, or the folder of a repository; None if anything of them is missing."""
    from metrics.encoders.folder import find_file

    if not card.files:
        place = hub.cached(card) if card.cached else folder / card.hub
        return place if place is not None and place.is_dir() and any(place.iterdir()) else None
    others = (file for file in card.files if file.other)
    found = [_found(file, card, folder) for file in card.fetched]
    if all(found):
        return found[0]
    return next((path for file in others if (path := find_file(folder, (file.name,), card.hub, card.name))), None)


def _found(file: PublishedFile, card: WeightCard, folder: Path) -> Path | None:
    from metrics.encoders.folder import find_file

    if file.unpack:
        home = folder / card.name
        return home if unpacked(home, file.name) else None
    return find_file(folder, (file.name,), card.hub, card.name)


def get(name: str, fetcher: Fetcher, mirror: str = "") -> Iterator[Got]:
    """Yield the files of a card and of all cards that it needs, each fetched if it is not there.

    Links that need permission come first, so that a refusal is known before anything large is fetched.

    Args:
        name: the card.
        fetcher: fetches into the folder of weights.
        mirror: an address that is asked first, for the paths that files have below the folder of weights.

    Raises:
        ConfigError: there is no such card.
        MissingError: something cannot be fetched; the fix names the page of each link that needs permission.
        BenchError: a file that is there is another one, or the folder cannot be written.
    """
    known_card(name)
    links = chain(name)
    for card in sorted(links, key=lambda link: link.access != "gated"):
        yield from _get(card, links, fetcher, mirror)


def _get(card: WeightCard, links: Sequence[WeightCard], fetcher: Fetcher, mirror: str) -> Iterator[Got]:
    there = find(card, fetcher.folder)
    if card.access == "by-hand":
        if there is None:
            raise _by_hand(card, fetcher.folder)
        yield Got(card, there, False, "")
    elif not card.files:
        yield _repository(card, links, fetcher) if there is None else Got(card, there, False, "")
    elif there is not None and there.name in {file.name for file in card.files if file.other}:
        yield Got(card, there, False, "another form of the same weights")
    else:
        for file in card.fetched:
            yield _file(file, card, links, fetcher, mirror)


def _file(file: PublishedFile, card: WeightCard, links: Sequence[WeightCard], fetcher: Fetcher, mirror: str) -> Got:
    place, home = card.place(file), fetcher.folder / card.name
    elsewhere = _found(file, card, fetcher.folder)
    if elsewhere not in (None, fetcher.folder / place, home):
        return Got(card, elsewhere, False, "")
    wanted = Wanted(
        place=place,
        sources=[*_mirrored(mirror, place), *_sources(file, card, fetcher)],
        sha256=file.sha256,
        md5=file.md5,
        near=None if file.addresses or not card.hub else hub.in_cache(card, file.name),
        fix=f"{_again()}; or get it from {card.page} and put it at {fetcher.folder / place}",
        permit=_permit(card, links),
    )
    if file.unpack:
        found = fetch_unpacked(fetcher, wanted, home)
        note = "" if found is None else f"unpacked; SHA-256 of {file.name} {found.sha256}, {found.confirmed}"
        return Got(card, home, found is not None, note)
    found = fetcher.get(wanted)
    return Got(card, found.path, found.new, f"SHA-256 {found.sha256}, {found.confirmed}")


def _sources(file: PublishedFile, card: WeightCard, fetcher: Fetcher) -> Iterator[Callable[[], Address]]:
    for url in file.addresses:
        yield partial(Address, url)
    if card.hub and not file.addresses:
        yield lambda: _of_hub(card, file.name, fetcher)


def _of_hub(card: WeightCard, name: str, fetcher: Fetcher) -> Address:
    check_installed("huggingface_hub")
    if reason := fetcher.reach.why_not(hub.endpoint()):
        raise FetchError(reason)
    return hub.address(card, name)


def _mirrored(mirror: str, place: str) -> list[Callable[[], Address]]:
    return [partial(Address, f"{mirror.rstrip('/')}/{quote(place)}")] if mirror else []


def _repository(card: WeightCard, links: Sequence[WeightCard], fetcher: Fetcher) -> Got:
    """Fetch a whole repository through the hub's own library, which resumes and locks by itself."""
    check_installed("huggingface_hub")
    try:
        if reason := fetcher.reach.why_not(hub.endpoint()):
            raise FetchError(reason)
        fetcher.reports.say(f"{card.hub} ({card.size}) from {hub.endpoint()}")
        with writing(fetcher.folder / card.hub):
            place, files = hub.snapshot(card, fetcher.folder)
    except FetchError as error:
        fix = _permit(card, links) if error.refused else _again()
        raise MissingError(f"{card.hub} cannot be fetched", got=error.reason, fix=fix) from error
    return Got(card, place, True, f"{files} files, checked by the hub's library")


def _permit(card: WeightCard, links: Sequence[WeightCard]) -> str:
    """Return what to do about a refusal: the page of every link that needs permission."""
    pages = [link.page for link in links if link.access == "gated"]
    if not pages:
        return f"see {card.page}; if it asks for a login, run `hf auth login` and the same command again"
    return f"accept the terms at {' and at '.join(pages)}; run `hf auth login`; run the same command again"


def _again() -> str:
    return "check the connection, or name a mirror by BENCH_MIRROR, and run the same command again"


def _by_hand(card: WeightCard, folder: Path) -> MissingError:
    places = " and ".join(str(folder / card.place(file)) for file in card.fetched)
    use = f"; then give it as {card.setting}" if card.setting else ""
    return MissingError(
        f"{card.title} cannot be fetched by a command",
        got=f"{card.page} gives its files to people, not to programs",
        fix=f"download it there and put it at {places}{use}",
    )


def check_folder(folder: Path) -> None:
    """Check that the folder of weights is a folder, or can become one.

    Raises:
        ConfigError: it is a file.
    """
    if folder.is_file():
        raise ConfigError(
            "Weights are fetched into a folder", got=f"{folder} is a file", fix="give a folder: --weights DIR"
        )
