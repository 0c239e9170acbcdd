"""Captioned images listed in a CSV file: one line per image, with its caption."""

from __future__ import annotations

from pathlib import Path

from bench.config.validate import build
from bench.datasets.card import DatasetCard
from bench.datasets.readers.captioned import Caption, Captioned, CaptionPlan, checked_pattern
from bench.errors import ConfigError
from bench.formats.csv_tables import read_table


class CsvPlan(CaptionPlan):
    """The `extra` section of such a dataset's card: the CSV file, and the names of its columns.

    Columns that the file does not have are named "". Without `split` the card's `divide` divides by group, or its only
    split holds everything. Names of images are relative to the folder of the CSV file.
    """

    captions: str = "captions.csv"
    image: str = "image"
    caption: str = "caption"
    split: str = ""
    group: str = ""
    tissue: str = ""


class ImageCaption(Captioned):
    """Images and captions from a CSV file; the group is the image's name unless a column or pattern gives another."""

    plan: CsvPlan

    def __init__(self, card: DatasetCard, root: Path | None) -> None:
        super().__init__(card, root)
        self.plan = build(CsvPlan, card.extra, f"`extra` of the card {card.name!r}")
        checked_pattern(card, self.plan.group_pattern)
        if self.plan.split and card.divide is not None:
            got = f"the column {self.plan.split!r} and `divide`"
            raise ConfigError(f"{card.name} is divided in two ways", got=got, fix="leave out one of the two")

    @property
    def names_group(self) -> bool:
        """Whether the file has a column of groups."""
        return bool(self.plan.group)

    @property
    def names_split(self) -> bool:
        """Whether the file has a column of splits."""
        return bool(self.plan.split)

    def holds(self, folder: Path) -> bool:
        """Return whether a folder holds the CSV file, and the manifest if the card names one."""
        return (folder / self.plan.captions).is_file() and self.holds_manifest(folder)

    def caption_file(self) -> Path:
        """Return the CSV file."""
        return self.locate() / self.plan.captions

    def captions(self) -> list[Caption]:
        """Return the lines of the CSV file."""
        plan = self.plan
        others = (plan.split, plan.group, plan.tissue)
        rows = read_table(self.caption_file(), plan.image, [plan.caption, *filter(None, others)]).rows
        return [
            Caption(name, row[plan.caption], *(row[column] if column else "" for column in others))
            for name, row in rows.items()
        ]
