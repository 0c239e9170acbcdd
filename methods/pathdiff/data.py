"""What PathDiff trains on: images with masks and images with captions, which are not the same images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from bench.contract import Dataset
from bench.errors import DataError
from bench.track import track_of
from methods.latent.text_config import ControlPart
from methods.latent.windows import Window, Windows
from methods.pathdiff.hints import channels, colours_of, encode, null_hint, palette

if TYPE_CHECKING:
    from methods.pathdiff.hints import Colour


def mask_data(data: Mapping[str, Dataset]) -> Dataset | None:
    """Return the dataset whose masks are used: the training set, or that of the role "mask"; None if none has any."""
    train = data.get("train")
    if train is not None and track_of(train.info).label == "mask":
        return train
    return data.get("mask")


def without_text(masks: Dataset, text: Dataset | None) -> frozenset[str]:
    """Return the ids of samples that also play the role "text", so that no image is trained with both conditions."""
    if text is None or text.info.name != masks.info.name:
        return frozenset()
    return frozenset(masks.ids) & frozenset(text.ids)


class Items:
    """Batches of joint training: with probability `p_split` an image with its caption, else one with its mask.

    With probability `p_uncond` the only condition of an item is dropped. An item with a caption has the null mask; one
    with a mask has the caption of the settings, which is empty in PathDiff (section 3.2; mixed_cond/ of the release).

    Args:
        part: settings.
        data: datasets by role.
        seed: order of the images.

    Raises:
        DataError: there are no masks although the settings need them, or no captions.
    """

    def __init__(self, part: ControlPart, data: Mapping[str, Dataset], seed: int) -> None:
        masks, text, size = mask_data(data), data.get("text"), part.patch_size
        if masks is None and part.p_split == 0:
            raise DataError(
                "The control branch needs a dataset with masks",
                got="a dataset of captions only",
                fix="name one: --data mask=NAME",
            )
        self._part, self._edges = part, part.network.edges
        self.painted: dict[str, Colour] = {} if masks is None else palette(masks.info.classes, part.colours)
        self._colours = [] if masks is None else colours_of(masks.info.classes, self.painted)
        self._masks = None if masks is None else Windows([masks], size, seed, without_text(masks, text))
        self._text = Windows([text], size, seed + 1) if text is not None and part.p_split > 0 else None
        self._p_split = (0.0 if self._text is None else part.p_split) if self._masks is not None else 1.0
        # two fixed captions first: none, and the constant one of items with a mask
        self.captions: list[str] = ["", part.caption]
        self.captions += [] if self._text is None else self._text.captions()
        self._places = {caption: place for place, caption in enumerate(self.captions)}
        self._null = null_hint(channels(self._edges), size)

    def __len__(self) -> int:
        return max(len(windows) for windows in (self._masks, self._text) if windows is not None)

    def steps(self) -> int:
        """Return the number of steps of the training."""
        windows = self._masks if self._masks is not None else self._text
        assert windows is not None
        per_epoch = len(self) / len(windows)
        settings = self._part.training
        return windows.steps(settings.model_copy(update={"epochs": settings.epochs * per_epoch}))

    def batch(self, step: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Return images, hints, both uint8 (n, c, h, w), and places of captions in `captions`."""
        size = self._part.training.batch_size
        with_text, dropped = rng.random(size) <= self._p_split, rng.random(size) < self._part.training.p_uncond
        silent = rng.random(size) < self._part.text_dropout
        orders = {windows: windows.order(step, size, len(self)) for windows in (self._masks, self._text) if windows}
        images, hints, captions = [], [], []
        for row in range(size):
            windows = self._text if with_text[row] else self._masks
            assert windows is not None
            window = windows.draw(orders[windows][row], self._part.training.orient, rng)
            images.append(window.image.transpose(2, 0, 1))
            if with_text[row]:
                hints.append(self._null)
                captions.append(0 if dropped[row] else self._places[window.caption])
            else:
                hints.append(self._null if dropped[row] else self._hint(window))
                captions.append(0 if silent[row] else 1)
        return {"image": np.stack(images), "hint": np.stack(hints), "caption": np.array(captions, np.int64)}

    def _hint(self, window: Window) -> np.ndarray:
        if window.instances is None or window.types is None:
            raise DataError("Every image with a mask needs labels of nuclei", got="an image without an instance map")
        return encode(window.instances, window.types, self._colours, edges=self._edges)


def captions_of(text: Dataset | None) -> Sequence[tuple[str, str]]:
    """Return ids and captions of the samples that have a caption.

    Raises:
        DataError: there are none.
    """
    records = [] if text is None else text.records
    found = [(record.id, record.caption) for record in records if record.caption and record.caption.strip()]
    if not found:
        raise DataError(
            "There are no captions to draw images from",
            got="no dataset" if text is None else f"{text.info.name} without captions",
            fix="name a dataset with captions: --data text=NAME",
        )
    return found
