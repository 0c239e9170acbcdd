"""The contracts: what flows between datasets, methods, downstream networks and encoders.

This module is the ground floor: it imports the standard library, numpy, jaxtyping and pydantic alone, and
every other package may import it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float32, Int32, UInt8
from pydantic import BaseModel, ConfigDict

from bench.errors import SealError

Task = Literal["nuclei", "tissue", "text", "pool"]


class Settings(BaseModel):
    """Base of every configuration model: unknown keys are refused, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True)
class DatasetInfo:
    """What is known of a dataset without reading its images.

    `classes[i]` names nucleus class `i + 1` (0 is background); `labels[i]` names image-level class `i`.
    `rare` are the nucleus class ids that balancing methods favour. `mpp` is micrometres per pixel. `tissues` are
    the names of the tissues that samples are known to show, sorted.
    """

    name: str
    split: str
    task: Task
    classes: tuple[str, ...]
    labels: tuple[str, ...]
    mpp: float
    rare: tuple[int, ...] = ()
    tissues: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sample:
    """One real or synthetic tile or patch.

    Instance ids are exactly 1..n; `types[i]` in 1..C is the class of instance `i + 1`. `group` is the slide
    or patient: the unit of splitting and of resampling. `ignore` marks pixels that no metric may count. A caption
    whose image is absent is a sample with an image of 0 x 0 pixels.
    """

    id: str
    image: UInt8[np.ndarray, "h w 3"]
    group: str
    mpp: float
    instances: Int32[np.ndarray, "h w"] | None = None
    types: UInt8[np.ndarray, " n"] | None = None
    label: int | None = None
    caption: str | None = None
    tissue: str | None = None
    ignore: Bool[np.ndarray, "h w"] | None = None


class SampleRecord(NamedTuple):
    """What is known of a sample without decoding its image.

    `nuclei[i]` is the number of nuclei of class `i + 1`; all 0 for a sample whose nuclei are unknown.
    """

    id: str
    group: str
    height: int
    width: int
    label: int | None
    caption: str | None
    tissue: str | None
    nuclei: tuple[int, ...]

    @classmethod
    def of(cls, sample: Sample, n_classes: int) -> SampleRecord:
        """Return the record of a sample that is in memory, of a dataset with `n_classes` classes of nuclei."""
        height, width = sample.image.shape[:2]
        nuclei = count_nuclei(sample.types, n_classes)
        return cls(sample.id, sample.group, height, width, sample.label, sample.caption, sample.tissue, nuclei)


def count_nuclei(types: UInt8[np.ndarray, " n"] | None, n_classes: int) -> tuple[int, ...]:
    """Return the number of nuclei of each class 1..`n_classes`, 0 where there are no types.

    >>> count_nuclei(np.array([3, 1, 3], np.uint8), 4)
    (1, 0, 2, 0)
    """
    if types is None:
        return (0,) * n_classes
    return tuple(np.bincount(types, minlength=n_classes + 1)[1:].tolist())


@runtime_checkable
class Dataset(Protocol):
    """A read-only sequence of samples of one split; what is cheap is known without decoding an image."""

    @property
    def info(self) -> DatasetInfo:
        """What is known of the dataset as a whole."""
        ...

    @property
    def ids(self) -> Sequence[str]:
        """Sample ids, in order."""
        ...

    @property
    def groups(self) -> Sequence[str]:
        """The group of each sample, in order."""
        ...

    @property
    def records(self) -> Sequence[SampleRecord]:
        """What is known of each sample without decoding its image, in order."""
        ...

    @property
    def digest(self) -> str:
        """Hash of decoded pixels and labels: equal digests mean equal data."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Sample: ...


@dataclass(frozen=True, kw_only=True)
class Condition:
    """What a synthetic patch is to show, with its own provenance.

    `sources` maps a role of data ("train", "text", "pool") to the id of the sample there that it derives from; it is
    empty where it derives from none. `crop` is the (y, x) of its window in the source of role "train", in pixels of
    that sample. `kind` says how it came about ("copy", "balancing", "enlarging", "class", ...); `recipe` holds
    whatever is needed to make it again (JSON values only).
    """

    id: str
    kind: str
    seed: int
    instances: Int32[np.ndarray, "h w"] | None = None
    types: UInt8[np.ndarray, " n"] | None = None
    label: int | None = None
    caption: str | None = None
    tissue: str | None = None
    sources: Mapping[str, str] = field(default_factory=dict)
    crop: tuple[int, int] | None = None
    recipe: dict[str, Any] = field(default_factory=dict)


class Part(NamedTuple):
    """Something that is trained once and shared by every method that lists an equal part.

    `reads` are roles of data ("train", "text", "pool"); `needs` the names of parts it builds on; `config` all
    that its weights depend on.
    """

    name: str
    reads: frozenset[str]
    needs: tuple[str, ...]
    config: BaseModel


class Progress(Protocol):
    """A running count of one long piece of work."""

    def advance(self, n: int = 1, **values: float) -> None:
        """Count `n` more units, with the newest values to show (loss, learning rate, ...)."""
        ...


class RunContext(Protocol):
    """What a part, a renderer or a network is given to run with; free of torch types."""

    @property
    def seed(self) -> int:
        """The seed of this piece of work; every random generator derives from it."""
        ...

    @property
    def device(self) -> str:
        """Device kind: `cpu`, `cuda` or `mps`."""
        ...

    @property
    def precision(self) -> str:
        """Fabric's name of the precision: `32-true`, `bf16-mixed`, `16-mixed`."""
        ...

    @property
    def threads(self) -> int:
        """Threads that numerical libraries may use."""
        ...

    @property
    def workers(self) -> int:
        """Processes that may load data beside the training process; results never depend on it."""
        ...

    @property
    def folder(self) -> Path:
        """Where this piece of work keeps its files; what lies in the subfolder `chunks` is gone when it is done."""
        ...

    def derive(self, *scope: str | int) -> int:
        """Return a 63-bit seed that depends on the run's seed and the scope alone."""
        ...

    def rng(self, *scope: str | int) -> np.random.Generator:
        """Return a generator seeded by `derive(*scope)`."""
        ...

    def progress(
        self, stage: str, total: int, *, done: int = 0, unit: str = "step"
    ) -> AbstractContextManager[Progress]:
        """Show the progress of a stage of `total` units of which `done` are done already."""
        ...

    def curve(self, name: str, step: int, value: float) -> None:
        """Record a point of a training curve; recording a step again replaces it."""
        ...


@runtime_checkable
class Method(Protocol):
    """Turns a real training set into a synthetic set.

    A class of this shape is registered in the entry-point group `bench.methods` and made with its
    configuration: `cls(cls.Config(...))`. The module that holds it must import without torch.

    A method whose `render` can show a label map that derives from no training sample (a condition without `sources`)
    says so by the attribute `draws_any_mask = True`; its faithfulness is then measured on test masks. One whose every
    call of `render` is dear says by the attribute `chunk` how many conditions it is given at once; 32 else. One that
    starts from files has `check()`, which is called before any work and raises a `BenchError` where they do not fit.
    """

    Config: ClassVar[type[BaseModel]]
    conditions: ClassVar[frozenset[str]]  # subset of {"mask", "text", "class"}
    roles: ClassVar[frozenset[str]]  # data it reads: "train", and "text", "pool", "fresh" where it needs them
    ratio: float  # synthetic : real of the training mix; 0 adds nothing (the baseline)
    config: BaseModel

    def parts(self) -> Sequence[Part]:
        """List what must be trained, in order."""
        ...

    def fit(
        self, part: Part, data: Mapping[str, Dataset], fitted: Mapping[str, Path], out: Path, run: RunContext
    ) -> None:
        """Train one part into the folder `out`; called again after a kill, goes on from its checkpoint there."""
        ...

    def plan(self, data: Mapping[str, Dataset], n: int, rng: np.random.Generator) -> Iterator[Condition]:
        """Decide what `n` synthetic patches show."""
        ...

    def render(
        self,
        conditions: Sequence[Condition],
        data: Mapping[str, Dataset],
        fitted: Mapping[str, Path],
        run: RunContext,
    ) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        """Draw one image a condition, in order; a pure function of conditions, weights and the run's seed."""
        ...


@dataclass(frozen=True)
class TrainingMix:
    """One training-set composition (an arm): real tiles and, beside them, synthetic patches.

    `fraction` is the share of synthetic patches in the stream of training patches, ratio / (1 + ratio).

    Raises:
        SealError: the synthetic set is sealed for evaluation: it shows what test images hold.
    """

    real: Dataset
    synthetic: Dataset | None = None
    fraction: float = 0.0

    def __post_init__(self) -> None:
        """Refuse sets that no network may be trained on; a dataset without the attribute `use` is one of no such."""
        for dataset in (self.real, self.synthetic):
            use = getattr(dataset, "use", "training")
            if use != "training":
                raise SealError(
                    "expected data to train on",
                    got=f"a set sealed for {use}",
                    fix="train on a set that `bench run` made of training data",
                )


@dataclass(frozen=True)
class Budget:
    """How long every arm trains: `steps` optimiser steps, or that many epochs of its own training mix."""

    unit: Literal["steps", "epochs"]
    amount: int


@dataclass(frozen=True)
class Prediction:
    """What a downstream network says of one image.

    Nuclei: `instances` (ids exactly 1..n), `types` (0 where no class won) and `foreground`, the nucleus
    pixels before they are separated. Tissue: `scores`, class probabilities.
    """

    instances: Int32[np.ndarray, "h w"] | None = None
    types: UInt8[np.ndarray, " n"] | None = None
    foreground: Bool[np.ndarray, "h w"] | None = None
    scores: Float32[np.ndarray, " c"] | None = None


@runtime_checkable
class Downstream(Protocol):
    """A network that is trained on an arm and tested on real images; entry-point group `bench.downstream`.

    One that starts from weights has `requirement()`, which returns a :class:`Requirement` or None and is asked before
    any work, and may have `with_weights(folder)`, which returns the network with what it finds in the folder.
    """

    Config: ClassVar[type[BaseModel]]
    task: ClassVar[Task]
    config: BaseModel

    def fit(self, train: TrainingMix, budget: Budget, out: Path, run: RunContext) -> None:
        """Train into the folder `out`; called again after a kill, goes on from its checkpoint there."""
        ...

    def predict(
        self, images: Iterable[UInt8[np.ndarray, "h w 3"]], checkpoint: Path, run: RunContext
    ) -> Iterator[Prediction]:
        """Predict images of any size, in order."""
        ...

    def features(
        self, images: Iterable[UInt8[np.ndarray, "h w 3"]], checkpoint: Path, run: RunContext
    ) -> Float32[np.ndarray, "n d"]:
        """Return one feature vector an image, from the network's last shared layer."""
        ...


@dataclass(frozen=True)
class Requirement:
    """Weights (or another file) that something needs: what it is, where to get it, what setting points to it."""

    name: str
    setting: str
    source: str
    size: str
    path: Path | None = None
    found: bool = False
    reason: str = field(default="")


@runtime_checkable
class Encoder(Protocol):
    """A feature extractor; entry-point group `bench.encoders`."""

    @property
    def identity(self) -> str:
        """Hash of the weights and name of the preprocessing: rows of different identity share no column."""
        ...

    def images(self, batch: UInt8[np.ndarray, "n h w 3"]) -> Float32[np.ndarray, "n d"]:
        """Embed images; the result does not depend on how they are batched."""
        ...

    def texts(self, captions: Sequence[str]) -> Float32[np.ndarray, "n d"]:
        """Embed captions."""
        ...
