"""What represents a file of weights in the keys of steps: its hash, not its path. Needs no torch."""

from __future__ import annotations

from pathlib import Path

from metrics.encoders.weights import file_sha256


def identity(path: Path | None) -> str | None:
    """Return `sha256:` and the hash of a file of weights; None if there is no file."""
    return f"sha256:{file_sha256(path)}" if path is not None and path.is_file() else None
