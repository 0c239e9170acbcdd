"""Stage *features*: the features of images in an encoder."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np
from jaxtyping import Float, Int, UInt8

from bench.contract import Dataset, Sample
from bench.digest import digest, write_json
from bench.engine.context import Run
from bench.engine.session import Session
from bench.engine.step import Step
from bench.errors import DataError
from bench.formats.parallel import ordered_map
from bench.stages.patches import Window, random_windows
from bench.synthetic import SyntheticSet

_BATCH = 64


class Features(NamedTuple):
    """Features of images, one row per image, with the slide or patient of each image and a unique name."""

    values: Float[np.ndarray, "n d"]
    groups: Sequence[str]
    names: Sequence[str]

    def take(self, rows: Int[np.ndarray, " k"]) -> Features:
        """Return some of the images, in the order given."""
        return Features(self.values[rows], [self.groups[i] for i in rows], [self.names[i] for i in rows])


class Image(NamedTuple):
    """One image to embed, its slide or patient, and its name."""

    pixels: UInt8[np.ndarray, "h w 3"]
    group: str
    name: str


class Embedding(Protocol):
    """Turns a batch of images into features."""

    def images(self, batch: UInt8[np.ndarray, "n h w 3"]) -> Float[np.ndarray, "n d"]:
        """Return the features of images, which do not depend on how the images are batched."""
        ...


class Extractor(Protocol):
    """A source of features: an encoder's handle, or :class:`Colours`."""

    @property
    def name(self) -> str:
        """The name as it is shown to users."""
        ...

    @property
    def identity(self) -> str:
        """Everything that the features depend on, except the images."""
        ...

    @property
    def version(self) -> int:
        """Version of the code that computes the features."""
        ...

    def load(self, device: str) -> Embedding:
        """Return it, loaded on a device."""
        ...


class Colours:
    """The colour features of `metrics.colour` instead of an encoder's: only stain and colour, no structure."""

    name: ClassVar[str] = "colour"
    identity: ClassVar[str] = "colour: mean and SD of optical density in R, G, B, H, E (metrics.colour, version 1)"
    version: ClassVar[int] = 1

    def load(self, device: str) -> Embedding:
        """Return itself: it needs no device."""
        return self

    def images(self, batch: UInt8[np.ndarray, "n h w 3"]) -> Float[np.ndarray, "n d"]:
        """Return ten features per image."""
        from metrics.colour import colour_features

        return np.stack([colour_features(image) for image in batch])


class Images(Protocol):
    """Images to embed; picklable."""

    @property
    def title(self) -> str:
        """A description for users."""
        ...

    @property
    def config(self) -> Mapping[str, Any]:
        """How the images are cut, for a key."""
        ...

    @property
    def inputs(self) -> Mapping[str, str]:
        """Digests of the data that the images are cut from, for a key."""
        ...

    def __len__(self) -> int: ...

    def read(self, context: Run) -> Iterable[Image]:
        """Yield the images in order."""
        ...


@dataclass(frozen=True)
class RealPatches:
    """`n` random patches of a split, spread evenly over its tiles."""

    data: Dataset
    n: int
    patch: int

    @property
    def title(self) -> str:
        """The number of patches and their split."""
        return f"{self.n} real patches of {self.data.info.split}"

    @property
    def config(self) -> dict[str, Any]:
        """Size and number of the patches."""
        return {"patch": self.patch, "n": self.n}

    @property
    def inputs(self) -> dict[str, str]:
        """The split's digest."""
        return {"images": self.data.digest}

    def __len__(self) -> int:
        return self.n

    def read(self, context: Run) -> Iterator[Image]:
        """Yield the patches, tile by tile."""
        # a caption may have no image
        shown = [index for index, record in enumerate(self.data.records) if record.height]
        return map(_image, random_windows(self.data, shown, self.n, self.patch, context.seed))


@dataclass(frozen=True)
class SetImages:
    """All images of a synthetic set."""

    made: SyntheticSet

    @property
    def title(self) -> str:
        """Their number."""
        return f"{len(self.made)} images"

    @property
    def config(self) -> dict[str, Any]:
        """Empty: the images are used whole."""
        return {}

    @property
    def inputs(self) -> dict[str, str]:
        """The set's digest."""
        return {"images": self.made.digest}

    def __len__(self) -> int:
        return len(self.made)

    def read(self, context: Run) -> Iterator[Image]:
        """Yield the decoded images."""
        # groups and ids first, so that the metadata is read before worker threads need it
        said = zip(self.made.groups, self.made.ids, strict=True)
        decoded = ordered_map(self.made.image, range(len(self.made)), context.threads)
        return (Image(pixels, group, name) for pixels, (group, name) in zip(decoded, said, strict=True))


@dataclass(frozen=True)
class SourcePatches:
    """Training patches that a set's images derive from or show, each window (source, y, x, symmetry) once.

    The patch is turned by the symmetry, as the image that shows it is.
    """

    train: Dataset
    windows: tuple[tuple[str, int, int, int], ...]
    size: int

    @property
    def title(self) -> str:
        """Their number."""
        return f"{len(self.windows)} training patches behind them"

    @property
    def config(self) -> dict[str, Any]:
        """The windows."""
        return {"windows": digest(self.windows), "size": self.size}

    @property
    def inputs(self) -> dict[str, str]:
        """The training split's digest."""
        return {"images": self.train.digest}

    def __len__(self) -> int:
        return len(self.windows)

    def read(self, context: Run) -> Iterator[Image]:
        """Yield the patches, source by source.

        Raises:
            DataError: a window extends beyond its source.
        """
        places = {name: index for index, name in enumerate(self.train.ids)}
        for source, of_tile in itertools.groupby(self.windows, key=lambda window: window[0]):
            tile: Sample = self.train[places[source]]
            for _, y, x, symmetry in of_tile:
                image = _image(Window(tile, y, x, self.size))
                if image.pixels.shape[:2] != (self.size, self.size):
                    got = f"one at row {y}, column {x}"
                    raise DataError(f"A window of {self.size} px extends beyond {source}", got=got)
                yield image if not symmetry else _turned(image, symmetry)


@dataclass(frozen=True, kw_only=True, eq=False)
class Embed(Step):
    """Compute the features of images, one row per image with its group and name."""

    stage: ClassVar[str] = "features"
    version: ClassVar[int] = 2

    extractor: Extractor
    images: Images

    @property
    def config(self) -> dict[str, Any]:
        """The encoder's identity, and how images are cut."""
        return {"encoder": self.extractor.identity, **self.images.config}

    @property
    def inputs(self) -> Mapping[str, str]:
        """Digests of the data that the images are cut from."""
        return self.images.inputs

    @property
    def versions(self) -> dict[str, int]:
        """Version of the encoder."""
        return {"encoder": self.extractor.version}

    def run(self, folder: Path, context: Run) -> None:
        """Read the images batch by batch and write their features."""
        embedding = self.extractor.load(context.device)
        parts: list[np.ndarray] = []
        seen: list[tuple[str, str]] = []
        stream = iter(self.images.read(context))
        with context.progress("embed", len(self.images), unit="image") as progress:
            while batch := list(itertools.islice(stream, _BATCH)):
                parts.append(embedding.images(np.stack([image.pixels for image in batch])))
                seen.extend((image.group, image.name) for image in batch)
                progress.advance(len(batch))
        np.save(folder / "features.npy", np.concatenate(parts))
        groups, names = zip(*seen, strict=True)
        write_json(folder / "images.json", {"groups": groups, "names": names})


def embed_step(session: Session, extractor: Extractor, images: Images) -> Embed:
    """Return the step that embeds images."""
    title = f"{extractor.name}, {images.title}"
    return Embed(place=session.torch, title=title, extractor=extractor, images=images)


def read_features(path: Path) -> Features:
    """Return the features that :class:`Embed` wrote."""
    images = json.loads((path / "images.json").read_text(encoding="utf-8"))
    return Features(np.load(path / "features.npy"), images["groups"], images["names"])


def _turned(image: Image, symmetry: int) -> Image:
    from metrics.window_search import turned

    return Image(np.ascontiguousarray(turned(image.pixels, symmetry)), image.group, f"{image.name} turned {symmetry}")


def _image(window: Window) -> Image:
    name = f"{window.sample.id} {window.y} {window.x} {window.size}"
    return Image(window.image, window.sample.group, name)


class Patch(NamedTuple):
    """The window of a sample that a name of :class:`RealPatches` or :class:`SourcePatches` says, and how it is turned.

    >>> Patch.named("t3 4 8 32"), Patch.named("t3 4 8 32 turned 1").symmetry
    (Patch(sample='t3', y=4, x=8, size=32, symmetry=0), 1)
    """

    sample: str
    y: int
    x: int
    size: int
    symmetry: int

    @classmethod
    def named(cls, name: str) -> Patch:
        """Return what a name says."""
        whole, _, symmetry = name.partition(" turned ")
        sample, y, x, size = whole.rsplit(" ", 3)
        return cls(sample, int(y), int(x), int(size), int(symmetry or 0))

    def pixels(self, data: Dataset) -> UInt8[np.ndarray, "h w 3"]:
        """Return the pixels of the patch of a split."""
        image = _image(Window(data[list(data.ids).index(self.sample)], self.y, self.x, self.size))
        return (_turned(image, self.symmetry) if self.symmetry else image).pixels
