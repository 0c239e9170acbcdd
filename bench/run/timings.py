"""When the steps of a run were done and what the machine did meanwhile, collected from the steps' own documents."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bench.digest import write_json
from bench.engine.session import Session
from bench.engine.step import Finished
from bench.engine.store import DOCUMENT
from bench.engine.usage import samples_of
from bench.results.table import USAGE
from bench.results.timing import Timing


def timings(session: Session) -> dict[str, Timing]:
    """Return the timing of every step of a session, by its key."""
    return {finished.key: _timing(finished) for finished in session.finished.values()}


def write_usage(folder: Path, session: Session) -> None:
    """Write the samples of every step that was long enough to have some, by its key."""
    folder.mkdir(parents=True, exist_ok=True)
    found = {finished.key: samples_of(_document(finished)) for finished in session.finished.values()}
    write_json(folder / USAGE, {key: samples for key, samples in found.items() if samples})


def _timing(finished: Finished) -> Timing:
    document = _document(finished)
    return Timing(
        stage=finished.stage,
        title=str(document.get("title", "")),
        started=str(document.get("started", "")),
        ended=str(document.get("ended", "")),
        seconds=float(finished.cost.get("seconds", 0.0)),
        reused=finished.reused,
    )


def _document(finished: Finished) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((finished.path / DOCUMENT).read_text(encoding="utf-8"))
    return found
