"""Contact sheets of a run: what the arms that it is about have drawn."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.contract import Dataset
from bench.plan.arms import Arm
from bench.stages.synthesize import Made

SHEET = "contact_sheet.png"


def write_sheets(folder: Path, arms: Sequence[tuple[Arm, Made | None]], train: Dataset, dataset: str) -> None:
    """Write a contact sheet for each way of choosing: more images from one pool begin with the same.

    The first is `contact_sheet.png`, each other has its way in its name.

    Args:
        folder: where to write.
        arms: the arms, each with its set of the first seed.
        train: real images to show beside them.
        dataset: its name, for the titles.
    """
    from reports.contact_sheet import set_sheet

    ways: set[str] = set()
    for arm, made in arms:
        way = _way(arm)
        if way in ways or made is None:
            continue
        name = SHEET if not ways else SHEET.replace(".", f"_{way}.")
        ways.add(way)
        set_sheet(made.set, train, folder / name, title=f"{arm.title}, {dataset}")


def _way(arm: Arm) -> str:
    """Return how an arm's set was chosen, whatever its size: `centroid`; nothing where it was not chosen."""
    settings = {} if arm.selection is None else arm.selection.model_dump(mode="json")
    return "-".join(str(value) for key, value in settings.items() if key != "ratio" and value is not None)
