"""Dataset cards: what ships is complete, what is wrong is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from bench.config.files import folder
from bench.datasets.card import load_card, read_card
from bench.datasets.source import open_source
from bench.errors import ConfigError
from tests.bench.datasets.layouts import shipped_card

CARDS = sorted(path.stem for path in (folder() / "datasets").glob("*.yaml"))

SEGMENTED = ("monuseg", "nuinsseg")
"""Datasets whose nuclei have no classes."""


@pytest.mark.parametrize("name", CARDS)
def test_every_card_ships_complete(name: str) -> None:
    card = shipped_card(name)
    assert card.name == name
    trained = card.task in ("nuclei", "tissue")
    assert card.generic or name in SEGMENTED or bool(card.classes or card.labels) == trained
    assert name not in SEGMENTED or not (card.classes or card.rare or card.merging)
    assert {"train"} <= set(card.splits) if card.task == "pool" else {"train", "test"} <= set(card.splits)
    for text in (card.citation, card.licence, card.how_to_get, card.layout):
        assert text.strip()
    assert card.generic or bool(card.default_downstream) == trained
    assert card.default_preset == ("smoke" if name.startswith("phantom") else "paper")


def test_published_counts_add_up_to_the_published_totals() -> None:
    for name, tiles, train, test in (("consep", 41, 15_549, 8_770), ("glysac", 59, 17_949, 12_926)):
        expected = shipped_card(name).expected
        assert sum(counts.tiles for counts in expected.values()) == tiles
        assert sum(expected["train"].nuclei.values()) == train
        assert sum(expected["test"].nuclei.values()) == test


def test_content_holds_what_samples_depend_on_and_nothing_else() -> None:
    card = shipped_card("consep")
    assert card.model_copy(update={"citation": "other", "traps": ()}).content() == card.content()
    for change in ({"merging": {1: 1}}, {"classes_merged": "raw"}, {"rare": (2,)}, {"mpp": 0.5}):
        assert card.model_copy(update=change).content() != card.content()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"clases": {1: "a"}}, "classes"),
        ({"classes": {1: "a", 3: "b"}}, "without gaps"),
        ({"rare": [9]}, "lacks"),
        ({"merging": {1: 1, 2: 7}}, "lacks"),
        ({"name": "../elsewhere"}, "without /"),
        ({"name": ".."}, "one of folders"),
        ({"name": "é" * 61}, "at most 120 bytes"),
        ({"expected": {"validation": {"tiles": 1}}}, "validation"),
        ({"expected": {"train": {"tiles": 1, "nuclei": {"plasma": 3}}}}, "plasma"),
        ({"mpp": 0}, "greater than 0"),
        ({"source": "nuclei-foldr"}, "did you mean 'nuclei-folder'"),
        ({"source": "nuclei-foldr", "mpp": 0, "clases": {}}, "3 things are wrong"),
    ],
)
def test_a_card_that_contradicts_itself_is_refused(tmp_path, change, said) -> None:
    good = yaml.safe_load((folder() / "datasets" / "consep.yaml").read_text())
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({**good, **change}))
    with pytest.raises(ConfigError, match=said):
        read_card(path)


def test_an_unknown_dataset_suggests_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'consep'"):
        load_card("conseb")


def own_card(path, **changes) -> str:
    good = yaml.safe_load((folder() / "datasets" / "consep.yaml").read_text())
    path.write_text(yaml.safe_dump({**good, "source": "consep", **changes}))
    return str(path)


def test_a_card_of_ones_own_is_named_by_its_path(tmp_path) -> None:
    card = load_card(own_card(tmp_path / "mine.yaml", organ="lung"))
    assert (card.name, card.source, card.organ) == ("mine", "consep", "lung")


def test_a_card_of_ones_own_must_say_what_reads_its_files(tmp_path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(Path(own_card(path)).read_text().replace("source: consep\n", ""))
    with pytest.raises(ConfigError, match="does not say what reads its files") as caught:
        open_source(str(path), None)
    assert "add `source: NAME`" in caught.value.fix
    assert "nuclei-folder" in caught.value.fix


def test_a_card_extends_a_shipped_one(tmp_path) -> None:
    path = tmp_path / "half.yaml"
    path.write_text("extends: consep\nmpp: 0.5\n")
    card = load_card(str(path))
    assert (card.name, card.source, card.mpp) == ("half", "consep", 0.5)
    assert card.classes == shipped_card("consep").classes


def test_a_name_that_is_taken_an_absent_file_and_an_unknown_name_are_refused(tmp_path) -> None:
    with pytest.raises(ConfigError, match="needs another name"):
        load_card(own_card(tmp_path / "consep.yaml"))
    with pytest.raises(ConfigError, match="card"):
        load_card(str(tmp_path / "absent.yaml"))
    with pytest.raises(ConfigError) as raised:
        load_card("consap")
    assert "consep" in raised.value.fix


def test_a_card_that_extends_itself_is_refused(tmp_path) -> None:
    path = tmp_path / "loop.yaml"
    path.write_text("extends: loop\n")
    with pytest.raises(ConfigError, match="in a circle"):
        read_card(path)
