"""A side that is only busy is asked again; any other error is raised at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.tracking.locking import TRIES, lock_of, patiently


def test_busy_is_not_refused() -> None:
    errors = [OSError("database is locked"), OSError("too many 500 error responses"), None]

    def work() -> str:
        error = errors.pop(0)
        if error is not None:
            raise error
        return "done"

    assert patiently(work, pause=0) == "done"


def test_other_errors_and_lasting_ones_are_raised() -> None:
    calls = []

    def work(text: str) -> None:
        calls.append(text)
        raise OSError(text)

    with pytest.raises(OSError, match="Connection refused"):
        patiently(lambda: work("Connection refused"), pause=0)
    assert len(calls) == 1
    with pytest.raises(OSError, match="locked"):
        patiently(lambda: work("database is locked"), pause=0)
    assert len(calls) == 1 + TRIES


def test_a_database_has_one_lock_and_a_server_one_for_each_run(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    assert lock_of(tmp_path, uri, "a").lock_file == lock_of(tmp_path, uri, "b").lock_file
    assert lock_of(tmp_path, "http://x", "a").lock_file != lock_of(tmp_path, "http://x", "b").lock_file
