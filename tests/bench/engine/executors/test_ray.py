"""Steps as tasks of Ray: same numbers, safe paths; lost workers and nodes are made up for, errors are not repeated."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.engine import failures
from bench.engine.device import Device
from bench.engine.executors import ExecutorOptions, InProcess, check_executor, open_executor
from bench.engine.reporter import Reporter
from bench.engine.session import Session, drive, together
from bench.engine.step import Resources
from bench.engine.store import Store
from bench.errors import ConfigError, JobError, MissingError
from tests.bench.engine.toy_steps import Faulty, Flags, Killed, Refused, Slow, Sums, Toy

ray = pytest.importorskip("ray")
ROOT = Path(__file__).parents[4]


class Large(Toy):
    """Needs more memory than there is."""

    @property
    def resources(self) -> Resources:
        return Resources(memory_gib=1e6)


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """A session on a cluster of this machine, started from a folder with packages of the names of ours."""
    folder = tmp_path_factory.mktemp("ray")
    (folder / "metrics").mkdir()
    (folder / "metrics" / "__init__.py").write_text("raise ImportError('the wrong package')")
    before, path = Path.cwd(), os.environ.get("PYTHONPATH")
    os.chdir(folder)
    os.environ["PYTHONPATH"] = str(ROOT)
    options = ExecutorOptions(store=folder / "store", jobs=2)
    executor = open_executor("ray", options)
    yield Session(Store(folder / "store"), Reporter(quiet=True), Device("cpu", "CPU"), "32-true", 1, executor=executor)
    executor.close()
    os.chdir(before)
    os.environ.pop("PYTHONPATH")
    if path is not None:
        os.environ["PYTHONPATH"] = path


def toy(session: Session, kind: type[Toy], number: int = 0, **settings: int) -> Toy:
    about = {"kind": kind.__name__, **settings}
    return kind(place=session.numeric, title=f"toy {number}", settings=about, seed=number)


def text(session: Session, step: Toy) -> str:
    return (session.store.path(step) / "result.txt").read_text()


@pytest.mark.slow
def test_workers_have_safe_paths_and_the_threads_of_the_key(started: Session) -> None:
    step = toy(started, Flags)
    drive(started.do(step))
    said = json.loads(text(started, step))
    assert said["safe_path"] is True
    assert (said["threads"], said["waiting"]) == ("1", "PASSIVE")
    assert str(Path.cwd()) not in said["path"]
    assert "" not in said["path"]


@pytest.mark.slow
def test_numbers_are_those_of_this_process(started: Session, tmp_path: Path) -> None:
    here = Session(Store(tmp_path), Reporter(quiet=True), started.device, "32-true", 1, executor=InProcess())
    steps = [toy(started, Sums, number) for number in range(3)]
    drive(together(*(started.do(step) for step in steps)))
    drive(together(*(here.do(step) for step in steps)))
    assert [text(started, step) for step in steps] == [text(here, step) for step in steps]
    assert started.executor.states() == {}


@pytest.mark.slow
def test_errors_arrive_as_they_are_and_are_not_tried_again(started: Session) -> None:
    with pytest.raises(ConfigError) as refused:
        drive(started.do(toy(started, Refused)))
    assert (refused.value.message, refused.value.fix) == ("expected another step", "ask for another")
    faulty = toy(started, Faulty)
    with pytest.raises(JobError) as failed:
        drive(started.do(faulty))
    assert failed.value.got == "ZeroDivisionError: by nothing"
    found = failures.read(started.store.root, faulty.key)
    assert found is not None
    assert found.pid != os.getpid()


@pytest.mark.slow
def test_a_killed_worker_is_made_up_for_from_the_checkpoint(started: Session) -> None:
    step = toy(started, Killed)
    drive(started.do(step))
    assert text(started, step) == "went on from half"


@pytest.mark.slow
def test_a_step_waits_until_a_worker_does_it(started: Session) -> None:
    steps = [toy(started, Slow, number, seconds=1) for number in range(2 * (os.cpu_count() or 1))]
    seen: list[list[str]] = []

    async def look() -> None:
        while len(seen) < 2 or seen[-1]:
            seen.append(sorted(started.executor.states().values()))
            await asyncio.sleep(0.05)

    drive(together(*(started.do(step) for step in steps), look()))
    assert max(states.count("running") for states in seen) == (os.cpu_count() or 1)
    assert any("waiting" in states and "running" in states for states in seen)


@pytest.mark.slow
def test_what_no_node_can_do_is_an_error(started: Session) -> None:
    step = toy(started, Large)
    with pytest.raises(JobError, match="No node of the Ray cluster can do fit") as large:
        drive(started.do(step))
    assert "ray status" in large.value.fix
    assert failures.read(started.store.root, step.key) is not None


@pytest.mark.parametrize("address", ["nowhere", ":6379", "10.0.0.1:", "a:b:1"])
def test_an_address_that_is_none_is_refused(tmp_path: Path, address: str) -> None:
    with pytest.raises(ConfigError, match="not the address of a Ray cluster"):
        check_executor("ray", ExecutorOptions(store=tmp_path, address=address))


def test_an_address_where_nobody_answers_is_refused_within_seconds(tmp_path: Path) -> None:
    begun = time.monotonic()
    with pytest.raises(MissingError, match="No Ray cluster answers") as silent:
        check_executor("ray", ExecutorOptions(store=tmp_path, address="127.0.0.1:9"))
    assert time.monotonic() - begun < 6
    assert "127.0.0.1:9" in silent.value.got


def test_without_ray_it_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.extras.find_spec", lambda name: None)
    with pytest.raises(MissingError) as absent:
        check_executor("ray", ExecutorOptions(store=tmp_path))
    assert absent.value.fix == "pip install 'augbench[ray]'"
