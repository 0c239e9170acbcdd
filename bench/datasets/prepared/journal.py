"""The journal of a split that is being prepared, by which a killed preparation continues where it was."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bench.formats.labels.plausible import Survey

FILE = "prepared.jsonl"
INTERVAL = 1.0
"""Seconds between two marks; a kill loses the work since the last one."""


class Entry(NamedTuple):
    """What is kept of one sample: its record, what its labels look like, nuclei lost in resampling, and its look."""

    record: dict[str, Any]
    survey: Survey | None
    vanished: int
    look: list[Any] | None


class Mark(NamedTuple):
    """The state after the first samples: their entries, the sizes of the array files, and the survey of encodings."""

    entries: Sequence[Entry]
    sizes: Mapping[str, int]
    encodings: Mapping[str, Any]


class Journal:
    """Appends entries, and marks up to which the files are written."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        """Use the journal in a folder; nothing is written yet."""
        self.path = folder / FILE
        self._clock = clock
        self._marked = clock()
        self._waiting: list[str] = []

    def add(self, entry: Entry) -> None:
        """Note a sample; it counts once a mark follows."""
        survey = None if entry.survey is None else {**asdict(entry.survey), "areas": entry.survey.areas.tolist()}
        values = {"record": entry.record, "survey": survey, "vanished": entry.vanished, "look": entry.look}
        self._waiting.append(json.dumps(values, ensure_ascii=False))

    @property
    def due(self) -> bool:
        """Whether it is time for a mark."""
        return self._clock() - self._marked >= INTERVAL

    def mark(self, sizes: Mapping[str, int], encodings: Mapping[str, Any]) -> None:
        """Write what is waiting; the files must have these sizes, in bytes, by now."""
        lines = [*self._waiting, json.dumps({"sizes": dict(sizes), "encodings": dict(encodings)})]
        with self.path.open("a", encoding="utf-8") as handle:
            handle.write("\n".join(lines) + "\n")
        self._waiting.clear()
        self._marked = self._clock()

    def read(self, found: Mapping[str, int]) -> Mark | None:
        """Return the last mark that files of the sizes `found` hold; None if there is none.

        Lines after it, of which a kill may have cut the last one short, are removed.
        """
        if not self.path.exists():
            return None
        entries: list[Entry] = []
        last: Mark | None = None
        end = 0
        with self.path.open("rb") as handle:
            for values in _values(handle):
                if "record" in values:
                    entries.append(_entry(values))
                    continue
                if any(found.get(name, 0) < size for name, size in values["sizes"].items()):
                    break
                last = Mark(tuple(entries), values["sizes"], values["encodings"])
                end = handle.tell()
        with self.path.open("r+b") as handle:
            handle.truncate(end)
        return last


def _values(lines: Any) -> Iterator[dict[str, Any]]:
    """Yield the values of whole lines, up to the first one that is none."""
    while line := lines.readline():
        try:
            values = json.loads(line)
        except ValueError:  # also text that is not UTF-8
            return
        if not line.endswith(b"\n") or not isinstance(values, dict):
            return
        yield values


def _entry(values: Mapping[str, Any]) -> Entry:
    survey = values["survey"]
    seen = None if survey is None else Survey(**{**survey, "areas": np.asarray(survey["areas"], np.int64)})
    return Entry(values["record"], seen, values["vanished"], values["look"])
