"""Near-duplicates in LC25000, whose images are augmented copies of a few: where it is beside the repository."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bench.datasets.card import load_card
from bench.datasets.checks.verify import verify
from bench.datasets.readers.image_folder import ImageFolder

ROOT = Path(os.environ.get("BENCH_DATA_ROOT") or Path(__file__).parents[5] / "shared" / "data")
CARD = Path(__file__).parents[4] / "examples" / "cards" / "lc25000.yaml"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (ROOT / "lc25000" / "lung_image_sets").is_dir(), reason=f"no LC25000 under {ROOT}"),
]


@pytest.mark.parametrize(("grouped", "at_least", "at_most"), [(True, 0, 0), (False, 10, 21)])
def test_copies_stand_on_both_sides_unless_groups_keep_them_together(
    grouped: bool, at_least: int, at_most: int
) -> None:
    card = load_card(str(CARD))
    if not grouped:
        card = card.model_copy(update={"extra": {**card.extra, "groups": None}})
    found = [item for item in verify(ImageFolder(card, ROOT)).findings if "in train" in item.message]
    assert at_least <= len(found) <= at_most
    for item in found:  # a copy is of its own class
        assert Path(item.file).parent.as_posix() in item.message
