"""Print errors as three lines on standard error."""

from __future__ import annotations

import sys

from bench.errors import BenchError


def print_error(error: BenchError) -> None:
    """Print `error:`, `got:` and `fix:`; further lines of a part are indented below it."""
    for name, text in (("error", error.message), ("got", error.got or "-"), ("fix", error.fix or "see --help")):
        print(f"{name + ':':<7}" + text.replace("\n", "\n       "), file=sys.stderr)
    for note in getattr(error, "__notes__", ()):
        print(note, file=sys.stderr)
