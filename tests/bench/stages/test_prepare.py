"""How many samples of a split a preset keeps: as many as it says, of every slide, unless all are asked for."""

from __future__ import annotations

from pathlib import Path

from bench.config import load_preset
from bench.datasets.source import open_source
from bench.engine.session import Session, drive
from bench.stages.prepare import prepare_splits

CARD = """
extends: phantom
extra:
  size: 64
  splits:
    train: {slides: 2, tiles: 2}
    test: {slides: 3, tiles: 2}
    fresh: {slides: 1, tiles: 1}
"""


def test_a_preset_caps_the_samples_of_splits(session: Session, tmp_path: Path) -> None:
    card = tmp_path / "small.yaml"
    card.write_text(CARD, encoding="utf-8")
    source = open_source(str(card), None)
    preset = load_preset("tiny", {"split_samples": {"test": 3, "train": 9}})
    some = drive(prepare_splits(session, source, preset, ["train", "test"]))
    assert some["train"].ids == source.ids("train")
    assert some["test"].ids == source.ids("test")[::2]
    assert len(set(some["test"].groups)) == 3
    whole = drive(prepare_splits(session, source, preset, ["test"], whole={"test"}))
    assert whole["test"].ids == source.ids("test")
    assert whole["test"].digest != some["test"].digest


def test_only_tiny_caps_them() -> None:
    for name in ("smoke", "small", "paper"):
        assert not load_preset(name).split_samples
    assert load_preset("tiny").split_samples == {"test": 8, "pool": 24}
    assert load_preset("tiny", task="tissue").split_samples == {"test": 36, "pool": 24}
