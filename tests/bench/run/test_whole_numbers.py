"""Digests of splits and plans depend on what was chosen, and not on pixels."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from bench.contract import Condition
from bench.results.artefacts import Artefact
from bench.results.digest_rows import digest_rows
from bench.results.document import RunDocument
from bench.run.whole_numbers import plan_digest, split_digest
from bench.stages.synthesize import Made
from bench.synthetic import SyntheticSet, SyntheticSetWriter
from tests import toy_tissue
from tests.bench.conftest import finished

TRAIN = toy_tissue.TissueDataset(n_tiles=6, size=8)


def made(folder: Path, *, stage: str = "synthesize", brightness: int = 100, labels: Iterable[int] = (0, 1)) -> Made:
    done = finished(folder, stage)
    writer = SyntheticSetWriter(folder, TRAIN.info, {})
    image = np.full((8, 8, 3), brightness, np.uint8)
    given = list(labels)
    for index, label in enumerate(given):
        condition = Condition(id=f"p-{index}", kind="painted", seed=0, recipe={}, label=label)
        writer.write(index, condition, image)
    writer.seal(len(given), {"method": "painter", "seed": 0})
    return Made(done, SyntheticSet(folder))


def test_a_plan_is_not_its_pixels(tmp_path: Path) -> None:
    bright, dark = made(tmp_path / "a"), made(tmp_path / "b", brightness=50)
    assert bright.set.digest != dark.set.digest
    assert plan_digest(bright) == plan_digest(dark) != ""
    assert plan_digest(made(tmp_path / "c", labels=(1, 0))) != plan_digest(bright)


def test_images_that_a_network_chose_have_no_digest_of_their_plan(tmp_path: Path) -> None:
    assert plan_digest(made(tmp_path / "a", stage="select")) == ""


def test_a_split_is_its_samples() -> None:
    assert split_digest(TRAIN) == split_digest(toy_tissue.TissueDataset(n_tiles=6, size=8))
    assert split_digest(TRAIN) != split_digest(toy_tissue.TissueDataset(n_tiles=5, size=8))


def test_rows_of_digests_are_those_of_the_newest_document() -> None:
    def document(digest: str, **more: Any) -> RunDocument:
        return RunDocument(dataset="d", method="m", preset="tiny", splits={"train": digest, "test 1/2": "t"}, **more)

    plan = Artefact(kind="set", method="m", seed=1, generation=1, stage="synthesize", key="k", plan="p")
    without = plan.model_copy(update={"plan": "", "method": "other"})
    rows = digest_rows([document("old"), document("new", division={"sha256": "s"}, artefacts=(plan, without))])
    found = {(row["metric"], row.get("split", ""), row.get("fold", ""), row.get("seed", "")): row for row in rows}
    assert {key: row["digest"] for key, row in found.items()} == {
        ("division", "", "", ""): "s",
        ("split", "train", "", ""): "new",
        ("split", "test", "1/2", ""): "t",
        ("plan", "", "", 1): "p",
    }
    assert len(rows) == 4
