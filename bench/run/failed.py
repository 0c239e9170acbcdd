"""The error of a run whose steps failed: that of the step, or a list of all of them."""

from __future__ import annotations

from pathlib import Path

from bench.engine import failures
from bench.engine.session import FailedStep, Session, cause
from bench.errors import BenchError, ConfigError, JobError, MissingError

NAMED = 20
"""Failed steps that the error lists; the log has all of them."""


def error_of_run(session: Session, error: Exception) -> Exception:
    """Return the error that a run ends with after `error`: the same for one cause, else with one line per step.

    A single error receives a note that names the failed step and its record.
    """
    if isinstance(error, ConfigError | MissingError):
        return error
    failed = [*session.failed.values()]
    others = [] if any(error is one.error for one in failed) else [error]
    if len(failed) + len(others) < 2:
        if failed and isinstance(error, BenchError):
            error.exit_code = JobError.exit_code  # the request is not wrong: a step failed
        for one in failed:
            note = f"step:  {_name(one)}{_record(one, session.store.root)}"
            if note not in getattr(error, "__notes__", ()):  # several runs may need the step
                error.add_note(note)
        return error
    lines = [*(_line(one, session.store.root) for one in failed), *(f"{type(one).__name__}: {one}" for one in others)]
    rest = len(lines) - NAMED
    return JobError(
        f"{len(failed)} {'steps' if len(failed) > 1 else 'step and what follows'} failed; "
        "everything that does not depend on them is done",
        got="\n".join([*lines[:NAMED], *([f"and {rest} more"] if rest > 0 else [])]),
        fix="read the tracebacks in the log; the same command does only what is missing",
    )


def _line(failed: FailedStep, store: Path) -> str:
    return f"{_name(failed)}: {cause(failed)}{_record(failed, store)}"


def _name(failed: FailedStep) -> str:
    return f"{failed.step.stage}: {failed.step.title}"


def _record(failed: FailedStep, store: Path) -> str:
    record = failures.path(store, failed.step.key)
    return f" (see {record})" if record.is_dir() else ""
