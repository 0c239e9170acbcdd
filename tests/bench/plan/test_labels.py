"""Methods that read classes of nuclei, or which are rare, are refused before any work where the card has none."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.datasets.card import load_card, read_card
from bench.plan.checks import check_labels
from bench.registry import load

MINE = read_card(Path(__file__).parents[3] / "examples" / "cards" / "my-nuclei.yaml")
UNTYPED = MINE.model_copy(update={"classes": {}, "rare": (), "extra": {"typed": False}})


def made(*names: str):
    return {name: load("methods", name)(load("methods", name).Config()) for name in names}


def test_methods_of_classes_are_one_item() -> None:
    (item,) = check_labels(made("copy", "gradmix", "sdm", "diffmix-e"), UNTYPED)
    assert item.expected == "The methods 'gradmix', 'sdm' and 'diffmix-e' need nuclei with classes"
    assert item.got == "my-nuclei, whose nuclei have no classes"
    assert "name the classes in the card of my-nuclei" in item.fix


@pytest.mark.parametrize("name", ["gradmix", "diffmix", "diffmix-b"])
def test_rare_classes_are_asked_for_before_any_work(name: str) -> None:
    (item,) = check_labels(made("copy", name), MINE.model_copy(update={"rare": ()}))
    assert item.expected == f"The method {name!r} needs to know which classes are rare"
    assert item.got == "no `rare` in the card of my-nuclei"
    assert item.fix.startswith("add `rare: [ID, ...]` to the card; its classes are 1 ")


def test_what_is_there_is_not_missing() -> None:
    assert not list(check_labels(made("copy", "noise", "classic", "shuffled-labels"), UNTYPED))
    assert not list(check_labels(made("sdm", "diffmix-e"), MINE.model_copy(update={"rare": ()})))
    assert not list(check_labels(made("gradmix", "diffmix", "sdm"), load_card("phantom")))
