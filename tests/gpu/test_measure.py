"""Speed, memory and use of a GPU at the size `paper`: `pytest -m gpu`; and a rehearsal of it on the CPU."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
import torch

from tests.gpu.clock import Clock, Row
from tests.gpu.measure import write
from tests.gpu.subjects import METHODS, NETWORKS, Place, measure

GPU = Place("cuda", "paper")
OUT = Path(os.environ.get("OUT") or "gpu-results")
MOST_SECONDS = 9 * 60


class Board:
    """The rows so far, and the time since the first measurement."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.begun = time.monotonic()


@pytest.fixture(scope="module")
def board() -> Board:
    return Board()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
@pytest.mark.parametrize("name", [*METHODS, *NETWORKS])
def test_steps_at_the_published_size(name: str, board: Board, tmp_path: Path) -> None:
    if time.monotonic() - board.begun > MOST_SECONDS - 60:
        pytest.skip("the nine minutes are over")
    rows = list(measure(name, GPU, tmp_path))
    board.rows += rows
    write(board.rows, GPU, OUT)
    assert len(rows) >= 2
    for row in rows:
        assert 0 < row.seconds < 60
        assert row.operations > 0
        assert 0 < row.peak < torch.cuda.get_device_properties(0).total_memory / 1024**3


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sdm", "vit"])
def test_the_same_on_the_cpu_at_the_smallest_size(name: str, tmp_path: Path) -> None:
    place = Place("cpu", "tiny")
    rows = list(measure(name, place, tmp_path / "work"))
    write(rows, place, tmp_path)
    document = json.loads((tmp_path / "gpu.json").read_text())
    assert [row["name"] for row in document["rows"]] == [row.name for row in rows]
    assert all(row["operations"] > 0 and row["seconds"] > 0 for row in document["rows"])
    assert document["rows"][0]["per_second"] > 0
    assert document["rows"][0]["share_of_peak"] is None
    table = (tmp_path / "gpu.md").read_text().splitlines()
    assert len(table) == 4 + len(rows)


@pytest.mark.parametrize("inference", [False, True])
def test_operations_are_counted_with_and_without_gradients(inference: bool) -> None:
    network = torch.nn.Sequential(torch.nn.Linear(8, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2))
    clock = Clock("cpu", count=True)
    with torch.inference_mode(inference), clock.counting():
        network(torch.zeros(16, 8))
    assert clock.total == 2 * 16 * (8 * 4 + 4 * 2)
