"""Names of files, valid on every system, for the ids of samples."""

from __future__ import annotations

import re
import unicodedata

from bench.digest import digest
from bench.errors import DataError

# Most file systems allow names of 255 bytes; a suffix and a temporary one follow.
_LONGEST = 120
_UNFIT = re.compile(r'[\x00-\x1f\x7f/\\<>:"|?*]')


def file_stem(name: str) -> str:
    """Return a file's stem for a sample id: no separators or control characters, no leading dot, 120 bytes at most."""
    stem = _UNFIT.sub("_", name).strip(" .") or "_"
    if len(stem.encode()) <= _LONGEST:
        return stem
    return f"{stem.encode()[: _LONGEST - 17].decode(errors='ignore')}-{digest(name)[:16]}"


class Stems:
    """The stems given so far; no two differ only by case or by the encoding of an accent."""

    def __init__(self) -> None:
        self._owners: dict[str, str] = {}

    def give(self, name: str) -> str:
        """Return the stem of a sample id.

        Raises:
            DataError: another sample has the same stem.
        """
        stem = file_stem(name)
        key = unicodedata.normalize("NFC", stem).casefold()
        if key in self._owners:
            got = f"{self._owners[key]!r} and {name!r}"
            raise DataError("The ids of two samples give the same file name", got=got, fix="rename one")
        self._owners[key] = name
        return stem
