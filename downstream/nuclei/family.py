"""What distinguishes one nucleus network from another: its module, targets, losses and post-processing."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
from jaxtyping import Bool, Float32
from torch import Tensor, nn

from bench.contract import DatasetInfo, SampleRecord, TrainingMix
from bench.training import load_weights
from downstream.augment import colour
from downstream.nuclei.decoder import Decoder
from downstream.nuclei.settings import NucleusSettings, Phase
from downstream.patches import Patch
from downstream.tiles import Windows


class Sizes(NamedTuple):
    """Sides in pixels of the input and output during training, and how far labels extend beyond the input."""

    patch: int
    output: int
    context: int


class Subject(NamedTuple):
    """What a network is trained for: names of the nucleus classes 1..C, names of the tissues, micrometres per pixel."""

    classes: tuple[str, ...]
    tissues: tuple[str, ...]
    mpp: float

    @classmethod
    def of(cls, info: DatasetInfo) -> Subject:
        """Return what a network is trained for on a dataset."""
        return cls(tuple(info.classes), tuple(info.tissues), info.mpp)


class Family(ABC):
    """A kind of network with its settings, for one dataset; made again in every process that needs it.

    `numbers` are what :meth:`measure` returned for the real training data; they are stored next to the weights.
    """

    name: ClassVar[str]
    """Its name in training curves."""
    release: ClassVar[str] = ""
    """The name by which `downstream.released` knows its released weights; empty if none are released."""

    def __init__(self, config: NucleusSettings, subject: Subject, numbers: Mapping[str, Any]) -> None:
        self.config, self.subject, self.numbers = config, subject, numbers

    @staticmethod
    def measure(mix: TrainingMix) -> dict[str, Any]:
        """Return JSON numbers of the *real* training data that losses depend on, such as pixels per class."""
        return {}

    @staticmethod
    def oversampling(config: NucleusSettings, records: Sequence[SampleRecord]) -> Float32[np.ndarray, " n"] | None:
        """Return how often each real tile is drawn, relative to its area; None draws in proportion to area."""
        return None

    @property
    @abstractmethod
    def sizes(self) -> Sizes:
        """Return the sizes of the network during training."""

    @abstractmethod
    def build(self) -> nn.Module:
        """Return the network with random weights drawn from torch's global generator.

        It takes uint8 images (n, h, w, 3) and returns float tensors by name. `features(images)` returns the last
        layer that its branches share, (n, d, p, q).
        """

    def start(self, network: nn.Module) -> bool:
        """Load the weights that training starts from, and return whether the encoder has trained weights.

        An encoder with random weights is never frozen. This default loads all layers from `pretrained`.
        """
        if self.config.pretrained is None:
            return False
        load_weights(self.config.pretrained, network)
        return True

    @property
    def release_settings(self) -> dict[str, Any]:
        """Return the settings of `downstream.released.load` that the released weights must fit."""
        return {}

    @abstractmethod
    def encoder(self, network: nn.Module) -> Sequence[nn.Module]:
        """Return the modules that are frozen together with the encoder."""

    def augment(self, patch: Patch, rng: np.random.Generator) -> Patch:
        """Change a patch that was cut, turned and flipped, without changing its sizes.

        This default changes colours, as HoVer-Net's release does. Only real tiles that are larger than a patch are
        rotated and scaled, when they are cut; see :class:`downstream.patches.PatchStream`.
        """
        return patch._replace(image=colour(patch.image, rng, self.config.augmentation))

    @abstractmethod
    def targets(self, patch: Patch) -> dict[str, np.ndarray]:
        """Return the targets of one patch by name; the protocol stacks those of a batch and adds `images`.

        Called in the processes that load data. Where the nuclei have no types, `patch.typed` is False.
        """

    @abstractmethod
    def loss(
        self, output: Mapping[str, Tensor], batch: Mapping[str, Tensor], typed: Bool[Tensor, " n"] | None, phase: Phase
    ) -> dict[str, Tensor]:
        """Return the weighted sum under `loss`, and the terms by name.

        `typed` says which patches have types, None if all have; the others teach the type branch nothing.
        """

    @abstractmethod
    def maps(self, output: Mapping[str, Tensor]) -> Float32[Tensor, "n c p q"]:
        """Return what the decoder needs of the network's output, as one stack of maps."""

    @property
    @abstractmethod
    def decoder(self) -> Decoder:
        """Return what converts the maps of a whole image to nuclei with types."""

    @abstractmethod
    def windows(self, height: int, width: int) -> tuple[Windows, Windows, int]:
        """Return how the rows and columns of an image are cut, and how many windows are predicted at a time."""
