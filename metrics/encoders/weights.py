"""Where an encoder's weights come from and which file they are; no torch."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from bench.errors import MissingError

SETTING = "--weights PATH or BENCH_WEIGHTS, the file or the folder that holds it"


@dataclass(frozen=True)
class EncoderRequirement:
    """What an encoder needs, field for field the harness's `Requirement`."""

    name: str
    setting: str
    source: str
    size: str
    path: Path | None = None
    found: bool = False
    reason: str = ""


@dataclass(frozen=True)
class WeightsFile:
    """The published file of an encoder's weights.

    `sha256` is that of the published file: any other file gives the encoder another name, so that published metric
    names stay with published weights.
    """

    encoder: str
    file: str
    source: str
    size: str
    sha256: str

    def path(self, weights: Path | None) -> Path | None:
        """Return the file that `weights` (a file, a folder or nothing) points to, None where there is none."""
        if weights is None:
            return None
        candidate = weights / self.file if weights.is_dir() else weights
        return candidate if candidate.is_file() else None

    def requirement(self, weights: Path | None) -> EncoderRequirement:
        """Say what is needed and whether it was found."""
        path = self.path(weights)
        reason = "" if path else f"{self.file} was not found: {_where(self.file, weights)}."
        return EncoderRequirement(
            f"{self.encoder} weights ({self.file})", SETTING, self.source, self.size, path, path is not None, reason
        )

    def demand(self, weights: Path | None) -> Path:
        """Return the file.

        Raises:
            MissingError: it is not there.
        """
        path = self.path(weights)
        if path is None:
            raise MissingError(
                f"expected the weights of encoder {self.encoder!r}, {self.file} ({self.size})",
                got=_where(self.file, weights),
                fix=f"get {self.source} and set {SETTING}",
            )
        return path

    def label(self, weights: Path | None) -> str:
        """Return the encoder's name for the published file, and name-<8 hex of sha256> for another."""
        digest = file_sha256(self.demand(weights))
        return self.encoder if digest == self.sha256 else f"{self.encoder}-{digest[:8]}"


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file; a file that did not change is read once a process."""
    status = path.stat()
    return _sha256(path, status.st_size, status.st_mtime_ns)


def identity(weights_sha256: str, preprocessing: str) -> str:
    """Return what tells an encoder from any other: a hash of its weights, and the preprocessing in words."""
    return f"{weights_sha256}; {preprocessing}"


@lru_cache(maxsize=64)
def _sha256(path: Path, size: int, mtime_ns: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _where(file: str, weights: Path | None) -> str:
    if weights is None:
        return "no path to weights is set"
    return f"no {file} in {weights}" if weights.is_dir() else f"no file at {weights}"
