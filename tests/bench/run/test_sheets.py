"""Contact sheets of a run: one for each way that sets were chosen."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bench.plan.arms import Arm
from bench.plan.ratios import expand
from bench.run.sheets import write_sheets
from bench.stages.synthesize import Made
from bench.synthetic import SyntheticSet, SyntheticSetWriter
from methods.selection import SelectionArm
from tests import toy_tissue
from tests.bench.conftest import finished

TRAIN = toy_tissue.TissueDataset(n_tiles=6, size=8)


def made(folder: Path) -> Made:
    done = finished(folder, "select")
    painter = toy_tissue.Painter(toy_tissue.PainterConfig())
    writer = SyntheticSetWriter(folder, TRAIN.info, {})
    conditions = list(painter.plan({}, 6, np.random.default_rng(0)))
    for index, image in enumerate(painter.render(conditions, {}, {}, None)):  # type: ignore[arg-type]
        writer.write(index, conditions[index], image)
    writer.seal(6, {"method": "painter", "seed": 0})
    return Made(done, SyntheticSet(folder))


def arms(*selection: SelectionArm) -> list[Arm]:
    return expand(Arm("painter", "", toy_tissue.Painter(toy_tissue.PainterConfig(selection=selection))))


def test_there_is_a_sheet_for_each_way_of_choosing_not_for_each_ratio(tmp_path: Path) -> None:
    found = arms(
        SelectionArm(rule="random", ratio=0.5),
        SelectionArm(rule="centroid", ratio=0.5),
        SelectionArm(rule="centroid", ratio=1.0),
        SelectionArm(rule="centroid", ratio=1.0, min_confidence=0.5),
    )
    done = [(arm, made(tmp_path / str(number))) for number, arm in enumerate(found)]
    write_sheets(tmp_path, done, TRAIN, "toy")
    names = sorted(path.name for path in tmp_path.glob("*.png"))
    assert names == ["contact_sheet.png", "contact_sheet_centroid-0.5.png", "contact_sheet_centroid.png"]


def test_an_arm_without_a_set_leaves_its_place_to_the_next(tmp_path: Path) -> None:
    first, second = arms(SelectionArm(rule="random", ratio=0.5), SelectionArm(rule="centroid", ratio=0.5))
    write_sheets(tmp_path, [(first, None), (second, made(tmp_path / "set"))], TRAIN, "toy")
    assert [path.name for path in tmp_path.glob("*.png")] == ["contact_sheet.png"]
