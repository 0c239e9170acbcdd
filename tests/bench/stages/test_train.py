"""The key of a training: what it is trained on, and the tiles that select its checkpoint if there are any."""

from __future__ import annotations

from bench.config import BudgetSettings
from bench.contract import TrainingMix
from bench.engine.step import Place
from bench.plan.arms import Network
from bench.stages.train import Train
from downstream.hovernet import HoVerNet, HoVerNetConfig
from tests.toy import NucleiDataset


def step(mix: TrainingMix) -> Train:
    plugin = HoVerNet(HoVerNetConfig())
    return Train(
        place=Place("cpu", "32-true", 1),
        seed=0,
        title="",
        network=Network("hovernet", plugin, {}),
        mix=mix,
        budget=BudgetSettings(amount=1),
    )


def test_sets_that_a_mix_lacks_are_not_in_its_key() -> None:
    real, synthetic = (NucleiDataset(1, 16, seed=seed) for seed in range(2))
    assert step(TrainingMix(real)).inputs == {"real": real.digest}
    assert step(TrainingMix(real, synthetic, 0.5)).inputs == {"real": real.digest, "synthetic": synthetic.digest}


def test_other_tiles_for_validation_are_another_training() -> None:
    real, held, others = (NucleiDataset(1, 16, seed=seed) for seed in range(3))
    plain, first, second = (step(TrainingMix(real, validation=v)) for v in (None, held, others))
    assert first.inputs == {"real": real.digest, "validation": held.digest}
    assert len({plain.key, first.key, second.key}) == 3
