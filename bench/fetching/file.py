"""One published file: from the first of its mirrors that has it, checked, and put in place under a lock."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import pooch
from filelock import FileLock, Timeout

from bench.atomic import write_text
from bench.engine.space import writing
from bench.errors import BenchError, MissingError
from bench.fetching.reach import Reach
from bench.fetching.shown import Reports, Shown
from bench.fetching.transfer import PATIENCE, FetchError, Patience, Resuming, discard

WORK = ".fetching"
"""The folder of unfinished transfers and locks, inside the folder that files are fetched into."""
_LOCAL = "file://"


class Address(NamedTuple):
    """Where a file is, the headers to ask with, and the hash that this place states for it; empty if it does not."""

    url: str
    headers: Mapping[str, str] = {}
    sha256: str = ""


@dataclass(frozen=True)
class Wanted:
    """A file to fetch.

    `place` is its path below the folder, `sources` return its addresses in order; each is asked only if those before it
    failed. `sha256` may be the first digits only. `near` is a copy of it elsewhere on this machine. `fix` is what a
    person can do if no address has it, `permit` what a person can do if a server refuses it.
    """

    place: str
    sources: Sequence[Callable[[], Address]]
    sha256: str = ""
    md5: str = ""
    near: Path | None = None
    fix: str = ""
    permit: str = ""


class Fetched(NamedTuple):
    """A file in its place: whether it is new, its SHA-256, and who confirmed it in words."""

    path: Path
    new: bool
    sha256: str
    confirmed: str


@dataclass
class Fetcher:
    """Fetches files into a folder.

    Args:
        folder: the folder.
        reports: the reporter, which shows progress.
        patience: how long to wait.
    """

    folder: Path
    reports: Reports
    patience: Patience = PATIENCE
    reach: Reach = field(init=False)

    def __post_init__(self) -> None:
        self.reach = Reach(self.patience.connect)

    @property
    def work(self) -> Path:
        """The folder of unfinished transfers."""
        return self.folder / WORK

    def get(self, wanted: Wanted) -> Fetched:
        """Return the file, fetched if it is not there.

        Raises:
            MissingError: no address gives it, or the disk is full.
            BenchError: the file that is there is another one, or the folder cannot be written.
        """
        target = self.folder / wanted.place
        if target.is_file():  # also in a folder that cannot be written; a file is in its place only when it is whole
            return self._there(target, wanted)
        with self.locked(wanted.place):
            if target.is_file():
                return self._there(target, wanted)
            part = self.work / f"{_flat(wanted.place)}.part"
            failures = []
            near: list[Callable[[], Address]] = [partial(_local, wanted)] if wanted.near else []
            for source in [*near, *wanted.sources]:
                try:
                    return self._from(source(), part, target, wanted)
                except FetchError as error:
                    failures.append(error)
        refused = any(error.refused for error in failures)
        again = "check the connection and run the same command again: it continues what it has begun"
        raise MissingError(
            f"{wanted.place} cannot be fetched",
            got="\n".join(dict.fromkeys(error.reason for error in failures)),
            fix=(wanted.permit if refused else wanted.fix) or again,
        )

    @contextmanager
    def locked(self, place: str) -> Iterator[None]:
        """Hold the lock of a file; another process that fetches it is waited for."""
        with writing(self.work):
            self.work.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.work / f"{_flat(place)}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            self.reports.say(f"another process fetches {place}: waiting for it")
            lock.acquire()
        except OSError as error:
            with writing(self.work / "lock"):
                raise error
        try:
            yield
        finally:
            lock.release()

    def _from(self, address: Address, part: Path, target: Path, wanted: Wanted) -> Fetched:
        """Fetch from one address; if bytes of an earlier try spoil the hash, the whole file is fetched again."""
        resumed = part.is_file()
        if address.url.startswith(_LOCAL):
            with writing(part):
                shutil.copyfile(address.url.removeprefix(_LOCAL), part)
        else:
            self._transfer(address, part, wanted)
        digest = pooch.file_hash(str(part), "sha256")
        wrong = _wrong(part, digest, wanted.sha256 or address.sha256, wanted.md5)
        if wrong:
            discard(part)
            if resumed:
                return self._from(address, part, target, wanted)
            raise FetchError(f"{_host(address.url)} gave another file, which was removed: {wrong}")
        if not (wanted.sha256 or wanted.md5):
            _record(target, digest)
        with writing(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(part, target)
        discard(part)
        return Fetched(target, True, digest, _confirmation(wanted, address))

    def _transfer(self, address: Address, part: Path, wanted: Wanted) -> None:
        if reason := self.reach.why_not(address.url):
            raise FetchError(reason)
        known = bool(wanted.sha256 or wanted.md5 or address.sha256)
        self.reports.say(f"{wanted.place} from {_host(address.url)}")
        with Shown(self.reports, wanted.place.rpartition("/")[2]) as watcher:
            Resuming(watcher, self.patience, pinned=known, headers=address.headers)(address.url, part)

    def _there(self, target: Path, wanted: Wanted) -> Fetched:
        digest = pooch.file_hash(str(target), "sha256")
        expected = wanted.sha256 or recorded(target)
        if wrong := _wrong(target, digest, expected, wanted.md5):
            fix = f"remove it and run the same command again: rm '{target}'"
            raise BenchError(f"{target} is not the published file", got=wrong, fix=fix)
        stated = "as published" if wanted.sha256 or wanted.md5 else "as recorded when it was fetched"
        return Fetched(target, False, digest, stated if expected or wanted.md5 else "which no source states")


def recorded(target: Path) -> str:
    """Return the SHA-256 that was recorded next to a file when it was fetched; empty if none was."""
    record = target.with_name(f"{target.name}.sha256")
    return record.read_text(encoding="utf-8").split()[0] if record.is_file() else ""


def _wrong(path: Path, digest: str, sha256: str, md5: str) -> str:
    """Return in what a file differs from the published one; empty if it does not."""
    if sha256 and not digest.startswith(sha256):
        return f"SHA-256 {digest[: max(len(sha256), 16)]}, not {sha256}"
    if md5 and (found := pooch.file_hash(str(path), "md5")) != md5:
        return f"MD5 {found}, not {md5}"
    return ""


def _record(target: Path, digest: str) -> None:
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        record = target.with_name(f"{target.name}.sha256")
        write_text(record, f"{digest}  {target.name}\n")


def _confirmation(wanted: Wanted, address: Address) -> str:
    if len(wanted.sha256) == 64:
        return "as published"
    if wanted.sha256:
        return f"begins with {wanted.sha256}, as published"
    if wanted.md5:
        return f"its MD5 is {wanted.md5}, as published"
    if address.sha256:
        return "as the hub states"
    return "which no source states: recorded next to the file, and later fetches are compared with it"


def _local(wanted: Wanted) -> Address:
    return Address(f"{_LOCAL}{wanted.near}")


def _host(url: str) -> str:
    return "the hub's cache on this machine" if url.startswith(_LOCAL) else urlsplit(url).netloc


def _flat(place: str) -> str:
    return place.replace("/", "--")
