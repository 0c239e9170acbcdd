"""Settings of the caption encoder, in the sizes that the presets use, and of the text tower of a method."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from bench.contract import Part, Settings

PART = "caption-encoder"
"""Name of the part, and of the folder in its output that transformers opens."""

MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
"""Mean and standard deviation by which CLIP's preprocessing normalises values in [0, 1]."""

Size = Literal["tiny", "smoke"]
"""The sizes of a caption encoder that a run trains itself, named after the presets that use them."""


class TransformerSettings(Settings):
    """Size of one of the two towers."""

    width: int = Field(ge=4)
    layers: int = Field(ge=1)
    heads: int = Field(ge=1)


class CaptionNetwork(Settings):
    """The two towers, as transformers' `CLIPConfig` describes them."""

    image_size: int = Field(ge=8)  # side of the squares that the image tower sees
    image_patch: int = Field(ge=1)  # side of the patches that are its tokens
    image: TransformerSettings
    text: TransformerSettings
    projection: int = Field(ge=1)  # number of features of images and captions
    length: int = Field(ge=4)  # largest number of tokens of a caption, with start and end
    merges: int = Field(ge=0)  # merges of byte pairs, learned from the captions


class CaptionTraining(Settings):
    """Training with the symmetric contrastive loss."""

    steps: int = Field(ge=1)
    batch_size: int = Field(ge=2)
    learning_rate: float = Field(gt=0)
    warmup: int = Field(0, ge=0)  # steps in which the learning rate rises from 0; then it follows half a cosine
    weight_decay: float = Field(0.1, ge=0)
    clip: float = Field(1.0, gt=0)  # largest norm of the gradient
    partial: float = Field(0.5, ge=0, le=1)  # share of the captions of which only some clauses are read
    stain_scale: float = Field(0.0, ge=0, lt=1)  # the amount of each stain is multiplied by a factor in 1 +- this
    stain_shift: float = Field(0.0, ge=0)  # and shifted by up to this, in optical density


class CaptionEncoderPart(Settings):
    """All settings that the weights depend on, in addition to the data and the seed."""

    network: CaptionNetwork
    training: CaptionTraining

    @property
    def part(self) -> Part:
        """The part; methods and the evaluation that list it with equal settings share one training."""
        return Part(PART, frozenset({"text"}), (), self)


class TextTowerSettings(Settings):
    """The frozen text tower that a method conditions on.

    `encoder` is the size of the caption encoder that the run trains; None: published weights, such as PLIP's, to
    which the method has a path. A caption of up to `chunks` times the tower's length is read, in as many windows.
    """

    encoder: Size | None = None
    chunks: int = Field(2, ge=1)  # 2 x 77 tokens: PathLDM and PathDiff

    @property
    def trained(self) -> CaptionEncoderPart | None:
        """The caption encoder that must be trained first; None for published weights."""
        return None if self.encoder is None else SIZES[self.encoder]


SIZES: dict[Size, CaptionEncoderPart] = {
    "tiny": CaptionEncoderPart(
        network=CaptionNetwork(
            image_size=32,
            image_patch=8,
            image=TransformerSettings(width=32, layers=1, heads=2),
            text=TransformerSettings(width=32, layers=1, heads=2),
            projection=16,
            length=32,
            merges=128,
        ),
        training=CaptionTraining(steps=8, batch_size=8, learning_rate=1e-3),
    ),
    "smoke": CaptionEncoderPart(
        network=CaptionNetwork(
            image_size=64,
            image_patch=8,
            image=TransformerSettings(width=96, layers=3, heads=4),
            text=TransformerSettings(width=96, layers=2, heads=4),
            projection=64,
            length=40,
            merges=256,
        ),
        training=CaptionTraining(
            steps=150,
            batch_size=32,
            learning_rate=2e-3,
            warmup=15,
            partial=0.7,
            stain_scale=0.25,
            stain_shift=0.1,
        ),
    ),
}
"""The settings of each size: methods (`encoder: smoke` in a card) and the encoder `caption-clip:smoke` share them."""
