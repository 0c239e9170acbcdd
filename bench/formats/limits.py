"""Limits of what one file may become in memory, checked before memory is used: a small file may claim any size."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import IO, NoReturn

from bench.errors import DataError

MOST_UNPACKED = 1 << 30
"""Bytes of one array after decompression: a label map of 11,585 x 11,585 px in float64."""
MOST_TEXT = 512 << 20
"""Bytes of one JSON or CSV file; Python's values need about ten times as much."""

_CHUNK = 1 << 20
# No stream of zlib becomes larger by more than this (1032 : 1 for zeros).
_DEFLATE = 1032


def check_unpacked(n_bytes: int, what: str) -> None:
    """Raise an error if an array would need too much memory; called with what its file claims.

    Raises:
        DataError: it has more than `MOST_UNPACKED` bytes.
    """
    if n_bytes > MOST_UNPACKED:
        _refuse(what, f"{size_words(n_bytes)} unpacked")


def check_text(path: Path) -> None:
    """Raise an error if a text file is too large to be read as one value.

    Raises:
        DataError: it has more than `MOST_TEXT` bytes.
        OSError: there is no such file.
    """
    n_bytes = path.stat().st_size
    if n_bytes > MOST_TEXT:
        got = f"{size_words(n_bytes)}; at most {size_words(MOST_TEXT)} are read"
        raise DataError(f"The file {path} is too large", got=got, fix="split it into one file per image or slide")


def check_inflated(handle: IO[bytes], n_bytes: int, what: str) -> None:
    """Raise an error if the next bytes of a file, a stream of zlib, unpack to too much; nothing of it is kept.

    Args:
        handle: the file; it is left at the end of the stream.
        n_bytes: bytes of the stream.
        what: its name, for errors.

    Raises:
        DataError: it unpacks to more than `MOST_UNPACKED` bytes.
        zlib.error: it is not a stream of zlib.
    """
    end = handle.tell() + n_bytes
    if n_bytes * _DEFLATE > MOST_UNPACKED:
        stream, unpacked, left = zlib.decompressobj(), 0, n_bytes
        while left > 0 and not stream.eof and (chunk := handle.read(min(_CHUNK, left))):
            left -= len(chunk)
            while chunk and not stream.eof:
                unpacked += len(stream.decompress(chunk, _CHUNK))
                chunk = stream.unconsumed_tail
                if unpacked > MOST_UNPACKED:
                    _refuse(what, f"more than {size_words(MOST_UNPACKED)} unpacked, from {size_words(n_bytes)}")
    handle.seek(end)


def size_words(n_bytes: int) -> str:
    """Return a number of bytes in words.

    >>> size_words(900), size_words(5 << 20), size_words(7_200_000_000)
    ('900 bytes', '5.0 MiB', '6.7 GiB')
    """
    for unit, size in (("GiB", 1 << 30), ("MiB", 1 << 20)):
        if n_bytes >= size:
            return f"{n_bytes / size:,.1f} {unit}" if n_bytes < 10**18 else f"more than {10**18 // size:,} {unit}"
    return f"{n_bytes:,} bytes"


def _refuse(what: str, got: str) -> NoReturn:
    got += f"; at most {size_words(MOST_UNPACKED)} are read"
    raise DataError(f"The {what} is too large", got=got, fix="cut it into tiles, as its image")
