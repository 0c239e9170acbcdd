"""Every step of a run travels: done from its pickle in a fresh process it gives the same bits."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as parquet
import pytest

from bench.engine.device import Device
from bench.engine.executors import Processes
from bench.engine.reporter import Reporter
from bench.engine.session import Session, drive
from bench.engine.step import Finished, Step
from bench.engine.store import Store
from bench.run.outcome import Outcome
from bench.run.program import work
from bench.run.resolve import resolve
from tests.bench.conftest import request
from tests.golden import runs

# What a step says of its own cost, and the hashes over it: never the same twice. The files themselves are compared.
COSTS = {"job.json": ("cost", "started", "ended", "usage", "files", "seal"), "manifest.json": ("cost", "seal")}


@dataclass
class Noting(Session):
    """A session that notes the pickle of every step that it is asked for, before the step is done."""

    pickles: dict[str, bytes] = field(default_factory=dict)

    async def do(self, step: Step) -> Finished:
        self.pickles.setdefault(step.key, pickle.dumps(step))
        return await super().do(step)


def noted(store: Path, **changes: Any) -> dict[str, bytes]:
    """Do a run, or find it done, and return the pickles of its steps by key."""
    resolved = resolve(request(store, **changes))
    session = Noting(Store(store), Reporter(quiet=True), Device("cpu", "CPU"), resolved.preset.precision, 1)
    drive(work(session, resolved))
    assert session.pickles.keys() == session.finished.keys()
    return session.pickles


def moved(old: Path, new: Path) -> Iterator[str]:
    """Yield what differs between the folders that a step left."""
    names = [{str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} for folder in (old, new)]
    yield from (f"{name} is in one folder only" for name in sorted(names[0] ^ names[1]))
    for name in sorted(names[0] & names[1]):
        if content(old / name) != content(new / name):
            yield f"{name} differs"


def content(path: Path) -> Any:
    """Return what a file says: of archives what is in them, of JSON all but costs, of others their bytes."""
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in arrays.files}
        return {name: (str(array.dtype), array.shape, array.tobytes()) for name, array in found.items()}
    if path.suffix == ".parquet":
        return parquet.read_table(path).to_pydict().__repr__()
    if path.name in COSTS:
        return {key: value for key, value in json.loads(path.read_text()).items() if key not in COSTS[path.name]}
    return path.read_bytes()


def assert_travels(store: Path, other: Path, pickles: dict[str, bytes]) -> set[str]:
    """Do every step again in one fresh process, over another store, and return the stages."""
    session = Session(Store(other), Reporter(quiet=True), Device("cpu", "CPU"), "32-true", 1, executor=Processes(1))
    stages, differences = set(), []
    try:
        for key, pickled in pickles.items():
            step: Step = pickle.loads(pickled)
            again = drive(session.do(step))
            assert not again.reused
            assert again.key == key
            stages.add(step.stage)
            found = moved(Store(store).path(step), again.path)
            differences += [f"{step.stage}, {step.title}: {line}" for line in found]
    finally:
        session.executor.close()
    assert not differences, "\n".join(differences)
    return stages


@pytest.mark.slow
def test_every_step_of_a_run_on_nuclei_travels(tiny: Outcome, tmp_path: Path) -> None:
    pickles = noted(tiny.store, controls=())
    stages = assert_travels(tiny.store, tmp_path / "store", pickles)
    of_sets = {
        "prepare",
        "fit",
        "synthesize",
        "features",
        "fidelity",
        "leakage",
        "nearness",
        "render-masks",
        "faithfulness",
    }
    assert stages == of_sets | {"train", "predict", "evaluate"}
    assert len(pickles) > 20


@pytest.mark.slow
def test_every_step_of_a_run_on_tissue_that_chooses_its_sets_travels(tmp_path: Path) -> None:
    asked = {
        "method": "histodiffusion",
        "dataset": str(runs.TISSUE),
        "controls": (),
        "overrides": ("max_samples=6", "method.selection=[{rule: random, ratio: 0.5}]"),
    }
    pickles = noted(tmp_path / "store", **asked)
    stages = assert_travels(tmp_path / "store", tmp_path / "other", pickles)
    of_sets = {
        "prepare",
        "fit",
        "synthesize",
        "judge",
        "select",
        "features",
        "fidelity",
        "leakage",
        "nearness",
        "reconstruction",
        "sources",
    }
    assert stages == of_sets | {"train", "predict", "evaluate"}


@pytest.mark.parametrize("name", ["a.bin", "a.npz", "job.json"])
def test_another_bit_is_seen(tmp_path: Path, name: str) -> None:
    for number, folder in enumerate(("old", "new")):
        path = tmp_path / folder / name
        path.parent.mkdir()
        if name == "a.npz":
            np.savez_compressed(path, scores=np.array([0.0, number]))
        else:
            path.write_text(json.dumps({"cost": number, "value": 0.5 + number}))
    assert list(moved(tmp_path / "old", tmp_path / "new")) == [f"{name} differs"]
    (tmp_path / "old" / "more").touch()
    assert "more is in one folder only" in list(moved(tmp_path / "old", tmp_path / "new"))
