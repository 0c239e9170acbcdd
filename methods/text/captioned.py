"""Training pairs: squares of captioned images, and their captions, whole or some clauses of them."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from jaxtyping import Int64, UInt8

from bench.contract import Dataset
from bench.errors import DataError
from methods.controls.stain_jitter import jitter_stains
from methods.sdm.crops import ORIENTATIONS, orient
from methods.text.config import CaptionEncoderPart

# Datasets of at most this many bytes of pixels are kept in memory.
KEPT = 2**31


class Captioned:
    """The captioned images of a dataset; a small dataset is kept in memory, a large one read when needed.

    A tile of nuclei is cut at random, since its caption holds for all of it; any other image is resized as a whole.

    Raises:
        DataError: no image has a caption.
    """

    def __init__(self, dataset: Dataset, tokenizer: Any, part: CaptionEncoderPart) -> None:
        records = dataset.records
        captioned = [index for index, record in enumerate(records) if (record.caption or "").strip()]
        self._indices = [index for index in captioned if records[index].height]  # a caption may have no image
        if not self._indices:
            what = "images of its captions" if captioned else "captions"
            got = f"{len(captioned)} captions" if captioned else f"{len(records)} images without a caption"
            raise DataError(
                f"The dataset {dataset.info.name}, {dataset.info.split}, has no {what} to train on",
                got=got,
                fix="name a dataset with captions: --data text=NAME",
            )
        self._dataset, self._part, self._cut = dataset, part, dataset.info.task == "nuclei"
        self._captions = [clauses(records[index].caption or "") for index in self._indices]
        self._known = [frozenset(map(_plain, parts)) for parts in self._captions]
        self._start, self._end = tokenizer.bos_token_id, tokenizer.eos_token_id
        distinct = sorted({clause for parts in self._captions for clause in parts})
        encoded = tokenizer(distinct, add_special_tokens=False).input_ids
        self._tokens = dict(zip(distinct, encoded, strict=True))
        few = sum(record.height * record.width * 3 for record in records) <= KEPT
        self._kept = [dataset[index].image for index in self._indices] if few else None

    def __len__(self) -> int:
        return len(self._indices)

    def batch(self, step: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Draw a batch: images, uint8 (n, 3, h, w), token ids (n, length), and `match` (n, n).

        `match[i, j]` is 1 if the text i is true of the image j by the caption of j: all of its clauses are in it.
        """
        settings = self._part.training
        chosen = rng.integers(len(self), size=settings.batch_size)
        images = np.stack([self._image(int(index), rng).transpose(2, 0, 1) for index in chosen])
        texts = [self._some(self._captions[index], rng) for index in chosen]
        said = [frozenset(map(_plain, parts)) for parts in texts]
        match = np.array([[text <= self._known[index] for index in chosen] for text in said], np.float32)
        return {"image": images, "tokens": np.stack([self._ids(parts) for parts in texts]), "match": match}

    def _some(self, parts: list[str], rng: np.random.Generator) -> list[str]:
        if rng.random() >= self._part.training.partial:
            return parts
        kept = rng.random(len(parts)) < 0.5
        kept[rng.integers(len(parts))] = True
        return [part for part, keep in zip(parts, kept, strict=True) if keep]

    def _ids(self, parts: list[str]) -> Int64[np.ndarray, " length"]:
        length = self._part.network.length
        said = [token for part in parts for token in self._tokens[part]][: length - 2]
        ids = [self._start, *said, self._end]
        return np.array(ids + [self._end] * (length - len(ids)), np.int64)

    def _image(self, position: int, rng: np.random.Generator) -> UInt8[np.ndarray, "h w 3"]:
        index = self._indices[position]
        image = self._dataset[index].image if self._kept is None else self._kept[position]
        settings, side = self._part.training, self._part.network.image_size
        if self._cut and min(image.shape[:2]) >= side:
            y, x = (int(rng.integers(length - side + 1)) for length in image.shape[:2])
            square = image[y : y + side, x : x + side]
        else:
            square = squared(image, side)
        scale = rng.uniform(1 - settings.stain_scale, 1 + settings.stain_scale, 3)
        shift = rng.uniform(-settings.stain_shift, settings.stain_shift, 3)
        if settings.stain_scale or settings.stain_shift:
            square = jitter_stains(square, scale, shift)
        return orient(square, int(rng.integers(ORIENTATIONS)))


def clauses(caption: str) -> list[str]:
    """Split a caption after its punctuation.

    >>> clauses("H&E, fibrous stroma; low cellularity.")
    ['H&E,', 'fibrous stroma;', 'low cellularity.']
    """
    return re.split(r"(?<=[,;.:])\s+", caption.strip())


def squared(image: UInt8[np.ndarray, "h w 3"], side: int) -> UInt8[np.ndarray, "side side 3"]:
    """Resize the shorter side by PIL's bicubic filter, and cut out the centre, as CLIP's preprocessing does."""
    from PIL import Image

    h, w = image.shape[:2]
    short = min(h, w)
    resized = Image.fromarray(image).resize((side * w // short, side * h // short), Image.Resampling.BICUBIC)
    left, top = ((length - side) // 2 for length in resized.size)
    return np.asarray(resized.crop((left, top, left + side, top + side)))


def _plain(clause: str) -> str:
    return clause.strip(" ,;.:").lower()
