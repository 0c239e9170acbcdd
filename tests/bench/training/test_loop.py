"""The training loop: resumption bit for bit, averages, determinism, failures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from bench.errors import DataError, JobError
from bench.training import LossTask, TrainingOptions, ema_decay, load_weights, save_weights, seeded, train
from bench.training.loop import CheckpointClock
from tests.toy import Run


def model() -> nn.Module:
    with seeded(0):
        return nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.Dropout(0.2), nn.Conv2d(8, 3, 1))


def make_batch(step: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    return {"x": rng.normal(size=(4, 3, 8, 8)).astype(np.float32)}


def loss(net: nn.Module, batch: dict, generator: torch.Generator) -> dict[str, torch.Tensor]:
    noise = torch.randn(batch["x"].shape, generator=generator)
    return {"loss": (net(batch["x"] + 0.1 * noise) - batch["x"]).square().mean()}


def task(function: Callable = loss, **options: object) -> LossTask:
    net = model()
    return LossTask(net, torch.optim.AdamW(net.parameters(), 1e-2), function, **options)  # type: ignore[arg-type]


def run_to(steps: int, out: Path, function: Callable = loss, run: Run | None = None) -> dict[str, torch.Tensor]:
    options = TrainingOptions(steps=steps, stage="toy", ema=0.9, checkpoint_every=4)
    trained = train(task(function), make_batch, options, out, run or Run())
    return {name: value.clone() for name, value in trained["model"].state_dict().items()}


class KilledError(Exception):
    pass


class Dies:
    """The loss, which raises an error at its call of this number, counted from 1."""

    def __init__(self, at: int | None) -> None:
        self.at, self.calls = at, 0

    def __call__(self, net: nn.Module, batch: dict, generator: torch.Generator) -> dict[str, torch.Tensor]:
        self.calls += 1
        if self.calls == self.at:
            raise KilledError
        return loss(net, batch, generator)


def test_killed_run_gives_the_same_weights(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    whole = run_to(20, tmp_path / "a")
    with pytest.raises(KilledError):
        run_to(20, tmp_path / "b", Dies(at=11))
    rest = Dies(at=None)
    again = run_to(20, tmp_path / "b", rest)
    assert rest.calls == 12  # steps 8..19: from the checkpoint after step 8
    assert whole.keys() == again.keys()
    assert all(torch.equal(whole[name], again[name]) for name in whole)


class Norms:
    """A watcher that remembers the norm of the weights after every third step."""

    def __init__(self) -> None:
        self.seen: dict[str, float] = {}

    def after_step(self, done: int, modules: Mapping[str, nn.Module]) -> None:
        if done % 3 == 0:
            self.seen[str(done)] = float(sum(p.detach().square().sum() for p in modules["model"].parameters()))

    def state_dict(self) -> dict:
        return {"seen": dict(self.seen)}

    def load_state_dict(self, state: Mapping) -> None:
        self.seen = dict(state["seen"])


def test_watcher_sees_what_is_returned_and_survives_a_kill(tmp_path: Path) -> None:
    for name in ("plain", "whole", "killed"):
        (tmp_path / name).mkdir()
    plain = run_to(9, tmp_path / "plain")
    options = TrainingOptions(steps=9, stage="toy", ema=0.9, checkpoint_every=4)
    whole = Norms()
    trained = train(task(), make_batch, options, tmp_path / "whole", Run(), whole)["model"]
    assert all(torch.equal(value, plain[name]) for name, value in trained.state_dict().items())
    assert list(whole.seen) == ["3", "6", "9"]
    assert whole.seen["9"] == float(sum(p.detach().square().sum() for p in trained.parameters()))
    with pytest.raises(KilledError):
        train(task(Dies(at=8)), make_batch, options, tmp_path / "killed", Run(), Norms())
    after = Norms()
    train(task(), make_batch, options, tmp_path / "killed", Run(), after)
    assert after.seen == whole.seen  # the norm after step 3 comes from the checkpoint


def test_workers_do_not_change_the_result(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    alone, helped = run_to(6, tmp_path / "a"), run_to(6, tmp_path / "b", run=Run(workers=1))
    assert all(torch.equal(alone[name], helped[name]) for name in alone)


def test_seed_matters_and_global_state_is_left_alone(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    one = run_to(4, tmp_path / "a")
    assert torch.equal(torch.rand(3), expected)
    other = run_to(4, tmp_path / "b", run=Run(seed=1))
    assert any(not torch.equal(one[name], other[name]) for name in one)


def test_loss_falls_and_curve_is_kept(tmp_path: Path) -> None:
    run = Run()
    run_to(60, tmp_path, run=run)
    curve = run.curves["toy/loss"]
    assert sorted(curve) == list(range(60))
    assert np.mean([curve[i] for i in range(50, 60)]) < 0.6 * np.mean([curve[i] for i in range(5)])


def test_average_lags_behind_and_its_decay_warms_up() -> None:
    assert [round(ema_decay(0.99, k), 3) for k in (0, 8, 90, 10_000)] == [0.1, 0.5, 0.91, 0.99]


def test_diverged_loss_is_an_error(tmp_path: Path) -> None:
    def bad(net: nn.Module, batch: dict, generator: torch.Generator) -> dict[str, torch.Tensor]:
        return {"loss": loss(net, batch, generator)["loss"] * float("nan")}

    with pytest.raises(JobError, match="finite"):
        run_to(2, tmp_path, bad)


def test_weights_round_trip_and_misfits_are_explained(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    net = model()
    save_weights(path, net)
    with seeded(9):
        other = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.Dropout(0.2), nn.Conv2d(8, 3, 1))
    load_weights(path, other)
    assert all(torch.equal(a, b) for a, b in zip(net.parameters(), other.parameters(), strict=True))
    with pytest.raises(DataError, match="fit"):
        load_weights(path, nn.Linear(2, 2))
    path.write_bytes(b"nonsense")
    with pytest.raises(DataError, match="Cannot read the weights"):
        load_weights(path, net)


def test_checkpoints_are_twenty_unless_they_cost_too_much() -> None:
    from bench.training.loop import CheckpointClock

    clock = CheckpointClock(TrainingOptions(steps=100, stage="toy"))
    assert [step for step in range(1, 101) if clock.due(step)] == list(range(5, 101, 5))
    clock._cost = 1e6
    assert [step for step in range(1, 101) if clock.due(step)] == [100]


def test_a_lack_of_memory_names_the_settings(tmp_path: Path) -> None:
    def greedy(net: nn.Module, batch: dict, generator: torch.Generator) -> dict[str, torch.Tensor]:
        raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has a total ...")

    with pytest.raises(JobError) as caught:
        run_to(2, tmp_path, greedy)
    error = caught.value
    assert error.message == "The training of toy needs more memory than there is"
    assert error.got == "CUDA out of memory"
    assert "batch_size" in error.fix

    def wrong(net: nn.Module, batch: dict, generator: torch.Generator) -> dict[str, torch.Tensor]:
        raise RuntimeError("shapes differ")

    with pytest.raises(RuntimeError, match="shapes differ"):
        run_to(2, tmp_path, wrong)


def test_the_first_checkpoint_comes_early(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a number of steps it is saved after some seconds, long before a twentieth of the training."""
    monkeypatch.setattr(CheckpointClock, "first", 0.0)
    options = TrainingOptions(steps=1000, stage="toy")
    with pytest.raises(KilledError):
        train(task(Dies(at=5)), make_batch, options, tmp_path, Run())
    assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["step"] == 1
    again = Run()
    with pytest.raises(KilledError):
        train(task(Dies(at=4)), make_batch, options, tmp_path, again)
    assert min(again.curves["toy/loss"]) == 1


def test_the_clock_waits_some_seconds_for_the_first_checkpoint_only(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("bench.training.loop.time.perf_counter", lambda: now)
    clock = CheckpointClock(TrainingOptions(steps=1000, stage="toy"))
    assert not clock.due(3)
    now = 10.0
    assert clock.due(4)
    with clock:
        now = 11.0  # saving takes a second, so twenty must pass before the next
    now = 25.0
    assert not clock.due(50)
    assert not clock.due(51)
    now = 31.5
    assert not clock.due(99)
    assert clock.due(100)
    fixed = CheckpointClock(TrainingOptions(steps=1000, stage="toy", checkpoint_every=4))
    now = 100.0
    assert not fixed.due(3)
    assert fixed.due(4)
