"""When the work on a request began: a run that was killed and continues later counts from its first session."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.config import RunRequest
from bench.digest import digest, write_json
from bench.engine.cost import utc_now

FOLDER = "sessions"


@dataclass(frozen=True)
class Attempt:
    """The work on one request so far: when its first session started (ISO time, UTC), and how many there were."""

    path: Path
    started: str
    sessions: int

    def finish(self) -> None:
        """Forget the attempt once its results are written; the same request begins a new one."""
        self.path.unlink(missing_ok=True)


def begin(request: RunRequest) -> Attempt:
    """Note that a session works on a request, and return what is known of the work on it."""
    folder = request.store / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{digest(request.what())[:16]}.json"
    known = _noted(path)
    attempt = Attempt(path, str(known.get("started") or utc_now()), known.get("sessions", 0) + 1)
    write_json(path, {"started": attempt.started, "sessions": attempt.sessions}, shared=True)
    return attempt


def _noted(path: Path) -> dict[str, Any]:
    """Return what an earlier session noted; nothing if it was cut off while it wrote, which must not stop a run."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) and isinstance(found.get("sessions", 0), int) else {}
