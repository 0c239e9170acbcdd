"""Reading the training tiles that conditions name as their sources."""

from __future__ import annotations

from bench.contract import Condition, Dataset, Sample
from bench.errors import DataError


class Tiles:
    """Tiles of a dataset by id; the last one read is kept, since conditions come tile by tile."""

    def __init__(self, dataset: Dataset) -> None:
        """Read from `dataset`, lazily."""
        self._dataset = dataset
        self._places = {name: place for place, name in enumerate(dataset.ids)}
        self._last: Sample | None = None

    def place(self, name: str) -> int:
        """Return the position of a tile in its dataset.

        Raises:
            DataError: the dataset holds no such tile.
        """
        if name not in self._places:
            raise DataError(f"expected a tile of {self._dataset.info.name}, {self._dataset.info.split}", got=name)
        return self._places[name]

    def __getitem__(self, name: str) -> Sample:
        if self._last is None or self._last.id != name:
            self._last = self._dataset[self.place(name)]
        return self._last


def window_of(condition: Condition) -> tuple[str, int, int]:
    """Return a condition's source and the row and column of its window there.

    Raises:
        DataError: it has none: it describes a patch of its own, which real pixels cannot show.
    """
    if condition.source is None or condition.crop is None:
        raise DataError(
            f"expected a window of a real tile behind {condition.id}",
            got="a label map without a source",
            fix="a method that draws images from masks, such as sdm or diffmix",
        )
    return condition.source, *condition.crop
