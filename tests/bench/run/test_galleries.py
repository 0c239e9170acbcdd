"""Galleries of a run's sets: which windows and arms are shown, and what is counted."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bench.contract import Condition
from bench.engine.session import Session
from bench.plan.arms import Arm
from bench.plan.ratios import expand
from bench.run.finished_run import FinishedFold
from bench.run.galleries import balances, classes, labels
from bench.stages.patches import cut_rectangle
from bench.stages.synthesize import Made
from bench.synthetic import EVALUATION, SyntheticSet, SyntheticSetWriter
from methods.controls import Copy
from methods.patches import PatchSettings
from methods.selection import SelectionArm
from tests import toy, toy_tissue
from tests.bench.conftest import finished
from tests.bench.evaluation.trials import Given, bench_of

TRAIN = toy.NucleiDataset(n_tiles=12, size=64)
TISSUE = toy_tissue.TissueDataset(n_tiles=9, size=8)


def derived(folder: Path, windows: list[tuple[int, int, int, str]], use: str = "training") -> Made:
    """Seal a set of the windows (tile, y, x) of training tiles, each made in some way."""
    done = finished(folder, "synthesize")
    writer = SyntheticSetWriter(folder, TRAIN.info, dict(zip(TRAIN.ids, TRAIN.groups, strict=True)))
    for index, (tile, y, x, kind) in enumerate(windows):
        part = cut_rectangle(TRAIN[tile], y, x, 32, 32)
        condition = Condition(
            id=f"{kind}-{index}",
            kind=kind,
            seed=0,
            instances=part.instances,
            types=part.types,
            sources={} if use == EVALUATION else {"train": TRAIN.ids[tile]},
            crop=None if use == EVALUATION else (y, x),
        )
        writer.write(index, condition, 255 - part.image)
    writer.seal(len(windows), {"method": "mine", "use": use})
    return Made(done, SyntheticSet(folder))


def fold(session: Session, train, sets: dict[str, Made], subjects: list[Arm]) -> FinishedFold:
    frame = bench_of(session, {"train": train, "test": train}, *subjects)
    arms = [*subjects, Arm("control", "", subjects[0].method)]
    made = [[sets[arm.title]] if arm.title in sets else [] for arm in arms]
    trials = [Given(frame, arm) for arm in arms]
    return FinishedFold("", {"train": train, "test": train}, trials, {}, [], made, [])


def own(name: str = "mine") -> Arm:
    return Arm(name, "", Copy(PatchSettings(patch_size=32)))


def test_windows_that_several_ways_share_come_first(session: Session, tmp_path: Path) -> None:
    windows = [(tile, 4, 4, "enlarging") for tile in range(12)]
    windows += [(9, 4, 4, "balancing"), (9, 20, 20, "balancing"), (2, 8, 8, "balancing")]
    sets = {"mine": derived(tmp_path / "a", windows), "control": derived(tmp_path / "b", windows)}
    shown = list(labels(fold(session, TRAIN, sets, [own()])))
    rows = list(dict.fromkeys(one.row for one in shown))
    assert len(rows) == 8
    assert rows[0] == f"{TRAIN.ids[9]}, row 4, column 4"
    assert [one.column for one in shown[:3]] == ["real", "mine: enlarging", "mine: balancing"]
    window = cut_rectangle(TRAIN[9], 4, 4, 32, 32)
    for one, image in zip(shown[:3], (window.image, 255 - window.image, 255 - window.image), strict=True):
        np.testing.assert_array_equal(one.image, image)
        np.testing.assert_array_equal(one.labels.instances, window.instances)
    assert not any("control" in one.column for one in shown)


def test_of_a_tile_the_window_with_rare_nuclei_is_shown(session: Session, tmp_path: Path) -> None:
    corners = [(y, x) for y in (0, 32) for x in (0, 32)]
    tile = next(
        at for at in range(12) if any(1 in cut_rectangle(TRAIN[at], y, x, 32, 32).types for y, x in corners[1:])
    )
    windows = [(tile, y, x, "copy") for y, x in corners]
    shown = list(labels(fold(session, TRAIN, {"mine": derived(tmp_path, windows)}, [own()])))
    assert [one.column for one in shown] == ["real", "mine"]
    assert 1 in shown[0].labels.types
    assert "miscellaneous" in shown[0].alt
    assert shown[0].row.startswith(TRAIN.ids[tile])


def test_images_of_test_masks_are_neither_shown_nor_counted(session: Session, tmp_path: Path) -> None:
    made = derived(tmp_path, [(0, 0, 0, "test-mask")], EVALUATION)
    found = fold(session, TRAIN, {"mine": made}, [own()])
    assert list(labels(found)) == list(balances(found)) == []


def test_nuclei_of_every_arm_are_counted(session: Session, tmp_path: Path) -> None:
    windows = [(tile, 0, 0, "copy") for tile in range(3)]
    sets = {"mine": derived(tmp_path / "a", windows), "control": derived(tmp_path / "b", windows[:1])}
    mine, control = balances(fold(session, TRAIN, sets, [own()]))
    types = [np.bincount(cut_rectangle(TRAIN[tile], 0, 0, 32, 32).types, minlength=5)[1:] for tile in range(3)]
    assert list(mine.synthetic.values()) == sum(types).tolist()
    assert list(control.synthetic.values()) == types[0].tolist()
    assert list(mine.real.values()) == sum(np.bincount(one.types, minlength=5) for one in TRAIN.samples)[1:].tolist()


def painted(folder: Path) -> Made:
    done = finished(folder, "select")
    painter = toy_tissue.Painter(toy_tissue.PainterConfig())
    writer = SyntheticSetWriter(folder, TISSUE.info, {})
    conditions = list(painter.plan({}, 6, np.random.default_rng(0)))
    for index, image in enumerate(painter.render(conditions, {}, {}, None)):  # type: ignore[arg-type]
        writer.write(index, conditions[index], image)
    writer.seal(6, {"method": "painter", "seed": 0})
    return Made(done, SyntheticSet(folder))


def test_each_class_has_a_real_image_and_one_of_each_way_of_choosing(session: Session, tmp_path: Path) -> None:
    rules = [("random", 0.5), ("centroid", 0.5), ("centroid", 1.0)]
    choices = tuple(SelectionArm(rule=rule, ratio=ratio) for rule, ratio in rules)
    arms = expand(Arm("painter", "", toy_tissue.Painter(toy_tissue.PainterConfig(selection=choices))))
    sets = {arm.title: painted(tmp_path / str(number)) for number, arm in enumerate(arms)}
    shown = list(classes(fold(session, TISSUE, sets, arms)))
    names = TISSUE.info.labels
    assert [one.row for one in shown] == [name for name in names for _ in range(3)]
    assert [one.column for one in shown[:3]] == ["real", arms[0].title, arms[1].title]
    for kind, name in enumerate(names):
        real, first, _ = (one for one in shown if one.row == name)
        assert any(np.array_equal(real.image, one.image) and one.label == kind for one in TISSUE)
        made = sets[arms[0].title].set
        index = next(at for at, record in enumerate(made.records) if record.label == kind)
        np.testing.assert_array_equal(first.image, made.image(index))
    counted = [one for one in balances(fold(session, TISSUE, sets, arms)) if one.arm == arms[0].title]
    assert [one.unit for one in counted] == ["images"]
    assert sum(counted[0].synthetic.values()) == 6
    assert sum(counted[0].real.values()) == 9
