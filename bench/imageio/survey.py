"""How the images of a set are encoded, from some of them, evenly spread over the set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from statistics import median_low
from typing import Any

import numpy as np
from jaxtyping import UInt8

from bench.errors import DataError
from bench.imageio.encoding import read_encoding
from bench.imageio.traces import jpeg_traces

_IMAGES, _FILES = 16, 200
_TOLERANCE = 1.5
"""Stated sizes of a pixel that differ by a larger factor contradict each other: 0.25 and 0.5, but not 0.25 and 0.28."""


class EncodingSurvey:
    """Looks at about 16 images for traces of JPEG, and at the headers of about 200 files."""

    def __init__(self, n: int) -> None:
        """Prepare to look at some of `n` images."""
        self._every_image, self._every_file = max(1, n // _IMAGES), max(1, n // _FILES)
        self._formats: Counter[str] = Counter()
        self._tables: Counter[int] = Counter()
        self._mpp: Counter[float] = Counter()
        self._traces: list[int | None] = []

    def wants(self, index: int) -> bool:
        """Return whether the pixels of image `index` are looked at."""
        return index % self._every_image == 0

    def add(self, index: int, image: UInt8[np.ndarray, "h w 3"], path: Path | None = None) -> None:
        """Look at image `index` of the set if it is one of those; `path` is its file, if it has one of its own."""
        if self.wants(index) and image.size:
            self._traces.append(jpeg_traces(image))
        if path is None or index % self._every_file:
            return
        try:
            found = read_encoding(path)
        except DataError:  # readers of slides open files that this one does not
            return
        self._formats[found.format] += 1
        if found.quality is not None:
            self._tables[found.quality] += 1
        if found.mpp is not None:
            self._mpp[float(f"{found.mpp:.4g}")] += 1

    def state(self) -> dict[str, Any]:
        """Return what was seen so far, as JSON values that `restore` takes."""
        return {
            "traces": self._traces,
            "formats": list(self._formats.items()),
            "tables": list(self._tables.items()),
            "mpp": list(self._mpp.items()),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from what another survey of the same images saw before it was interrupted."""
        self._traces = list(state["traces"])
        self._formats = Counter({str(name): n for name, n in state["formats"]})
        self._tables = Counter({int(quality): n for quality, n in state["tables"]})
        self._mpp = Counter({float(mpp): n for mpp, n in state["mpp"]})

    def summary(self) -> dict[str, Any]:
        """Return what was found, as JSON: numbers of files by format, by JPEG quality and by µm per pixel, and traces.

        `jpeg_traces` has the number of images that were looked at, that of those with traces, and the median of their
        qualities; the images are those that were added, before any resampling.
        """
        found = [quality for quality in self._traces if quality is not None]
        return {
            "files": dict(sorted(self._formats.items())),
            "jpeg_quality": {str(quality): n for quality, n in sorted(self._tables.items())},
            "stated_mpp": {f"{mpp:g}": n for mpp, n in sorted(self._mpp.items())},
            "jpeg_traces": {
                "images": len(self._traces),
                "found": len(found),
                "quality": median_low(found) if found else None,
            },
        }


def survey_words(summary: Mapping[str, Any]) -> str:
    """Return a summary in a line of words."""
    traces = summary["jpeg_traces"]
    said = [f"{n} {name}" for name, n in summary["files"].items()]
    if summary["jpeg_quality"]:
        said.append("JPEG quality " + ", ".join(summary["jpeg_quality"]))
    if traces["found"]:
        said.append(
            f"traces of JPEG, about quality {traces['quality']}, in {traces['found']} of {traces['images']} images"
        )
    else:
        said.append(f"no traces of JPEG found in {traces['images']} images")
    if summary["stated_mpp"]:
        said.append(f"files state {', '.join(summary['stated_mpp'])} µm per pixel")
    return "; ".join(said)


def contradictions(summary: Mapping[str, Any], mpp: float) -> list[str]:
    """Return what files state about the size of their pixels that cannot be if it is `mpp`, in µm."""
    return [
        f"{n} of the files looked at state {stated} µm per pixel, and the card says {mpp:g}"
        for stated, n in summary["stated_mpp"].items()
        if not 1 / _TOLERANCE <= float(stated) / mpp <= _TOLERANCE
    ]
