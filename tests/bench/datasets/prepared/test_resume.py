"""A preparation that was killed continues where it was, and its files are those of one that was not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.contract import Sample
from bench.datasets.prepared import journal
from bench.datasets.prepared.write import prepare
from tests.bench.datasets.layouts import Counted
from tests.bench.datasets.prepared.test_read import Memory, toys

N = 6


class Interrupted(Memory):
    """A source that is interrupted before sample `at`; it notes what was read."""

    def __init__(self, samples: Sequence[Sample], at: int | None = None) -> None:
        super().__init__(samples)
        self.at, self.seen = at, []

    def samples(self, split: str, places: Sequence[int] | None = None) -> Iterator[Sample]:
        for place in range(len(self.list)) if places is None else places:
            if place == self.at:
                raise KeyboardInterrupt
            self.seen.append(place)
            yield self.list[place]


@pytest.fixture(autouse=True)
def marks_after_every_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "INTERVAL", 0.0)


def tiles() -> list[Sample]:
    """Tiles of several kinds: with an ignored region, without nuclei, with a caption, a label and a tissue."""
    made = toys(N)
    made[1] = replace(made[1], ignore=np.eye(40, dtype=bool))
    made[2] = replace(made[2], instances=np.zeros((40, 40), np.int32), types=np.zeros(0, np.uint8))
    made[3] = replace(made[3], caption="größer", label=1, tissue="colon")
    return made


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def run(source: Memory, out: Path) -> list[str]:
    return prepare(source, "train", 0.5, out, Counted())


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("whole")
    run(Memory(tiles()), folder)
    return files(folder)


def interrupted(folder: Path, at: int) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(Interrupted(tiles(), at), folder)


@pytest.mark.parametrize("at", range(N))
def test_only_the_rest_is_read_and_the_files_are_the_same(tmp_path: Path, whole: dict[str, bytes], at: int) -> None:
    interrupted(tmp_path, at)
    source = Interrupted(tiles())
    run(source, tmp_path)
    assert source.seen == list(range(at, N))
    assert files(tmp_path) == whole


def test_several_interruptions(tmp_path: Path, whole: dict[str, bytes]) -> None:
    for at in (1, 2, 5):
        interrupted(tmp_path, at)
    run(Memory(tiles()), tmp_path)
    assert files(tmp_path) == whole


def _shorten(name: str, by: int) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        path = folder / name
        os.truncate(path, path.stat().st_size - by)

    return damage


def _append(name: str, more: bytes) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        with (folder / name).open("ab") as handle:
            handle.write(more)

    return damage


@pytest.mark.parametrize(
    ("damage", "first"),
    [
        (_append("images.u8", b"of a sample whose mark was not written"), 4),
        (_append("samples.jsonl", b'{"id": "half'), 4),
        (_append(journal.FILE, b'{"record": {"id": "half'), 4),
        (_append(journal.FILE, b'{"sizes": {"image": 1'), 4),
        (_append(journal.FILE, b"\xff\xfe\n"), 4),
        (_shorten(journal.FILE, 1), 3),  # the newline of the last mark
        (_shorten("images.u8", 1), 3),  # what the last mark says is not there
        (lambda folder: (folder / "images.u8").unlink(), 0),
        (lambda folder: (folder / journal.FILE).unlink(), 0),
        (lambda folder: (folder / journal.FILE).write_bytes(b""), 0),
    ],
)
def test_what_a_kill_may_leave_is_mended(
    tmp_path: Path, whole: dict[str, bytes], damage: Callable[[Path], object], first: int
) -> None:
    interrupted(tmp_path, 4)
    damage(tmp_path)
    source = Interrupted(tiles())
    run(source, tmp_path)
    assert source.seen == list(range(first, N))
    assert files(tmp_path) == whole


def test_a_mark_is_written_after_a_second_and_not_for_every_sample(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "INTERVAL", 1.0)
    interrupted(tmp_path, 4)
    assert not (tmp_path / journal.FILE).exists()
    source = Interrupted(tiles())
    run(source, tmp_path)
    assert source.seen == list(range(N))


CHILD = """
import sys, time
from pathlib import Path
from bench.datasets.prepared import journal
from tests.bench.datasets.prepared.test_resume import Interrupted, run, tiles

journal.INTERVAL = 0.0
class Slow(Interrupted):
    def samples(self, split, places=None):
        for sample in super().samples(split, places):
            yield sample
            time.sleep(0.2)
run(Slow(tiles()), Path(sys.argv[1]))
"""


def test_a_killed_process_loses_little(tmp_path: Path, whole: dict[str, bytes]) -> None:
    with subprocess.Popen([sys.executable, "-c", CHILD, str(tmp_path)]) as process:
        deadline = time.monotonic() + 60
        while not (tmp_path / journal.FILE).exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    source = Interrupted(tiles())
    run(source, tmp_path)
    assert 0 < source.seen[0] < N
    assert files(tmp_path) == whole
