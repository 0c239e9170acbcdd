"""The checkpoint by the Dice on held-out tiles: the score by hand, the best weights kept, also across a kill."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from bench.contract import Budget, RunContext, TrainingMix
from bench.training import LossTask
from downstream.hovernet import HoVerNet, HoVerNetConfig, Phase
from downstream.hovernet.family import HoVerNetFamily
from downstream.nuclei import selection as module
from downstream.nuclei.family import Subject
from downstream.nuclei.selection import Selection
from tests.toy import NucleiDataset, Run

CONFIG = HoVerNetConfig(
    network="small",
    patch=32,
    width=4,
    phases=(Phase(share=1, batch=4),),
    learning_rate=5e-3,
    holdout=0.4,
    selection="best",
)


def selection(held: NucleiDataset, after: set[int], run: RunContext, keep: bool = True) -> Selection:
    family = HoVerNetFamily(CONFIG, Subject(held.info.classes, (), 0.5), {})
    return Selection(family, held, frozenset(after), keep, run)


def scored(values: list[float], keep: bool = True) -> tuple[Selection, Run, list[float]]:
    """A selection after five steps of which it evaluates some, with the given scores; the weight of step k is k."""
    run, layer, left = Run(), torch.nn.Linear(1, 1), list(values)
    chosen = selection(NucleiDataset(1, 32), {1, 3, 4, 5}, run, keep)
    chosen.score = lambda model: left.pop(0)  # type: ignore[method-assign]
    for done in range(1, 6):
        torch.nn.init.constant_(layer.weight, done)
        chosen.after_step(done, {"model": layer})
    return chosen, run, left


def test_the_best_weights_are_kept_and_the_earlier_of_two_equals() -> None:
    chosen, run, left = scored([0.2, 0.7, 0.7, 0.5])
    assert left == []
    assert run.curves["hold-out/dice"] == {1: 0.2, 3: 0.7, 4: 0.7, 5: 0.5}
    assert (chosen.step, chosen.dice, chosen.weights["weight"].item()) == (3, 0.7, 3)
    again = selection(NucleiDataset(1, 32), set(), Run())
    again.load_state_dict(chosen.state_dict())
    assert (again.step, again.dice, again.weights["weight"].item()) == (3, 0.7, 3)


def test_without_selection_only_the_curve_is_recorded() -> None:
    chosen, run, _ = scored([0.2, 0.7, 0.7, 0.5], keep=False)
    assert len(run.curves["hold-out/dice"]) == 4
    assert (chosen.step, chosen.dice, chosen.weights) == (5, 0.5, {})


def test_score_is_the_dice_of_all_tiles_together(monkeypatch: pytest.MonkeyPatch) -> None:
    held = NucleiDataset(2, 40)
    held.samples[1] = replace(held.samples[1], ignore=np.arange(40) >= np.full((40, 1), 30))
    found = [s.instances > 0 for s in held.samples]
    found[0] = np.roll(found[0], 3, 0)
    maps = {
        sample.image.tobytes(): np.repeat(mask[..., None], 8, 2).astype(np.float32)
        for sample, mask in zip(held.samples, found, strict=True)
    }
    monkeypatch.setattr(module, "predicted_maps", lambda image, *_: maps[image.tobytes()])
    network = torch.nn.Identity().train()
    score = selection(held, set(), Run()).score(network)
    true = [held.samples[0].instances > 0, (held.samples[1].instances > 0)[:, :30]]
    got = [found[0], found[1][:, :30]]
    shared = sum((t & g).sum() for t, g in zip(true, got, strict=True))
    assert score == pytest.approx(
        2 * shared / sum(a.sum() for a in (*true, *got)), abs=0.02
    )  # small specks are dropped
    assert score < 0.95
    assert network.training


def mix() -> TrainingMix:
    return TrainingMix(NucleiDataset(4, 48), NucleiDataset(4, 32, seed=7), 0.5)


def test_training_ends_with_the_weights_of_the_best_evaluation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scores = iter([0.3, 0.6, 0.4])
    monkeypatch.setattr(Selection, "score", lambda self, model: next(scores))
    best, last = tmp_path / "best", tmp_path / "last"
    for folder, budget in ((best, 6), (last, 4)):
        folder.mkdir()
        changes = {} if folder == best else {"selection": "last", "evaluations": 1}
        config = CONFIG.model_copy(update={"evaluations": 3, "schedule": "constant", **changes})
        if folder == last:
            monkeypatch.setattr(Selection, "score", lambda self, model: 0.0)
        HoVerNet(config).fit(mix(), Budget("steps", budget), folder, Run())
    told = json.loads((best / "config.json").read_text())["selected"]
    assert told == {"after_step": 4, "dice": 0.6, "tiles": 2}
    one, other = load_file(best / "weights.safetensors"), load_file(last / "weights.safetensors")
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_selection_does_not_change_training(tmp_path: Path) -> None:
    """With and without evaluations of the same held-out tiles, the last weights are the same."""
    found = []
    for name, evaluations in (("often", 6), ("once", 1)):
        folder = tmp_path / name
        folder.mkdir()
        config = CONFIG.model_copy(update={"evaluations": evaluations, "selection": "last", "ema": 0.9})
        HoVerNet(config).fit(mix(), Budget("steps", 6), folder, Run())
        found.append((folder / "weights.safetensors").read_bytes())
    assert found[0] == found[1]


def test_killed_training_remembers_the_best_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network, budget, step = HoVerNet(CONFIG.model_copy(update={"evaluations": 6})), Budget("steps", 6), LossTask.step
    folders = [tmp_path / "whole", tmp_path / "killed"]
    for folder in folders:
        folder.mkdir()
    network.fit(mix(), budget, folders[0], Run())

    def dies(self: LossTask, fabric, batch, number: int, generator):
        if number == 4:
            raise KeyboardInterrupt
        return step(self, fabric, batch, number, generator)

    monkeypatch.setattr(LossTask, "step", dies)
    with pytest.raises(KeyboardInterrupt):
        network.fit(mix(), budget, folders[1], Run())
    monkeypatch.undo()
    network.fit(mix(), budget, folders[1], Run())
    for file in ("weights.safetensors", "config.json"):
        assert (folders[0] / file).read_bytes() == (folders[1] / file).read_bytes()
