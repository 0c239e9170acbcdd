"""The contracts between datasets, methods, downstream networks and encoders.

This module is on the ground floor: it imports the standard library, numpy, jaxtyping and pydantic only, and
every package but `metrics` may import it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple, Protocol, Self

import numpy as np
from jaxtyping import Bool, Float32, Int32, Int64, UInt8
from pydantic import BaseModel, ConfigDict

from bench.context import Progress as Progress
from bench.context import Ranks as Ranks
from bench.context import RunContext as RunContext
from bench.errors import JobError, SealError
from bench.samples import Dataset as Dataset
from bench.samples import DatasetInfo as DatasetInfo
from bench.samples import Sample as Sample
from bench.samples import SampleRecord as SampleRecord
from bench.samples import Task as Task
from bench.samples import count_nuclei as count_nuclei
from bench.weights import Weights as Weights


class Settings(BaseModel):
    """Base of every configuration model: unknown keys are refused, and values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, kw_only=True)
class Condition:
    """What a synthetic patch must show, with its provenance.

    `sources` maps a role of data ("train", "text", "pool") to the id of the sample there that it derives from; it is
    empty if it derives from none. `crop` is the (y, x) of its window in the source of role "train", in pixels of
    that sample. `kind` says how it was made ("copy", "balancing", "enlarging", "class", ...); `recipe` contains
    everything that is needed to make it again (JSON values only).
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

    `reads` are roles of data ("train", "text", "pool"), also optional ones; `needs` the names of parts that it builds
    on; `config` all settings that its weights depend on. `batch` is the number of samples of each batch, if several
    devices may share it: `bench.training.train` trains the part, and its loss is a mean over the samples of a batch.
    """

    name: str
    reads: frozenset[str]
    needs: tuple[str, ...]
    config: BaseModel
    batch: int = 0

    @property
    def divides(self) -> bool:
        """Whether several devices may share its batches."""
        return self.batch > 0


class Trainer(Protocol):
    """Trains parts: a method, or an encoder that a run trains itself."""

    def fit(
        self, part: Part, data: Mapping[str, Dataset], fitted: Mapping[str, Path], out: Path, run: RunContext
    ) -> None:
        """Train one part into the folder `out`; called again after a kill, it continues from its checkpoint there."""
        ...


class Selection(Protocol):
    """How the set of one arm is chosen from a pool; methods add their own settings."""

    @property
    def ratio(self) -> float:
        """Synthetic : real of the training mix."""
        ...

    @property
    def title(self) -> str:
        """Its name in tables."""
        ...

    @property
    def chooses(self) -> bool:
        """Whether images are chosen by their content."""
        ...

    def model_dump(self, *, mode: str) -> dict[str, Any]:
        """Return its settings as JSON values."""
        ...


class Chosen(Protocol):
    """The result of `choose`: rows of the pool, and how many of each class were acceptable."""

    @property
    def indices(self) -> Int64[np.ndarray, " k"]:
        """Chosen rows of the pool, class by class, in order of preference."""
        ...

    @property
    def accepted(self) -> Int64[np.ndarray, " c"]:
        """The number of acceptable candidates of each class."""
        ...

    @property
    def candidates(self) -> Int64[np.ndarray, " c"]:
        """The number of candidates of each class."""
        ...

    @property
    def acceptance(self) -> float:
        """The share of the candidates that was acceptable, as a mean over classes."""
        ...


class MethodBase(ABC):
    """Base of methods: turns a real training set into a synthetic set.

    A subclass is registered in the entry-point group `bench.methods` and made with its configuration,
    `cls(cls.Config(...))`. Its module must import without torch. What a subclass
    does not define has the defaults of this class.
    """

    Config: ClassVar[type[BaseModel]]

    version: ClassVar[int] = 1
    """Raised by hand when the method's numbers change; see :func:`bench.plugin_version.version_of`."""
    conditions: frozenset[str] = frozenset()
    """The labels that its images show: a subset of {"mask", "text", "class"}."""
    roles: frozenset[str] = frozenset({"train"})
    """Roles of the data that it reads: "train", and "text", "pool" or "fresh" if it needs them."""
    optional_roles: frozenset[str] = frozenset()
    """Roles of data that it reads if the run has them, such as "mask"; `data` lacks them otherwise."""
    chunk: int = 32
    """The number of conditions per call of `render`; part of the key, since the last bits of images depend on it."""
    reads_classes: bool = False
    """Whether it reads the classes of nuclei; then it does not run on a dataset whose nuclei have none."""
    reads_rare: bool = False
    """Whether it reads which classes of nuclei are rare; then it does not run on a dataset that does not name them."""
    draws_any_mask: bool = False
    """Whether `render` can draw a label map that derives from no training sample.

    If so, its faithfulness is measured on test masks.
    """
    draws_any_caption: bool = False
    """Whether `render` can draw a caption that derives from no sample that it reads.

    If so, images of test captions are compared with test images.
    """
    first_stage: str = ""
    """The part that holds the autoencoder whose latents it decodes; empty if it decodes none.

    If so, reconstructions of test images are compared with these images.
    """
    ratio: float
    """Synthetic : real of the training mix; 0 adds nothing (the baseline)."""
    config: BaseModel

    @property
    def selections(self) -> Sequence[Selection]:
        """Return the selections, one per arm whose set is chosen from one pool; empty if every image is used."""
        return ()

    def candidates(self, **seen: Any) -> Any:
        """Return the real-only classifier's view of a pool, in the form that `choose` takes.

        `seen` contains the features `real` and `pool`, the classes `labels` and `target`, and the `confidence`.
        """
        raise JobError(f"{type(self).__name__} does not choose from a pool", got="no `candidates` of its own")

    def choose(self, selection: Any, seen: Any, quota: Int64[np.ndarray, " c"], rng: np.random.Generator) -> Chosen:
        """Choose `quota` images of each class by one of `selections`; `seen` is the result of `candidates`."""
        raise JobError(f"{type(self).__name__} does not choose from a pool", got="no `choose` of its own")

    def weights(self) -> Sequence[Weights]:
        """Return the files that the method starts from, each with the path at which it was found."""
        return ()

    def check(self) -> None:
        """Check, before any work, what else the method needs on this machine, such as a program.

        Raises:
            BenchError: something is missing or does not fit.
        """
        return

    def check_classes(self, nuclei: Sequence[str], labels: Sequence[str]) -> None:
        """Check, before any work, that the method can read the masks, and that its weights have the dataset's classes.

        Args:
            nuclei: names of the nucleus classes 1..C of the data whose masks it reads; empty if there are no masks.
            labels: names of the image-level classes.

        Raises:
            BenchError: their number or order differs.
        """
        return

    def parts(self) -> Sequence[Part]:
        """Return the parts that must be trained, in order."""
        return ()

    def fit(
        self, part: Part, data: Mapping[str, Dataset], fitted: Mapping[str, Path], out: Path, run: RunContext
    ) -> None:
        """Train one part into the folder `out`; called again after a kill, it continues from its checkpoint there."""
        raise JobError(
            f"{type(self).__name__} trains nothing",
            got=f"the part {part.name!r}",
            fix="define `fit` in a method that lists parts",
        )

    @abstractmethod
    def plan(self, data: Mapping[str, Dataset], n: int, rng: np.random.Generator) -> Iterator[Condition]:
        """Yield the conditions of `n` synthetic patches."""

    @abstractmethod
    def render(
        self,
        conditions: Sequence[Condition],
        data: Mapping[str, Dataset],
        fitted: Mapping[str, Path],
        run: RunContext,
    ) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        """Yield one image per condition, in order; a pure function of conditions, weights and the run's seed."""

    def reconstruct(
        self, images: Iterable[UInt8[np.ndarray, "h w 3"]], fitted: Mapping[str, Path], run: RunContext
    ) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        """Yield each image, encoded and decoded by the autoencoder of `first_stage`, the only part in `fitted`."""
        raise JobError(f"{type(self).__name__} decodes no latents", got="no `reconstruct` of its own")


@dataclass(frozen=True)
class TrainingMix:
    """One training-set composition (an arm): real tiles and synthetic patches.

    `fraction` is the share of synthetic patches in the stream of training patches, ratio / (1 + ratio). `validation`
    are real tiles that a protocol sets apart for choosing the checkpoint, such as a fold; they are never test images.

    Raises:
        SealError: the synthetic set is sealed for evaluation, because it shows the content of test images.
    """

    real: Dataset
    synthetic: Dataset | None = None
    fraction: float = 0.0
    validation: Dataset | None = None

    def __post_init__(self) -> None:
        """Refuse sets that no network may be trained on."""
        for dataset in (self.real, self.synthetic, self.validation):
            if dataset is not None and dataset.info.use != "training":
                raise SealError(
                    "No network may be trained on this set",
                    got=f"a set sealed for {dataset.info.use}",
                    fix="train on a set that `bench run` made of training data",
                )


@dataclass(frozen=True)
class Budget:
    """How long every arm trains.

    `steps` are optimiser steps. `epochs` are epochs of the arm's own mix, so larger sets train longer. `real-epochs`
    are epochs of the real-only arm, so all arms take the same number of steps.
    """

    unit: Literal["steps", "epochs", "real-epochs"]
    amount: int


@dataclass(frozen=True)
class Prediction:
    """A downstream network's prediction for one image.

    Nuclei: `instances` (ids exactly 1..n), `types` (0 where no class won) and `foreground`, the nucleus
    pixels before they are separated. Tissue: `scores`, class probabilities.
    """

    instances: Int32[np.ndarray, "h w"] | None = None
    types: UInt8[np.ndarray, " n"] | None = None
    foreground: Bool[np.ndarray, "h w"] | None = None
    scores: Float32[np.ndarray, " c"] | None = None


class Downstream(ABC):
    """Base of networks that are trained on an arm and tested on real images; entry-point group `bench.downstream`.

    A subclass is made with its configuration, `cls(cls.Config(...))`. Its module must import without torch.
    """

    Config: ClassVar[type[BaseModel]]
    task: ClassVar[Task]

    version: ClassVar[int] = 1
    """Raised by hand when the network's numbers change; see :func:`bench.plugin_version.version_of`."""
    config: BaseModel

    def weights(self) -> Sequence[Weights]:
        """Return the files that training starts from, each with the path at which it was found."""
        return ()

    @property
    def released(self) -> bool:
        """Whether it is a released network, which is tested as it is and trained on no arm."""
        return False

    @property
    def starts_from(self) -> str:
        """What training starts from, as rows say: "file" if it has found weights, otherwise "random"."""
        return "file" if any(one.found for one in self.weights()) else "random"

    def with_weights(self, folder: Path | None) -> Self:
        """Return the network with the weights in a folder; a network that uses none returns itself."""
        return self

    def steps(self, train: TrainingMix, budget: Budget) -> int:
        """Return about how many optimiser steps :meth:`fit` takes, for plans; records are read, but no images.

        This default counts each real image, and as many synthetic ones as the mix has, in batches of 16.
        """
        if budget.unit == "steps":
            return budget.amount
        fraction = train.fraction if budget.unit == "epochs" and train.fraction < 1 else 0.0
        return budget.amount * -(-round(len(train.real) / (1 - fraction)) // 16)

    def check_classes(self, nuclei: Sequence[str], labels: Sequence[str]) -> None:
        """Check, before any work, that weights which are not trained here have the classes of the dataset.

        Args:
            nuclei: names of the nucleus classes 1..C.
            labels: names of the image-level classes.

        Raises:
            BenchError: their number or order differs.
        """
        return

    @abstractmethod
    def fit(self, train: TrainingMix, budget: Budget, out: Path, run: RunContext) -> None:
        """Train into the folder `out`; called again after a kill, it continues from its checkpoint there."""

    @abstractmethod
    def predict(
        self, images: Iterable[UInt8[np.ndarray, "h w 3"]], checkpoint: Path, run: RunContext
    ) -> Iterator[Prediction]:
        """Yield the predictions for images of any size, in order."""

    @abstractmethod
    def features(
        self, images: Iterable[UInt8[np.ndarray, "h w 3"]], checkpoint: Path, run: RunContext
    ) -> Float32[np.ndarray, "n d"]:
        """Return one feature vector per image, from the network's last shared layer."""
