"""Which entries have been read and found whole, so that each is hashed once and not by every process."""

from __future__ import annotations

import contextlib
import os
import time
import uuid
from pathlib import Path
from typing import Any

from bench.engine.store.entry import Broken, check_content, check_sizes, fingerprint, listed, read_record

FOLDER = "checked"
REFRESH = 1200.0
"""Seconds after which a further use of an entry is noted; less than the time for which a sweep keeps what is used."""


class Checked:
    """A small file per entry with the sizes and times that its files had when they were hashed.

    It is renamed into place, so that processes and machines may share it; a store that cannot be written has none, and
    each process then hashes what it reads.
    """

    def __init__(self, root: Path) -> None:
        """Use the folder `checked` of the store at `root`."""
        self._root = root / FOLDER
        self._seen: dict[str, str] = {}

    def check(self, folder: Path, stage: str, key: str) -> dict[str, Any]:
        """Return the record of an entry that is whole; its files are hashed unless that has been done before.

        Raises:
            Broken: it is not whole.
        """
        record = read_record(folder, stage, key)
        try:
            files = listed(folder)
            check_sizes(record, files)
            mark = fingerprint(folder, files)
        except OSError as error:
            raise Broken(f"{error.filename or folder} cannot be read ({error.strerror})") from None
        if self._seen.get(key) == mark:
            return record
        if self._noted(stage, key) != mark:
            check_content(folder, record)
            self._note(stage, key, mark)
        self._seen[key] = mark
        return record

    def note(self, folder: Path, stage: str, key: str) -> None:
        """Note that an entry, which was hashed a moment ago, is whole."""
        mark = fingerprint(folder, listed(folder))
        self._seen[key] = mark
        self._note(stage, key, mark)

    def _noted(self, stage: str, key: str) -> str:
        path = self._root / stage / key
        try:
            text = path.read_text(encoding="ascii")
        except (OSError, ValueError):
            return ""
        with contextlib.suppress(OSError):  # the last use, by which old entries are swept
            if time.time() - path.stat().st_mtime > REFRESH:
                os.utime(path)
        return text

    def _note(self, stage: str, key: str, mark: str) -> None:
        path = self._root / stage / key
        temporary = path.with_name(f".{key}.{uuid.uuid4().hex}")
        with contextlib.suppress(OSError):  # a full disk or a store that cannot be written: it is hashed again
            try:
                temporary.write_text(mark, encoding="ascii")
            except FileNotFoundError:
                path.parent.mkdir(parents=True, exist_ok=True)
                temporary.write_text(mark, encoding="ascii")
            os.replace(temporary, path)
        if temporary.exists():
            with contextlib.suppress(OSError):
                temporary.unlink()

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what this process has seen."""
        return {"_root": self._root, "_seen": {}}
