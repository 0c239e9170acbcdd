"""Files and folders that appear complete or not at all: they are written under another name and then renamed."""

from __future__ import annotations

import glob
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ENDING = ".tmp"
LONGEST = 180
"""Bytes of a file's name that its temporary name repeats, because file systems limit names to 255."""


@contextmanager
def replacing(path: Path, *, sole: bool = False) -> Iterator[Path]:
    """Yield a temporary path next to `path`, which replaces it when the block ends; an error leaves `path` as it is.

    Args:
        path: the file.
        sole: whether only one process can write this file, because it holds a lock on the folder. The temporary
            name is then always `<name>.tmp`, so that what a killed process left is overwritten by the next one.
            Otherwise each writer has a name of its own.
    """
    temporary = path.with_name(path.name + ENDING) if sole else own_name(path)
    try:
        yield temporary
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_text(path: Path, text: str, *, sole: bool = False) -> None:
    """Write a text file in UTF-8, see :func:`replacing`."""
    with replacing(path, sole=sole) as temporary:
        temporary.write_text(text, encoding="utf-8")


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder next to `path`, which replaces it as a whole when the block ends; an error leaves it.

    The caller must hold a lock, since another process could otherwise put a folder there in between.
    """
    temporary = own_name(path)
    temporary.mkdir(parents=True)
    try:
        yield temporary
        swap_folder(temporary, path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def give_name(own: Path, path: Path) -> None:
    """Give a file of this process the name `path`, which only one process can; it keeps the other name, too.

    On a file system without hard links, such as exFAT, a new file with the same content is created.

    Raises:
        FileExistsError: the name is taken.
    """
    try:
        os.link(own, path)
    except FileExistsError:
        raise
    except OSError:
        content = own.read_bytes()
        with path.open("xb") as handle:
            handle.write(content)


def swap_folder(new: Path, path: Path) -> None:
    """Rename the folder `new` to `path`; a folder that is there is removed."""
    old = own_name(path)
    try:
        path.rename(old)
    except FileNotFoundError:
        new.rename(path)
        return
    try:
        new.rename(path)
    except BaseException:
        old.rename(path)
        raise
    shutil.rmtree(old, ignore_errors=True)


def sweep(folder: Path, name: str) -> None:
    """Remove what killed processes left of `name` and of files whose names begin with it, in a folder.

    The caller must hold the lock under which these files are written.
    """
    for left in folder.glob(f".{glob.escape(name)}.*{ENDING}"):
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


def own_name(path: Path) -> Path:
    """Return a temporary path next to `path` that nothing else uses; it is hidden and ends in `.tmp`."""
    start = path.name.encode()[:LONGEST].decode(errors="ignore")
    return path.with_name(f".{start}.{os.getpid()}-{secrets.token_hex(6)}{ENDING}")


def is_temporary(path: Path) -> bool:
    """Return whether a path is a temporary name of this module.

    >>> is_temporary(own_name(Path("a/rows.parquet"))), is_temporary(Path("a/rows.parquet"))
    (True, False)
    """
    return path.name.endswith(ENDING)
