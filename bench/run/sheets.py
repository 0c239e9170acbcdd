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

    choices: set[str] = set()
    for arm, made in arms:
        if arm.choice in choices or made is None:
            continue
        name = SHEET if not choices else SHEET.replace(".", f"_{arm.choice}.")
        choices.add(arm.choice)
        set_sheet(made.set, train, folder / name, title=f"{arm.title}, {dataset}")
