"""Worker processes: order, overlap, bounded memory, errors, and what workers must not do."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from bench.errors import JobError
from downstream.nuclei import pool
from downstream.nuclei.pool import overlapped, worker_count
from tests.toy import Run


def test_results_come_in_order_from_other_processes() -> None:
    calls = [["a", "b"], ["c"], [], ["d", "e", "f"]]
    assert list(overlapped(len, calls, 2)) == [2, 1, 0, 3]
    (process,) = overlapped(eval, ["__import__('os').getpid()"], 1)
    assert process != os.getpid()


@pytest.mark.parametrize("ahead", [1, 3])
def test_arguments_are_made_while_workers_work_and_few_wait(ahead: int) -> None:
    made = []

    def arguments():
        for number in range(12):
            made.append(number)
            yield 0.05

    results = overlapped(time.sleep, arguments(), 2, ahead)
    next(results)
    assert len(made) == 2 + ahead  # two at work, and those that wait
    time.sleep(0.5)
    assert len(made) == 2 + ahead
    assert len(list(results)) == 11


def test_an_error_of_the_function_is_raised_in_its_place() -> None:
    results = overlapped(int, ["1", "two", "3"], 1)
    assert next(results) == 1
    with pytest.raises(ValueError, match="two"):
        next(results)


def test_a_worker_that_dies_is_reported() -> None:
    with pytest.raises(JobError, match="separates nuclei"):
        list(overlapped(os._exit, [3], 1))


def test_workers_end_with_their_use(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[bytes]] = []
    start = pool._start
    monkeypatch.setattr(pool, "_start", lambda: started.append(start()) or started[-1])
    results = overlapped(abs, iter(range(100)), 2)
    assert next(results) == 0
    threads = threading.active_count()
    results.close()  # type: ignore[attr-defined]
    assert [process.poll() is None for process in started] == [False, False]
    ends = time.monotonic() + 10  # they are not joined
    while threading.active_count() >= threads and time.monotonic() < ends:
        time.sleep(0.01)
    assert threading.active_count() < threads


def test_a_worker_needs_no_torch_and_sees_no_working_directory(tmp_path: Path) -> None:
    (tmp_path / "cv2.py").write_text("raise SystemExit('a decoy was imported')")
    code = (
        "import sys; from downstream.nuclei.pool import overlapped\n"
        "from downstream.hovernet.decode import HoVerNetDecoder\n"
        'print(next(overlapped(eval, [\'sorted({"torch"} & set(__import__("sys").modules))\'], 1)))'
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("device", "threads", "workers", "cores", "expected"),
    [
        ("cpu", 1, 4, 8, 0),
        ("cpu", 2, 4, 8, 1),
        ("cpu", 8, 0, 2, 1),
        ("cpu", 2, 0, 1, 0),
        ("cuda", 2, 4, 16, 4),
        ("cuda", 1, 4, 16, 0),
    ],
)
def test_number_of_workers(
    monkeypatch: pytest.MonkeyPatch, device: str, threads: int, workers: int, cores: int, expected: int
) -> None:
    monkeypatch.setattr(pool, "_cores", lambda: cores)
    assert worker_count(replace(Run(), device=device, threads=threads, workers=workers)) == expected
