"""Measured numbers find their places: arm, network, class, split, data of other roles and stand-ins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from reports.board import Cell, Leaderboard, Row
from reports.columns import Column
from reports.published.layout import read_published
from reports.published.table import Measured, PaperTable, measure
from tests.reports.published.test_layout import HEADER, LINES, layout

PQ = Column("pq/image", direction="higher")
INFLAMMATORY = Column("f_type", class_="inflammatory", direction="higher")
DELTA = Column("pq/image", kind="difference", direction="higher")


def row(method: str, variant: str = "", network: str = "hovernet", pq: float = 0.41) -> Row:
    cells = {
        DELTA: Cell(0.9),
        PQ: Cell(pq, pq - 0.02, pq + 0.02),
        INFLAMMATORY: Cell(None, reason="no such nucleus"),
    }
    return Row(method, variant, network, cells)


def board(*rows: Row, dataset: str = "consep", **more: str) -> Leaderboard:
    values: dict[str, str] = {"preset": "paper", "budget": "steps:100", "fold": "", **more}
    return Leaderboard(dataset, columns=[PQ, DELTA, INFLAMMATORY], rows=rows, **values)  # type: ignore[arg-type]


def places(table: PaperTable) -> Mapping[tuple[str, str], Measured]:
    return {(line.keys["dataset"], line.keys["method"]): line.places["pq/image"] for line in table.lines}


def test_numbers_are_beside_the_published_ones() -> None:
    rows = [row("real-only", pq=0.4), row("diffmix", "mask=conic text=pathcap", pq=0.45), row("diffmix", pq=0.1)]
    table = measure(read_published(layout(), HEADER + LINES), [board(*rows)])
    found = places(table)
    assert found["consep", "real-only"].cell == Cell(0.4, 0.4 - 0.02, 0.4 + 0.02)
    assert found["consep", "real-only"].published == "0.48"
    assert found["consep", "diffmix"].cell == rows[1].cells[PQ]
    assert found["glysac", "diffmix"] == Measured(
        None, "the store has no results of this dataset", "0.61", "a misprint; all of it is odd"
    )
    # a class has the name that it has in the card of the dataset
    base = table.lines[0].places["f_type[lymphocyte]"]
    assert (base.reason, base.published) == ("no such nucleus", "0.49")
    assert table.remarks == ["CoNSeP: measured with consep · paper · steps:100, 0 seeds".replace("0 seeds", "1 seed")]


def test_another_network_or_variant_is_another_arm() -> None:
    rows = [row("real-only", network="sonnet"), row("diffmix", "mask=conic ratio=0.5")]
    found = places(measure(read_published(layout(), HEADER + LINES), [board(*rows)]))
    assert {found["consep", name].reason for name in ("real-only", "diffmix")} == {
        "this arm was not run with this network"
    }


def test_a_dataset_stands_for_that_of_the_paper() -> None:
    rows = [row("real-only"), row("diffmix", "mask=phantom")]
    published = read_published(layout(), HEADER + LINES)
    table = measure(
        published, [board(*rows, dataset="phantom", preset="smoke")], {"consep": "phantom", "conic": "phantom"}
    )
    found = places(table)
    assert set(found) == {("consep", "real-only"), ("consep", "diffmix")}
    assert all(place.cell is not None and place.published for place in found.values())
    assert table.remarks[0].startswith("phantom stands for CoNSeP: the measured numbers (phantom · smoke")
    assert "not comparable" in table.remarks[0]
    assert table.remarks[1] == "the rows of GLySAC are left out: no dataset stands for it"


def test_a_metric_stands_for_that_of_the_paper() -> None:
    aji = Column("aji/image", direction="higher")
    one = row("real-only")
    made = board(replace(one, cells={**one.cells, aji: Cell(0.3)}))
    published = read_published(layout(), HEADER + LINES)
    table = measure(published, [replace(made, columns=[*made.columns, aji])], {"pq/image": "aji/image"})
    found = places(table)["consep", "real-only"]
    assert (found.cell, found.published) == (Cell(0.3), "0.48")
    assert table.remarks[-1].startswith("aji/image stands for pq/image in the column PQ: the two are not comparable")
    assert places(measure(published, [board(one)], {"pq/image": "aji/image"}))["consep", "real-only"].cell is None
    assert {line.keys["dataset"] for line in table.lines} == {"consep", "glysac"}  # no dataset is left out


@pytest.mark.parametrize(
    ("budget", "boards", "pq"),
    [
        # all folds rather than one; the newest otherwise
        ("", [("steps:1", "1/2", 0.1), ("steps:1", "all", 0.2), ("steps:1", "", 0.3)], 0.2),
        ("", [("steps:1", "1/2", 0.1), ("steps:1", "2/2", 0.2)], 0.1),
        # the paper's unit, if there are several
        ("epochs", [("steps:1", "", 0.1), ("epochs:100", "", 0.2)], 0.2),
        ("epochs", [("steps:1", "", 0.1)], 0.1),
    ],
)
def test_which_board_is_used(budget: str, boards: list[tuple[str, str, float]], pq: float) -> None:
    made = [board(row("real-only", pq=value), budget=unit, fold=fold) for unit, fold, value in boards]
    found = places(measure(read_published(layout(budget=budget), HEADER + LINES), made))
    cell = found["consep", "real-only"].cell
    assert cell is not None
    assert cell.value == pq


def test_a_number_that_the_dataset_cannot_have_says_why() -> None:
    absent = layout(absent={"consep": {"pq/image": "no maps"}})
    found = places(measure(read_published(absent, HEADER + LINES), [board(row("real-only"))]))
    assert (found["consep", "real-only"].cell, found["consep", "real-only"].reason) == (None, "no maps")


def test_another_preset_is_said_not_to_be_the_published_protocol() -> None:
    table = measure(read_published(layout(), HEADER + LINES), [board(row("real-only"), preset="smoke")])
    assert table.remarks[0].endswith("this is not the published protocol")


def test_a_leak_stands_at_the_measured_number() -> None:
    leaky = replace(row("diffmix", "mask=conic"), leak="contains test images")
    found = places(measure(read_published(layout(), HEADER + LINES), [board(row("real-only"), leaky)]))
    assert found["consep", "diffmix"].reason == "⚠ contains test images"
    assert found["consep", "real-only"].reason == ""
