"""Stage *features*: images in an encoder's eyes. They are read once for all encoders that have not seen them yet."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np
from jaxtyping import Float, Int, UInt8

from bench.contract import Dataset, Sample
from bench.digest import digest, write_json
from bench.engine.context import Run
from bench.engine.job import Finished
from bench.engine.session import Session
from bench.errors import DataError
from bench.formats.parallel import ordered_map
from bench.stages.patches import Window, random_windows
from bench.synthetic import SyntheticSet

_BATCH = 64


class Features(NamedTuple):
    """Features of images, one row each, with the slide or patient of each and a name that no other image has."""

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
        """Embed images; the result does not depend on how they are batched."""
        ...


class Extractor(Protocol):
    """What features can be asked for by: an encoder's handle, or :class:`Colours`."""

    @property
    def name(self) -> str:
        """Name for people."""
        ...

    @property
    def identity(self) -> str:
        """Everything that the features depend on but the images."""
        ...

    def load(self, device: str) -> Embedding:
        """Make it ready on a device."""
        ...


class Colours:
    """The colour features of `metrics.colour` in the place of an encoder's: stain and colour alone, no structure."""

    name: ClassVar[str] = "colour"
    identity: ClassVar[str] = "colour: mean and SD of optical density in R, G, B, H, E (metrics.colour, version 1)"

    def load(self, device: str) -> Embedding:
        """Return itself: it needs no device."""
        return self

    def images(self, batch: UInt8[np.ndarray, "n h w 3"]) -> Float[np.ndarray, "n d"]:
        """Compute ten features an image."""
        from metrics.colour import colour_features

        return np.stack([colour_features(image) for image in batch])


@dataclass(frozen=True)
class Images:
    """Images to embed: `config` and `inputs` name them in the key of a job, `read` yields them."""

    title: str
    n: int
    config: Mapping[str, Any]
    inputs: Mapping[str, str]
    read: Callable[[Run], Iterable[Image]]


def real_images(real: Dataset, n: int, patch: int) -> Images:
    """Describe `n` random patches of a split, spread evenly over its tiles."""

    def read(run: Run) -> Iterator[Image]:
        shown = [index for index, record in enumerate(real.records) if record.height]  # a caption may have no image
        return map(_image, random_windows(real, shown, n, patch, run.seed))

    title = f"{n} real patches of {real.info.split}"
    return Images(title, n, {"patch": patch, "n": n}, {"images": real.digest}, read)


def synthetic_images(synthetic: SyntheticSet) -> Images:
    """Describe all images of a set."""

    def read(run: Run) -> Iterator[Image]:
        # groups and ids first: worker threads then find the metadata read
        said = zip(synthetic.groups, synthetic.ids, strict=True)
        decoded = ordered_map(synthetic.image, range(len(synthetic)), run.threads)
        return (Image(pixels, group, name) for pixels, (group, name) in zip(decoded, said, strict=True))

    return Images(f"{len(synthetic)} images", len(synthetic), {}, {"images": synthetic.digest}, read)


def source_images(synthetic: SyntheticSet, train: Dataset) -> Images | None:
    """Describe the training patches that a set's images derive from, each window once; None where there are none."""
    windows = sorted({(line.tile, *line.crop) for line in synthetic.metadata if line.tile and line.crop is not None})
    if not windows:
        return None
    size = synthetic.records[0].height

    def read(run: Run) -> Iterator[Image]:
        places = {name: index for index, name in enumerate(train.ids)}
        for source, of_tile in itertools.groupby(windows, key=lambda window: window[0]):
            tile: Sample = train[places[source]]
            for _, y, x in of_tile:
                image = _image(Window(tile, y, x, size))
                if image.pixels.shape[:2] != (size, size):
                    raise DataError(f"expected windows of {size} px inside {source}", got=f"one at row {y}, column {x}")
                yield image

    title = f"{len(windows)} training patches behind them"
    config = {"windows": digest(windows), "size": size}
    return Images(title, len(windows), config, {"images": train.digest}, read)


def embed(session: Session, extractors: Sequence[Extractor], images: Images) -> dict[str, Features]:
    """Return the features of some images by the name of their extractor.

    Each extractor's are a job of their own. Those that are not in the store are all made in one pass over the images,
    so that each image is read and decoded once; their networks are in memory together.
    """
    jobs = {
        extractor.name: session.torch(
            "features",
            {"encoder": extractor.identity, **images.config},
            images.inputs,
            f"{extractor.name}, {images.title}",
        )
        for extractor in extractors
    }
    finished: dict[str, Finished] = {}
    missing: dict[str, tuple[Embedding, Path]] = {}

    def descend(rest: Sequence[Extractor], run: Run | None) -> None:
        """Open the jobs one within the other; the innermost reads the images for all that are open."""
        if not rest:
            if run is not None:
                _embed(images, missing, run)
            return
        extractor, entered = rest[0], False

        def work(folder: Path, inside: Run) -> None:
            nonlocal entered
            entered = True
            missing[extractor.name] = extractor.load(inside.device), folder
            descend(rest[1:], inside)

        finished[extractor.name] = session.do(jobs[extractor.name], work, within=True)
        if not entered:
            descend(rest[1:], run)

    # one order in every process, so that none waits for a job that waits for its own
    descend(sorted(extractors, key=lambda extractor: jobs[extractor.name].key), None)
    return {name: _read(finished[name].path) for name in jobs}


def _embed(images: Images, missing: Mapping[str, tuple[Embedding, Path]], run: Run) -> None:
    parts: dict[str, list[np.ndarray]] = {name: [] for name in missing}
    seen: list[tuple[str, str]] = []
    stream = iter(images.read(run))
    with run.progress("embed", images.n, unit="image") as progress:
        while batch := list(itertools.islice(stream, _BATCH)):
            pixels = np.stack([image.pixels for image in batch])
            seen.extend((image.group, image.name) for image in batch)
            for name, (embedding, _) in missing.items():
                parts[name].append(embedding.images(pixels))
            progress.advance(len(batch))
    for name, (_, folder) in missing.items():
        np.save(folder / "features.npy", np.concatenate(parts[name]))
        groups, names = zip(*seen, strict=True)
        write_json(folder / "images.json", {"groups": groups, "names": names})


def _image(window: Window) -> Image:
    name = f"{window.sample.id} {window.y} {window.x} {window.size}"
    return Image(window.image, window.sample.group, name)


def _read(path: Path) -> Features:
    images = json.loads((path / "images.json").read_text(encoding="utf-8"))
    return Features(np.load(path / "features.npy"), images["groups"], images["names"])
