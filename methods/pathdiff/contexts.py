"""Features of captions, computed once for the captions of a training if they are few."""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Float, Int64
from torch import Tensor

from methods.text.tower import TextTower

# Features of at most this many bytes are kept.
KEPT = 2**30


class Contexts:
    """Features of listed captions by their places; unlike the tower's, they are kept if they take little memory."""

    def __init__(self, tower: TextTower, captions: Sequence[str]) -> None:
        self._tower, self._captions = tower, list(captions)
        needed = 4 * len(captions) * tower.chunks * tower.length * tower.width
        self._kept = tower.context(self._captions) if needed <= KEPT else None

    def __call__(self, places: Int64[Tensor, " n"]) -> Float[Tensor, "n t d"]:
        """Return the features of captions, on the device of `places`."""
        if self._kept is not None:
            if self._kept.device != places.device:
                self._kept = self._kept.to(places.device)
            return self._kept[places]
        return self._tower.context([self._captions[place] for place in places.tolist()]).to(places.device)
