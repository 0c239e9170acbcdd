"""The encoder `caption-clip:SIZE`: a small CLIP that must first be trained, on the captions of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, get_args

from bench.contract import Dataset, Part, RunContext
from methods.text.config import MEAN, PART, SIZES, STD, CaptionEncoderPart, Size
from metrics.encoders.base import Training
from metrics.encoders.card import Recipe, TransformersNetwork
from metrics.encoders.described import DescribedEncoder
from metrics.encoders.pixels import Preprocessing
from metrics.encoders.weights import WeightsFile

NAME = "caption-clip"
_FILE = WeightsFile(
    encoder=PART,  # the folder's name
    file="model.safetensors",
    source="the folder `fit/…/caption-encoder` in the store of a run that trained it",
    size="a few MB",
    companions=("config.json", "vocab.json", "merges.txt"),
    claims=False,
)


@dataclass(frozen=True)
class CaptionTrainer:
    """Trains the part "caption-encoder" for an evaluation; methods that list an equal part share the result."""

    version: ClassVar[int] = 1

    def fit(
        self, part: Part, data: Mapping[str, Dataset], fitted: Mapping[str, Path], out: Path, run: RunContext
    ) -> None:
        """Train the encoder on the captioned images of the role "text"."""
        from methods.text.training import train_caption_encoder

        assert isinstance(part.config, CaptionEncoderPart)
        train_caption_encoder(part.config, data["text"], out, run)


class CaptionClip(DescribedEncoder):
    """Features of images and captions by the CLIP that a run trained on its own captions.

    Args:
        weights: the folder `caption-encoder` that the training wrote, or the output of the training that holds it.
        device: torch device name.
    """

    size: ClassVar[Size] = "smoke"

    @classmethod
    def with_argument(cls, argument: str) -> type[CaptionClip] | None:
        """Return the encoder of a size; None if the argument is the path of one that is trained."""
        sizes: dict[str, Size] = {size: size for size in get_args(Size)}
        return type(cls.__name__, (cls,), {"size": sizes[argument]}) if argument in sizes else None

    @classmethod
    def training(cls) -> Training:
        """Return the part, and what trains it."""
        return Training(SIZES[cls.size].part, CaptionTrainer())

    @classmethod
    def file(cls) -> WeightsFile:
        """Return the file of weights."""
        return _FILE

    @classmethod
    def recipe(cls) -> Recipe:
        """Return CLIP's preprocessing at the size of this network."""
        network = SIZES[cls.size].network
        return Recipe(
            network=TransformersNetwork(library="transformers", name="clip"),
            preprocessing=Preprocessing(
                size=network.image_size, interpolation="bicubic", centre="down", mean=MEAN, std=STD
            ),
            pooling="pooled",
            normalise=True,
            dimension=network.projection,
        )

    @classmethod
    def label(cls, weights: Path | None) -> str:
        """Return one name for every training: the identity distinguishes their weights."""
        return NAME
