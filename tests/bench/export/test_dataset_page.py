"""docs/datasets.md says what the cards say."""

from __future__ import annotations

from pathlib import Path

from bench.datasets.card import card_names
from bench.export.dataset_page import page

DOCS = Path(__file__).parents[3] / "docs" / "datasets.md"


def test_the_page_is_up_to_date() -> None:
    assert DOCS.read_text(encoding="utf-8") == page(), "run python -m bench.export.dataset_page docs/datasets.md"


def test_every_card_is_on_it() -> None:
    text = page()
    for name in card_names():
        assert f"## {name}\n" in text
