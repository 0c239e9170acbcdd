"""Reading of the training tiles that conditions name as their sources."""

from __future__ import annotations

from bench.contract import Condition, Dataset, Sample
from bench.errors import DataError


class Tiles:
    """Tiles of a dataset by id; the last tile is kept in memory, because conditions are ordered by tile."""

    def __init__(self, dataset: Dataset) -> None:
        """Store the dataset; tiles are read when they are needed."""
        self._dataset = dataset
        self._places = {name: place for place, name in enumerate(dataset.ids)}
        self._last: Sample | None = None

    def place(self, name: str) -> int:
        """Return the position of a tile in its dataset.

        Raises:
            DataError: the dataset contains no such tile.
        """
        if name not in self._places:
            raise DataError(
                f"The dataset {self._dataset.info.name} ({self._dataset.info.split}) contains no such tile", got=name
            )
        return self._places[name]

    def __getitem__(self, name: str) -> Sample:
        if self._last is None or self._last.id != name:
            self._last = self._dataset[self.place(name)]
        return self._last


def window_of(condition: Condition) -> tuple[str, int, int]:
    """Return the source of a condition, and the row and column of its window in the source.

    Raises:
        DataError: the condition has no source, so real pixels cannot show it.
    """
    if condition.source is None or condition.crop is None:
        raise DataError(
            f"Condition {condition.id} needs a window of a real tile",
            got="a label map without a source",
            fix="use a method that draws images from masks, for example sdm or diffmix",
        )
    return condition.source, *condition.crop
