"""Contact sheets of a run: images drawn by the arms that the run is about."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.contract import Dataset
from bench.plan.arms import Arm
from bench.stages.synthesize import Made

SHEET = "contact_sheet.png"


def write_sheets(folder: Path, arms: Sequence[tuple[Arm, Made | None]], train: Dataset, dataset: str) -> None:
    """Write a contact sheet for each rule of selection, since larger sets of one pool begin with the same images.

    The first is `contact_sheet.png`; the others have the rule in their names.

    Args:
        folder: where to write.
        arms: the arms, each with its set of the first seed.
        train: real images to show next to them.
        dataset: the name of the dataset, for the titles.
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
    """Return the rule by which an arm's set was chosen, such as `centroid`; empty if it was not chosen."""
    settings = {} if arm.selection is None else arm.selection.model_dump(mode="json")
    return "-".join(str(value) for key, value in settings.items() if key != "ratio" and value is not None)
