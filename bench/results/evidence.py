"""What a run keeps for people to look at: small pictures, confusion matrices and the balance of classes.

A run writes it once, so that reports need neither the store's steps nor torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self

from pydantic import Field

from bench.contract import Settings

FOLDER = "evidence"
"""Folder in the folder of a run's results."""
_FILE = "evidence.json"
BACKGROUND = "background"
"""The class of nuclei that were missed or invented, in confusion matrices."""

Gallery = Literal[
    "labels",  # a training patch | the patches that arms derived from it, with labels; of one kind a column
    "same-mask",  # a test patch | what each arm drew under its mask
    "predictions",  # a test tile | truth | the prediction of each arm
    "captions",  # a caption: the real image | the image of each arm
    "classes",  # a class | an image of each arm
    "copies",  # a suspected copy | the nearest real training patch
    "faithfulness",  # a synthetic image with its mask | what the segmenter found, the worst first
    "confusions",  # a class taken for another | the nuclei or images of which that is true
]


class Picture(Settings):
    """One picture of a gallery.

    Pictures of one gallery and row are shown next to each other, in the order in which columns first appear. Rows with
    the same `row` in several runs of one dataset show the same thing, so reports join them.

    Attributes:
        gallery: the gallery.
        row: what all pictures of a row have in common: the id of a sample, a class, or a pair of classes.
        column: `real`, `truth`, `nearest training patch`, `found by hovernet`, or the title of an arm, such as
            `diffmix (e)`, or of an arm and a kind of its patches, such as `diffmix: balancing`. Several pictures may
            have the same row and column.
        file: its name in the folder of the evidence, a hash of its content; equal pictures share a file.
        alt: what the picture shows, in words, for people who do not see it.
        caption: the caption of the image; empty if it has none.
        note: what is said below the picture, such as `FS1 .41`; may be empty.
        value: the number by which rows are sorted, if any; the smallest is the worst and comes first.
        outlines: whether labels are drawn on the image.
    """

    gallery: Gallery
    row: str
    column: str
    file: str
    alt: str
    caption: str = ""
    note: str = ""
    value: float | None = None
    outlines: bool = False


class Confusion(Settings):
    """Counts of true classes (rows) by predicted classes (columns), summed over seeds and folds.

    `classes` names the rows and columns; nuclei that were missed or invented have the class `background`, the first.
    """

    arm: str
    downstream: str
    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


class Balance(Settings):
    """Number of nuclei (or images) of each class in the training data and in an arm's set of the first seed."""

    arm: str
    unit: Literal["nuclei", "images"]
    real: Mapping[str, int]
    synthetic: Mapping[str, int]


class Evidence(Settings):
    """Everything that a run shows.

    `colours` are the colours of classes as `#rrggbb`; nuclei of no class are outlined in white. `lacking` says what
    could not be drawn, and why; the same run tries it again.
    """

    schema_version: int = 1
    dataset: str
    method: str
    variant: str = ""
    pictures: tuple[Picture, ...] = ()
    confusions: tuple[Confusion, ...] = ()
    balances: tuple[Balance, ...] = ()
    colours: Mapping[str, str] = Field(default_factory=dict)
    lacking: tuple[str, ...] = ()

    @staticmethod
    def file(run: Path) -> Path:
        """Return its file in the folder of a run's results."""
        return run / FOLDER / _FILE

    @classmethod
    def read(cls, run: Path) -> Self | None:
        """Return the evidence in the folder of a run's results; None if the run has none.

        Raises:
            ValueError: the file is not evidence.
        """
        path = cls.file(run)
        return cls.model_validate_json(path.read_text(encoding="utf-8")) if path.exists() else None

    def write(self, run: Path) -> None:
        """Write it next to its pictures, which are in `<run>/evidence` already."""
        self.write_into(run / FOLDER)

    def write_into(self, place: Path) -> None:
        """Write it into the folder of its pictures, wherever that is."""
        (place / _FILE).write_text(self.model_dump_json(indent=1) + "\n", encoding="utf-8")
