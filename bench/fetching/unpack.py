"""Archives of data, unpacked so that nothing can be written outside their folder and no disk is filled by a trick."""

from __future__ import annotations

import lzma
import os
import shutil
import stat
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple
from zipfile import BadZipFile, ZipFile, is_zipfile

from bench.engine.space import amount, check_space, writing
from bench.errors import DataError, MissingError
from bench.fetching.file import WORK, Fetched, Fetcher, Wanted

CHUNK = 1 << 20
MOST = 200
"""An archive of more than `SMALL` bytes may become at most this many times larger; images of tissue become twice."""
SMALL = 1 << 30
_DAMAGE = (BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError)
_JUNK = frozenset({"__MACOSX", ".DS_Store"})


class _Member(NamedTuple):
    """A file of an archive: its name there, its size as stated, and how to open it."""

    name: str
    size: int
    open: Callable[[], IO[bytes]]


def unpacked(folder: Path, name: str) -> bool:
    """Return whether an archive was unpacked into a folder completely."""
    return _mark(folder, name).is_file()


def fetch_unpacked(fetcher: Fetcher, wanted: Wanted, folder: Path) -> Fetched | None:
    """Fetch an archive and unpack it into a folder; return None if that was done before.

    Raises:
        MissingError: no address gives it, or the disk is full.
        DataError: the archive is damaged or not safe to unpack.
    """
    name = wanted.place.rpartition("/")[2]
    if unpacked(folder, name):
        return None
    with fetcher.locked(f"{wanted.place} and its files"):
        if unpacked(folder, name):
            return None
        found = fetcher.get(wanted)
        fetcher.reports.say(f"unpacking {name} into {folder}")
        unpack(found.path, folder)
        return found


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a ZIP or TAR archive into a folder and remove it; an interrupted unpacking begins again.

    Raises:
        DataError: the archive is damaged, or holds names outside its folder, links, devices, or far more than it could.
        MissingError: the disk is full.
    """
    work = folder / WORK / f"{archive.name}.unpacking"
    with writing(work):
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
    with ExitStack() as stack:
        try:
            members = list(_members(archive, stack))
            _check(members, archive, work)
            for member in members:
                _write(member, work, archive)
        except _DAMAGE as error:
            shutil.rmtree(work, ignore_errors=True)
            raise DataError(f"{archive} is damaged", got=str(error), fix="remove it and fetch it again") from error
        except (DataError, MissingError):
            shutil.rmtree(work, ignore_errors=True)
            raise
    _publish(work, folder)
    with writing(folder):
        _mark(folder, archive.name).write_text("", encoding="utf-8")
        archive.unlink()


def _members(archive: Path, stack: ExitStack) -> Iterator[_Member]:
    if is_zipfile(archive):
        zipped = stack.enter_context(ZipFile(archive))
        for entry in zipped.infolist():
            kind = stat.S_IFMT(entry.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise _odd(archive, entry.filename, "a link or a device")
            if not entry.is_dir():
                yield _Member(entry.filename, entry.file_size, partial(zipped.open, entry))
        return
    tar = stack.enter_context(tarfile.open(archive))  # noqa: SIM115  # the stack closes it
    for item in tar:
        if not (item.isfile() or item.isdir()):
            raise _odd(archive, item.name, "a link or a device")
        if item.isfile():
            yield _Member(item.name, item.size, partial(_open, tar, item))


def _open(tar: tarfile.TarFile, item: tarfile.TarInfo) -> IO[bytes]:
    opened = tar.extractfile(item)
    assert opened is not None, "only regular files are opened"
    return opened


def _check(members: list[_Member], archive: Path, work: Path) -> None:
    for member in members:
        name = PurePosixPath(member.name)
        if name.is_absolute() or ".." in name.parts or "\\" in member.name or ":" in name.parts[0]:
            raise _odd(archive, member.name, "a name outside its folder")
    whole, packed = sum(member.size for member in members), archive.stat().st_size
    if whole > max(SMALL, MOST * packed):
        raise DataError(
            f"{archive.name} would become far larger than it can be",
            got=f"{amount(whole)} from {amount(packed)}",
            fix="do not use this archive: it is not what was published",
        )
    check_space(work, whole)


def _write(member: _Member, work: Path, archive: Path) -> None:
    name = PurePosixPath(member.name)
    if _JUNK & set(name.parts):
        return
    target = work.joinpath(*name.parts)
    left = member.size
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        out = target.open("wb")
    with out, member.open() as source:
        while chunk := source.read(CHUNK):
            left -= len(chunk)
            if left < 0:
                raise _odd(archive, member.name, "more bytes than it states")
            with writing(target):
                out.write(chunk)


def _publish(work: Path, folder: Path) -> None:
    """Move everything to its place: whole folders if none has their name, otherwise file by file."""
    for path in sorted(work.iterdir()):
        target = folder / path.name
        if path.is_dir() and target.is_dir():
            _publish(path, target)
        else:
            with writing(target):
                os.replace(path, target)
    work.rmdir()


def _mark(folder: Path, name: str) -> Path:
    return folder / WORK / f"{name}.unpacked"


def _odd(archive: Path, name: str, what: str) -> DataError:
    return DataError(
        f"{archive.name} is not unpacked", got=f"{name!r} is {what}", fix="do not use this archive: nothing was written"
    )
