"""Captions are shown with the real image that they are about, and with what was drawn of them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from bench.contract import Condition
from bench.engine.session import Session
from bench.evaluation.base import Measured
from bench.evaluation.pictures.captioned import of_own_captions, of_test_captions
from bench.plan.arms import Arm
from bench.synthetic import SyntheticSet, SyntheticSetWriter
from methods.controls import Copy
from methods.patches import PatchSettings
from tests import toy
from tests.bench.evaluation.trials import Given, bench_of


def captioned(split: str) -> toy.NucleiDataset:
    data = toy.NucleiDataset(n_tiles=3, size=48, split=split)
    data.samples = [dataclasses.replace(one, caption=f"{split} {at % 2}") for at, one in enumerate(data.samples)]
    return data


TRAIN, TEST = captioned("train"), captioned("test")


def made(folder: Path, captions: list[str], **source: object) -> SyntheticSet:
    writer = SyntheticSetWriter(folder, TRAIN.info, dict.fromkeys(TRAIN.ids, "g"))
    for index, caption in enumerate(captions):
        image = np.full((16, 16, 3), index, np.uint8)
        writer.write(index, Condition(id=f"made-{index}", kind="text", seed=0, caption=caption, **source), image)
    writer.seal(len(captions), {"method": "mine"})
    return SyntheticSet(folder)


def arm(session: Session, name: str) -> Measured:
    own = Arm(name, "", Copy(PatchSettings(patch_size=16)))
    return Measured(Given(bench_of(session, {"train": TRAIN, "test": TEST}, own), own), [], None)


def test_test_captions_are_next_to_their_images_and_each_is_shown_once(session: Session, tmp_path: Path) -> None:
    captions = ["test 1", "test 0", "test 1", "of no image"]
    drawn = [(arm(session, name), made(tmp_path / name, captions)) for name in ("t", "m")]
    shown = list(of_test_captions(drawn, TEST))
    assert [(one.row, one.column) for one in shown] == [
        (TEST.ids[at], column) for at in (1, 0) for column in ("real", "t", "m")
    ]
    np.testing.assert_array_equal(shown[0].image, TEST[1].image)
    np.testing.assert_array_equal(shown[3].image, TEST[0].image)
    assert [int(one.image[0, 0, 0]) for one in shown if one.column == "m"] == [0, 1]
    assert [one.caption for one in shown] == ["test 1"] * 3 + ["test 0"] * 3
    assert list(of_test_captions([], TEST)) == []


def test_captions_of_a_set_are_next_to_the_window_that_they_are_from(session: Session, tmp_path: Path) -> None:
    of_window = made(tmp_path / "a", ["one", "two"], sources={"train": TRAIN.ids[2]}, crop=(5, 9))
    real, drawn, *_ = of_own_captions(arm(session, "mine"), of_window)
    np.testing.assert_array_equal(real.image, TRAIN[2].image[5:21, 9:25])
    assert (real.row, drawn.column, drawn.caption) == ("mine: made-0", "mine", "one")
    without = made(tmp_path / "b", ["one", "one"])
    assert [one.column for one in of_own_captions(arm(session, "mine"), without)] == ["mine"]
