"""The comparison with a baseline as annotations of GitHub Actions, at the lines of the baseline."""

from __future__ import annotations

from collections.abc import Iterator

from reports.gate.compare import FAILURES, Gate
from reports.gate.junit import message

_SHOWN = 10  # GitHub shows so many errors of a step


def commands(gate: Gate) -> Iterator[str]:
    """Yield one command for each row that fails, as many as GitHub shows, and one that counts the others."""
    found = gate.of(*FAILURES, "not comparable")
    kept = found if len(found) <= _SHOWN else found[: _SHOWN - 1]
    for one in kept:
        line = f",line={one.line}" if one.line else ""
        yield f"::error file={_property(gate.baseline)}{line},title=bench check::{_message(message(one))}"
    if len(found) > len(kept):
        yield f"::error file={_property(gate.baseline)},title=bench check::and {len(found) - len(kept)} more rows"


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")
