"""A disk that is full, at each write of a step: one error, nothing half-published, and the same command continues."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from bench.engine.cost import Meter
from bench.engine.step import Place
from bench.engine.store import Store
from bench.errors import JobError
from tests.bench.engine.toy_steps import Toy

PAGE = 4096


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], check=False, capture_output=True)
    if done.returncode:
        pytest.skip("mounts are not permitted")
    yield disk
    subprocess.run(["umount", disk], check=True)


def fill(disk: Path, pages: int) -> Path:
    """Leave as many pages free."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as handle:
        try:
            while True:
                handle.write(b"x" * PAGE)
        except OSError:
            handle.truncate(max(0, handle.tell() - pages * PAGE))
    return ballast


def work(folder: Path) -> None:
    np.save(folder / "checkpoint.pt", np.zeros(600))
    (folder / "checkpoint.pt.npy").unlink()
    np.save(folder / "a.npy", np.arange(1500.0))


def attempt(store: Store, step: Toy) -> JobError | None:
    try:
        store.run(step, work)
    except JobError as error:
        return error
    return None


def test_a_full_disk_stops_a_step_anywhere_and_it_continues_when_there_is_space(disk: Path) -> None:
    failed, store = 0, Store(disk / "store")
    for pages in range(16):
        step = Toy(place=Place(), seed=pages)
        ballast = fill(disk, pages)
        error = attempt(store, step)
        if error is not None:
            failed += 1
            assert str(disk) in error.message
            assert "free" in error.got
            assert "\n" not in error.message + error.got
            assert error.exit_code == 1
            assert store.find(step) is None
            assert not store.path(step).exists()
        ballast.unlink()
        store.run(step, work, warn=pytest.fail)
        assert Store(disk / "store").find(step) is not None
        assert list((disk / "store" / "leases").iterdir()) == []
    assert 4 <= failed < 16


def test_a_measurement_that_cannot_be_written_does_not_stop_a_step(disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Meter, "interval", 0.0)
    fill(disk, 0)
    with Meter(disk / "cost.json", "cpu") as meter:
        pass
    assert meter.total()["seconds"] > 0
    assert not (disk / "cost.json.tmp").exists()


def test_the_largest_size_of_a_file_counts_as_full(tmp_path: Path) -> None:
    import resource

    def large(folder: Path) -> None:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
        try:
            (folder / "large").write_bytes(b"x" * 200_000)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    with pytest.raises(JobError, match="The disk is full"):
        Store(tmp_path).run(Toy(place=Place()), large)
