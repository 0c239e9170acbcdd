"""A run names test images that look like training images, and the boards of its store repeat it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bench.cli.leaderboard import load_boards
from bench.contract import Sample
from bench.datasets.card import load_card
from bench.datasets.checks.verify import verify
from bench.datasets.prepared.read import LOOKS_FILE, PreparedDataset
from bench.datasets.prepared.write import prepare
from bench.datasets.source import open_source
from bench.datasets.splits.joined import Joined
from bench.engine.reporter import Reporter
from bench.run.divisions import FoldData
from bench.run.look_alikes import look_alikes, sentences
from bench.run.pipeline import run_request
from reports.remarks import remarks
from tests.bench.conftest import request
from tests.bench.datasets.layouts import write_image
from tests.bench.run.test_untyped import card_of, write
from tests.toy import tile

CARD = """source: image-folder
title: two classes of my own
folders: [mine]
task: tissue
organ: lung
magnification: 20
mpp: 0.5
labels: [benign, tumour]
splits: [train, test]
groups: patch
citation: none
licence: none
how_to_get: drawn
pattern: x
layout: x
default_downstream: vit
extra: {splits: {train: train, test: test}}
"""


@contextmanager
def silent(*_: Any, **__: Any) -> Iterator[Any]:
    class Progress:
        def advance(self, n: int = 1, **values: float) -> None:
            return

    yield Progress()


class Source:
    """Images in memory as a source of two splits."""

    def __init__(self, **splits: list[Sample]) -> None:
        self.card = load_card("phantom-tissue")
        self.group_kind, self.found = "slide", splits

    def ids(self, split: str) -> list[str]:
        return [sample.id for sample in self.found[split]]

    def samples(self, split: str, places: Any = None) -> Iterator[Sample]:
        return iter(self.found[split])

    def image_file(self, split: str, index: int) -> None:
        return None

    def notes(self) -> dict[str, Any]:
        return {}


def sample(name: str, seed: int, label: int = 0) -> Sample:
    return Sample(name, tile(seed, 64, density=0.006)[0], name, 0.5, label=label)


def prepared(folder: Path, **splits: list[Sample]) -> dict[str, PreparedDataset]:
    for split in splits:
        prepare(Source(**splits), split, None, folder / split, silent, square=32)
    return {split: PreparedDataset(folder / split) for split in splits}


def test_each_fold_is_compared_and_what_is_found_is_said(tmp_path: Path) -> None:
    train = [sample(f"a{seed}", seed, seed % 2) for seed in range(8)]
    data = prepared(tmp_path, train=train, test=[sample("t0", 20), sample("t1", 3, 1), sample("t2", 5, 0)])
    (found,) = look_alikes([FoldData("1/2", data), FoldData("2/2", {**data, "test": data["test"].subset([0])})])
    assert (found["fold"], found["alike"], found["n"]) == ("1/2", 2, 3)
    assert found["pairs"] == [["t1", "a3", 0], ["t2", "a5", 0]]
    assert found["two_classes"] == [["a5", "t2"]]
    alike, twice = sentences(found)
    assert alike == (
        "fold 1/2: 2 of 3 test images look like a training image (t1 like a3): "
        "the scores of every arm may be too good, and copies that are turned or cropped are not found"
    )
    assert twice == "fold 1/2: 1 images have the pixels of one of another class: a5 and t2"


def test_images_of_several_splits_are_joined_and_old_data_are_not_compared(tmp_path: Path) -> None:
    data = prepared(tmp_path, train=[sample("a", 1)], test=[sample("b", 1), sample("c", 2)])
    joined = Joined([data["train"], data["test"].subset([1])])
    (found,) = look_alikes([FoldData("", {"train": joined, "test": data["test"].subset([0])})])
    assert found["pairs"] == [["b", "a", 0]]
    (tmp_path / "train" / LOOKS_FILE).unlink()
    assert look_alikes([FoldData("", {**data, "train": PreparedDataset(tmp_path / "train")})]) == []


def test_one_image_in_two_classes_is_a_finding_of_verify(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(CARD, encoding="utf-8")
    for number, (split, name) in enumerate((s, n) for s in ("train", "test") for n in ("benign", "tumour")):
        for seed in range(3):
            write_image(tmp_path / "mine" / split / name / f"{seed}.png", tile(10 * number + seed, 48)[0])
    write_image(tmp_path / "mine" / "train" / "tumour" / "again.png", tile(0, 48)[0])
    source = open_source(str(tmp_path / "mine.yaml"), None)
    said = [item.message for item in verify(source).findings]
    assert "has the pixels of train/benign/0, but is of class tumour and not benign" in said


@pytest.mark.slow
def test_a_run_warns_and_every_board_has_the_remark(tmp_path: Path) -> None:
    folder = tmp_path / "my-nuclei"
    write(folder, typed=False)
    for number in range(4):  # 12 tiles, of which some are doubled across the splits whichever are drawn
        for kind, suffix in (("images", "png"), ("labels", "npy")):
            content = (folder / kind / f"{number}.{suffix}").read_bytes()
            for copy in range(4):
                (folder / kind / f"{number}-{copy}.{suffix}").write_bytes(content)
    warned: list[str] = []

    class Heard(Reporter):
        def warn(self, text: str) -> None:
            warned.append(text)

    store, card = tmp_path / "store", str(card_of(tmp_path, "", "  typed: false"))
    run_request(request(store, method="copy", dataset=card, controls=(), overrides=("budget.amount=2",)), Heard())
    (said,) = [text for text in warned if "look like a training image" in text]
    (board,) = load_boards(store)
    assert any(said in line for line in remarks(board))
