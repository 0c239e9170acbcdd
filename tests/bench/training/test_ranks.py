"""Several processes that train together: the numbers of one process, one writer, and a common end."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import torch
from safetensors.torch import load_file

from bench.contract import Ranks
from bench.engine.context import Run, read_curves
from bench.engine.device import Device
from bench.engine.reporter import Reporter
from bench.engine.session import Session, drive
from bench.engine.step import Place
from bench.errors import ConfigError, JobError
from bench.stages.fit import fit_part
from bench.training import ranks
from methods.sdm import SDM, SDMConfig
from tests import toy
from tests.bench.training.rank_steps import Training, Waiting
from tests.methods.sdm_presets import tiny

ROOT = Path(__file__).parents[3]
TWO = Place("cpu", "32-true", 1, 2)


@pytest.fixture(autouse=True)
def nothing_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No process and no temporary folder outlives a test."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # where the processes find the steps of tests
    before = psutil.Process().children(recursive=True)
    yield
    assert [one for one in psutil.Process().children(recursive=True) if one not in before] == []
    assert not list((tmp_path / "temporary").glob("bench-ranks-*"))


def do(step: Training, folder: Path) -> dict[str, torch.Tensor]:
    folder.mkdir(exist_ok=True)
    step.run(folder, Run(step.seed, *step.place, 0, folder, Reporter(quiet=True)))
    return load_file(folder / "weights.safetensors")


@pytest.mark.slow
def test_two_processes_give_the_numbers_of_one(tmp_path: Path) -> None:
    one = do(Training(place=Place("cpu", "32-true", 1)), tmp_path / "one")
    two = do(Training(place=TWO), tmp_path / "two")
    # sums of gradients have another order: agreement to a few units in the last place of float32
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, rtol=1e-5, atol=1e-6)
    losses = [
        [value for name, _, value in read_curves(tmp_path / where) if name == "toy/loss"] for where in ("one", "two")
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    assert len(losses[0]) == 6
    files = [sorted(path.name for path in (tmp_path / where).iterdir()) for where in ("one", "two")]
    assert files[0] == files[1]


@pytest.mark.slow
def test_the_kill_of_one_ends_both_and_the_next_attempt_continues(tmp_path: Path) -> None:
    whole = do(Training(place=TWO), tmp_path / "whole")
    with pytest.raises(JobError, match="Process 1 of 2 ended") as caught:
        do(Training(place=TWO, ending="kill"), tmp_path / "killed")
    assert "-9" in caught.value.got
    assert torch.load(tmp_path / "killed" / "checkpoint.pt", weights_only=True)["step"] == 4
    again = do(Training(place=TWO), tmp_path / "killed")
    assert all(torch.equal(again[name], value) for name, value in whole.items())


@pytest.mark.slow
def test_the_error_of_one_is_the_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="The rank fails"):
        do(Training(place=TWO, ending="error"), tmp_path / "failed")


@pytest.mark.slow
def test_no_process_outlives_the_one_that_started_it(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; from bench.engine.step import Place\n"
        "from tests.bench.training.rank_steps import Waiting; from tests.bench.training.test_ranks import do\n"
        f"do(Waiting(place=Place(devices=2)), Path({str(tmp_path / 'folder')!r}))"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
    files = [tmp_path / "folder" / f"pid-{rank}" for rank in (0, 1)]
    _until(lambda: all(file.exists() and file.read_text() for file in files))
    started = [psutil.Process(int(file.read_text())) for file in files]
    parent.kill()
    parent.wait()
    assert not psutil.wait_procs(started, timeout=30)[1]
    assert Waiting.stage == "fit"


@pytest.mark.slow
def test_a_part_that_divides_is_trained_on_all_devices_and_its_key_says_so(session: Session, tmp_path: Path) -> None:
    method = SDM(SDMConfig.model_validate(tiny()))
    (part,) = method.parts()
    data = {"train": toy.NucleiDataset(2, 48)}
    assert part.divides
    found = [drive(fit_part(_on(session, count), part, method, data, {})) for count in (1, 2)]
    assert found[0].key != found[1].key
    losses = [[value for name, _, value in read_curves(one.path) if name == "sdm/loss"] for one in found]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    whole = drive(fit_part(_on(session, 2), part._replace(batch=0), method, data, {}))
    assert whole.key == found[0].key


def test_the_key_names_several_devices_only() -> None:
    one, two = Training(place=Place("cpu", "32-true", 1)), Training(place=TWO)
    assert "devices" not in one.document()
    assert two.document()["devices"] == 2
    assert two.resources.devices == 2


def test_what_cannot_be_divided_is_refused(tmp_path: Path) -> None:
    with pytest.raises(JobError, match="normalises over a batch"):
        ranks.check_modules({"model": torch.nn.Sequential(torch.nn.BatchNorm2d(3))}, "toy")
    third = Ranks(2, 3, tmp_path, tmp_path)
    with pytest.raises(JobError, match="cannot be divided equally among 3 devices"):
        ranks.share_of({"x": torch.zeros(8, 2)}, third, "toy")
    with pytest.raises(JobError, match="cannot be divided equally"):
        ranks.share_of({"x": torch.zeros(6, 2), "mask": torch.zeros(4)}, third, "toy")
    assert ranks.share_of({"x": torch.arange(6)}, third, "toy")["x"].tolist() == [4, 5]


def _on(session: Session, count: int) -> Session:
    session.device = Device("cpu", "CPU", count)
    session.asked.clear()
    return session


def _until(true: object, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not true():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.1)
