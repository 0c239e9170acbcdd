"""A Ray cluster of which a node is removed, in a file of its own: a process is in one cluster at a time."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bench.engine.device import Device
from bench.engine.executors import ExecutorOptions, open_executor
from bench.engine.reporter import Reporter
from bench.engine.session import Session, drive, together
from bench.engine.store import Store
from tests.bench.engine.toy_steps import Counting

pytest.importorskip("ray")
ROOT = Path(__file__).parents[4]


@pytest.mark.slow
def test_a_node_that_is_removed_changes_no_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setattr("tests.network.is_home", lambda family, address: True)  # Ray uses this machine's own address
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    request.addfinalizer(cluster.shutdown)
    second = cluster.add_node(num_cpus=1)
    options = ExecutorOptions(store=tmp_path, address=cluster.address)
    executor = open_executor("ray", options)
    session = Session(Store(tmp_path), Reporter(quiet=True), Device("cpu", "CPU"), "32-true", 1, executor=executor)
    about = {"kind": "Counting", "to": 25}
    steps = [Counting(place=session.numeric, title="toy", settings=about, seed=number) for number in range(4)]

    async def remove() -> None:
        begun = [session.store.path(step).with_suffix(".partial") / "checkpoint.pt" for step in steps]
        while sum(path.exists() for path in begun) < 2:  # one on each node
            await asyncio.sleep(0.05)
        cluster.remove_node(second)

    try:
        drive(together(*(session.do(step) for step in steps), remove()))
    finally:
        executor.close()
    assert [(session.store.path(step) / "result.txt").read_text() for step in steps] == ["25"] * 4
    starts = [(session.store.path(step) / "starts.txt").read_text().split() for step in steps]
    assert sorted(map(len, starts)) == [1, 1, 1, 2]
    assert int(max(starts, key=len)[1]) > 0
