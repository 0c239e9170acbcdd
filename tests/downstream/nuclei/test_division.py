"""What is trained on and what is held out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bench.contract import SampleRecord, TrainingMix
from bench.errors import DataError
from downstream.nuclei.division import divide, rarest_classes
from downstream.nuclei.settings import NucleusSettings, Phase
from tests.toy import NucleiDataset


def config(**settings: object) -> NucleusSettings:
    return NucleusSettings.model_validate({"phases": (Phase(share=1, batch=1),), **settings})


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def record(*nuclei: int) -> SampleRecord:
    return SampleRecord("a", "g", 10, 10, None, None, None, nuclei)


def test_without_a_hold_out_the_mix_is_unchanged() -> None:
    mix = TrainingMix(NucleiDataset(4, 32), NucleiDataset(2, 32, seed=1), 0.5)
    assert divide(config(), mix, rng()) == (mix, None)


def test_whole_groups_are_held_out_with_the_synthetic_patches_that_derive_from_them() -> None:
    real = NucleiDataset(8, 48)  # two tiles in each of four groups
    copies = NucleiDataset(8, 32, seed=1)  # of the same groups
    mix, held = divide(config(holdout=0.2), TrainingMix(real, copies, 0.5), rng())
    assert held is not None
    assert len(set(held.groups)) == 1
    assert sorted([*mix.real.ids, *held.ids]) == sorted(real.ids)
    assert not set(mix.real.groups) & set(held.groups)
    assert mix.synthetic is not None
    assert set(mix.synthetic.groups) == set(mix.real.groups)
    assert len(mix.synthetic) == 6


def test_the_tiles_of_a_protocol_are_used_in_the_place_of_a_hold_out() -> None:
    real, fold = NucleiDataset(4, 32), NucleiDataset(2, 32, seed=3)
    fold.samples = [replace(sample, group="slide-0") for sample in fold.samples]
    copies = NucleiDataset(4, 32, seed=1)
    mix, held = divide(config(holdout=0.5, selection="best"), TrainingMix(real, copies, 0.5, fold), rng())
    assert held is fold
    assert mix.real is real
    assert mix.synthetic is not None
    assert set(mix.synthetic.groups) == {"slide-1"}


def test_rarest_classes_by_hand() -> None:
    # 12, 3 and 7 nuclei: the second class is the rarest, then the third
    records = [record(10, 0, 1), record(1, 3, 0), record(1, 0, 0), record(0, 0, 6), record(0, 0, 0)]
    assert rarest_classes(records).tolist() == [1, 0, 2, 1, 3]


def test_what_cannot_be_divided_is_refused() -> None:
    with pytest.raises(DataError, match="no tiles are held out"):
        divide(config(selection="best"), TrainingMix(NucleiDataset(4, 32)), rng())
    with pytest.raises(DataError, match="No training images can be held out"):
        divide(config(holdout=0.5), TrainingMix(NucleiDataset(2, 32)), rng())
    with pytest.raises(DataError, match="no real tiles"):
        divide(config(), TrainingMix(NucleiDataset(0, 32)), rng())
    copies = NucleiDataset(2, 32)
    with pytest.raises(DataError, match="derive from held-out tiles"):
        divide(config(), TrainingMix(NucleiDataset(4, 32), copies, 0.5, NucleiDataset(2, 32)), rng())
