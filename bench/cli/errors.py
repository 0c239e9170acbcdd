"""Print errors as three lines on standard error."""

from __future__ import annotations

import sys

from bench.errors import BenchError
from bench.harmless import harmless
from bench.redact import redacted


def print_error(error: BenchError) -> None:
    """Print `error:`, `got:` and `fix:`; further lines of a part are indented below it."""
    for name, text in (("error", error.message), ("got", error.got or "-"), ("fix", error.fix or error.usual_fix)):
        print(f"{name + ':':<7}" + shown(text).replace("\n", "\n       "), file=sys.stderr)
    for note in getattr(error, "__notes__", ()):
        print(shown(note), file=sys.stderr)


def shown(text: str) -> str:
    """Return a text as it may be shown: control characters are escapes, and addresses have no secrets."""
    return harmless(redacted(text))
