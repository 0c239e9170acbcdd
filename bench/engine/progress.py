"""The progress of a suite or run for other processes: `<store>/progress/<name>.json`, written about once a second.

The document has counts and only a few steps by name, so that it stays small however many steps there are. A thread
writes it, since a step that is done in this process blocks everything else.
"""

from __future__ import annotations

import os
import re
import socket
import threading
import time
import uuid
from asyncio import CancelledError
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from bench.digest import canonical_json
from bench.engine.overall import Overall
from bench.engine.progress_file import alive, read_progress
from bench.engine.step import Step
from bench.engine.stop import Parked
from bench.engine.store.holder import machine, started

FOLDER = "progress"
INTERVAL = 1.0
"""Seconds between two documents if something changed."""
HEARTBEAT = 5.0
"""Seconds between two documents if nothing changed."""
SHOWN = 20
"""Running and failed steps of a run that the document names."""
LONGEST = 300
"""Letters of the cause of a failure in the document."""

QUEUED = frozenset({"waiting", "pending", "requeued", "requeue_hold", "suspended", "preempted"})
"""States of a step at its executor in which nothing does it."""

StepState = Literal["waiting", "running", "cached", "done", "failed"]
RunState = Literal["waiting", "running", "done", "failed", "stopped"]


@dataclass
class RunProgress:
    """What became of the steps of one run.

    `overall` returns its planned progress, or empty text if it is unknown, and `states` the state of steps at the
    executor, by key: a step that was given to a cluster waits in a queue before it runs.
    """

    label: str
    overall: Callable[[], Overall | str] = str
    states: Callable[[], Mapping[str, str]] = dict
    state: RunState = "waiting"
    counts: dict[str, Counter[str]] = field(default_factory=dict)
    _states: dict[str, StepState] = field(default_factory=dict)
    _running: dict[str, tuple[Step, float]] = field(default_factory=dict)
    _queued: set[str] = field(default_factory=set)
    _failed: dict[str, dict[str, str]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def asks(self, step: Step) -> None:
        """Note that a step is needed; it waits."""
        if step.key not in self._states:
            self._put(step, "waiting")

    def begins(self, step: Step) -> None:
        """Note that a step begins."""
        self._put(step, "running")  # first, since queued steps are subtracted from those that run
        with self._lock:
            self._running[step.key] = (step, time.time())

    def ends(self, step: Step, state: StepState, cause: str = "") -> None:
        """Note what became of a step."""
        with self._lock:
            self._running.pop(step.key, None)
            if state == "failed":
                about = {"key": step.key, "stage": step.stage, "title": step.title, "cause": cause[:LONGEST]}
                self._failed[step.key] = about
        self._put(step, state)

    @contextmanager
    def going(self, overall: Callable[[], Overall | str]) -> Iterator[None]:
        """Note that the run begins, and how it ends."""
        self.overall, self.state = overall, "running"
        try:
            yield
        except (KeyboardInterrupt, CancelledError, Parked):
            self.state = "stopped"
            raise
        except BaseException:
            self.state = "failed"
            raise
        self.state = "done"

    def document(self) -> dict[str, Any]:
        """Return the counts by stage and state, and the first of the running and failed steps."""
        overall, states = self.overall(), self.states()
        known = overall if isinstance(overall, Overall) else None
        with self._lock:
            running = self._not_queued(states)
            queued = Counter(step.stage for key, (step, _) in self._running.items() if key not in running)
            failed = [*self._failed.values()]
            counts = {stage: _counts(of, queued[stage]) for stage, of in self.counts.items()}
        return {
            "label": self.label,
            "state": self.state,
            "planned": None if known is None else known.steps,
            "seconds_left": None if known is None or self.state != "running" else round(known.seconds_left, 1),
            "counts": counts,
            "running": [_running(step, since, known) for step, since in [*running.values()][:SHOWN]],
            "failed": failed[:SHOWN],
        }

    def _not_queued(self, states: Mapping[str, str]) -> dict[str, tuple[Step, float]]:
        """Return the steps that something does; one that was in a queue begins when it is first seen outside."""
        running = {}
        for key, (step, since) in self._running.items():
            if states.get(key) in QUEUED:
                self._queued.add(key)
                continue
            if key in self._queued:
                self._queued.discard(key)
                since = time.time()
                self._running[key] = (step, since)
            running[key] = (step, since)
        return running

    def _put(self, step: Step, state: StepState) -> None:
        with self._lock:
            counts = self.counts.setdefault(step.stage, Counter())
            before = self._states.get(step.key)
            if before is not None:
                counts[before] -= 1
            self._states[step.key] = state
            counts[state] += 1


def _counts(of: Mapping[str, int], queued: int) -> dict[str, int]:
    """Return the counts of a stage that are not 0."""
    counts = {**of, "running": of.get("running", 0) - queued, "queued": queued}
    return {state: n for state, n in counts.items() if n}


def _running(step: Step, since: float, overall: Overall | None) -> dict[str, Any]:
    estimate = None if overall is None else round(overall.estimate(step), 1)
    return {"key": step.key, "stage": step.stage, "title": step.title, "started": since, "estimate": estimate}


class Board:
    """The progress of all runs of this process, which a thread writes while the block lasts.

    A document that cannot be written stops nothing: the results do not depend on it.
    """

    def __init__(self, store: Path, name: str, *, suite: bool = False) -> None:
        """Begin a board; nothing is written yet."""
        self.path = _free(store / FOLDER, re.sub(r"[^\w.+-]+", "-", name).strip("-.")[:100] or "run")
        self.name, self.suite, self.runs = name, suite, list[RunProgress]()
        self._started, self._state = time.time(), "running"
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._write_often, name="progress", daemon=True)

    def run(self, label: str) -> RunProgress:
        """Return the progress of one more run."""
        self.runs.append(RunProgress(label))
        return self.runs[-1]

    def document(self) -> dict[str, Any]:
        """Return everything that the file says."""
        return {
            "name": self.name,
            "suite": self.suite,
            "state": self._state,
            "pid": os.getpid(),
            "process": started(os.getpid()),
            "machine": machine(),
            "host": socket.gethostname(),
            "started": self._started,
            "heartbeat": time.time(),
            "runs": [run.document() for run in self.runs],
        }

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: BaseException | TracebackType | None) -> None:
        if kind is not None:
            self._state = "stopped" if issubclass(kind, KeyboardInterrupt | Parked) else "failed"
        else:
            self._state = "failed" if any(run.state == "failed" for run in self.runs) else "done"
        self._ended.set()
        self._thread.join()

    def _write_often(self) -> None:
        written, before = 0.0, None
        while True:
            over = self._ended.wait(INTERVAL if before is not None else 0)
            try:
                document = self.document()
                content = {key: value for key, value in document.items() if key != "heartbeat"}
                if over or content != before or time.monotonic() - written > HEARTBEAT:
                    self._write(document)
                    written, before = time.monotonic(), content
            except Exception:  # an estimate of a plugin's step, a full disk
                before = before or {}
            if over:
                return

    def _write(self, document: dict[str, Any]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_name(f".{self.path.name}.{uuid.uuid4().hex[:8]}.tmp")
        try:
            temporary.write_text(canonical_json(document), encoding="utf-8")
            os.replace(temporary, self.path)
        finally:
            temporary.unlink(missing_ok=True)


def _free(folder: Path, name: str) -> Path:
    """Return the file of a name; another one if a process that is alive writes it."""
    number = 1
    while True:
        path = folder / (f"{name}.json" if number == 1 else f"{name}-{number}.json")
        document = read_progress(path)
        if document is None or not alive(document):
            return path
        number += 1
