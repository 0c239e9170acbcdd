"""Settings of HistoDiffusion; defaults as published (supplement, table 2), and profiles of the paper and the code."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from bench.contract import Settings
from methods.diffusion.config import SamplerSettings
from methods.latent.config import (
    AutoencoderPart,
    BatchSettings,
    EncoderSettings,
    FirstStageSettings,
    LatentDiffusionPart,
    LatentProcess,
    LatentTraining,
    PerceptualSettings,
    ReleasedAutoencoderPart,
    ReleasedClassifierPart,
    ReleasedDiffusionPart,
    ReleasedSettings,
    UNetSettings,
)
from methods.selection import SelectiveSettings
from methods.under import under

# The paper (section 2.3, supplement) and its code (classifier_train.py, ldm/models/diffusion/ddim.py) disagree. In the
# code, steps are later by one (1, 21, ... 981), which we do not follow.
PROFILES: dict[str, dict[str, Any]] = {
    "paper": {
        "guidance_scale": 1.0,
        "noised_classifier": True,
        "level_index": "step",
        "sampler": {"steps": 200, "eta": 0.0, "clip": False},
        "latent_diffusion": {"training": {"loss": "mse"}},
    },
    "repo_compat": {
        "guidance_scale": 10.0,
        "noised_classifier": False,
        "level_index": "t//20",
        "sampler": {"steps": 50, "eta": 1.0, "clip": False},
        "latent_diffusion": {"training": {"loss": "l1"}},
    },
}
# with fewer steps, t // 20 is outside the respaced table
_FEWEST_COMPATIBLE_STEPS = 50


class ClassifierTraining(BatchSettings):
    """Training of a classifier of images or latents."""

    batch_size: int = Field(32, ge=1)
    epochs: float = Field(100, gt=0)
    learning_rate: float = Field(5e-5, gt=0)
    weight_decay: float = Field(0.05, ge=0)  # of AdamW, as in the recipe of the release
    anneal: bool = True  # linearly to 0, as in the recipe of the release
    clip: float | None = Field(None, gt=0)
    ema: float | None = Field(None, ge=0, lt=1)


class ImageClassifierTraining(ClassifierTraining):
    """Training of the auxiliary classifier, which only the supplement describes."""

    batch_size: int = Field(64, ge=1)
    weight_decay: float = Field(0.0, ge=0)  # with 0, AdamW is the Adam of the supplement
    anneal: bool = False


class LatentDiffusionSettings(ReleasedSettings):
    """Settings of the unconditional diffusion model of latents."""

    network: UNetSettings = UNetSettings()
    diffusion: LatentProcess = LatentProcess()
    training: LatentTraining = LatentTraining()


class LatentClassifierSettings(ReleasedSettings):
    """Settings of the time-dependent classifier that guides sampling.

    The released one was trained on clean latents at step 0, which `noised_classifier=false` expects.
    """

    network: EncoderSettings = EncoderSettings()
    training: ClassifierTraining = ClassifierTraining()


class ImageEncoderSettings(EncoderSettings):
    """Size of the image classifier, with the levels of the latent classifier: an eighth and a sixteenth of 256."""

    attention_sizes: tuple[int, ...] = (32, 16)


class ImageClassifierSettings(Settings):
    """Settings of the auxiliary image classifier, of the same architecture (section 2.2), for tuning the decoder."""

    network: ImageEncoderSettings = ImageEncoderSettings()
    training: ImageClassifierTraining = ImageClassifierTraining()


class DecoderSettings(BatchSettings):
    """Fine-tuning of the decoder: reconstruction + classification_weight * cross-entropy."""

    batch_size: int = Field(4, ge=1)
    epochs: float = Field(50, gt=0)
    learning_rate: float = Field(5e-5, gt=0)
    classification_weight: float = Field(1.0, ge=0)  # lambda_CE
    perceptual: PerceptualSettings = PerceptualSettings.model_validate({})
    clip: float | None = Field(None, gt=0)


class ImageClassifierPart(Settings):
    """All settings that the weights of the image classifier depend on."""

    patch_size: int
    network: ImageEncoderSettings
    training: ImageClassifierTraining


class LatentClassifierPart(Settings):
    """All settings that the latent classifier depends on, with the autoencoder; `diffusion` None: clean latents."""

    network: EncoderSettings
    training: ClassifierTraining
    diffusion: LatentProcess | None


class DecoderPart(Settings):
    """All settings that the fine-tuned decoder depends on, with the autoencoder and the image classifier."""

    training: DecoderSettings


class HistoDiffusionConfig(SelectiveSettings):
    """HistoDiffusion as a method; `profile` sets what is left out: `paper`, or `repo_compat` as in the code."""

    patch_size: int = Field(256, ge=8)
    profile: Literal["paper", "repo_compat"] = "paper"
    finetune: bool = True  # decode with the fine-tuned decoder
    pretrain: bool = True  # train autoencoder and diffusion model on the unlabelled pool, not the labelled set
    autoencoder: FirstStageSettings = FirstStageSettings()
    latent_diffusion: LatentDiffusionSettings = LatentDiffusionSettings()
    image_classifier: ImageClassifierSettings = ImageClassifierSettings()
    decoder: DecoderSettings = DecoderSettings()
    latent_classifier: LatentClassifierSettings = LatentClassifierSettings()
    guidance_scale: float = Field(1.0, ge=0)  # 0 draws without regard to classes
    noised_classifier: bool = True  # train the latent classifier on latents noised to all steps, not clean ones
    level_index: Literal["step", "t//20"] = "step"
    sampler: SamplerSettings = SamplerSettings(steps=200, clip=False)

    @model_validator(mode="before")
    @classmethod
    def _profile(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        return under(values, PROFILES.get(values.get("profile", "paper"), {}))

    @model_validator(mode="after")
    def _fits(self) -> Self:
        network = self.autoencoder.network
        side = 2 ** (len(self.latent_diffusion.network.multipliers) - 1) * network.factor
        if self.latent_diffusion.released is not None and self.autoencoder.released is None:
            raise ValueError("set autoencoder.released too: a released latent_diffusion needs its own latents")
        if self.latent_classifier.released is not None and self.autoencoder.released is None:
            raise ValueError("set autoencoder.released too: a released latent_classifier needs its own latents")
        if not self.pretrain and self.autoencoder.released is not None:
            raise ValueError("set only one of pretrain=false and autoencoder.released: a released part is pre-trained")
        self.autoencoder.check_crop(self.patch_size)
        if self.patch_size % side:
            raise ValueError(f"patch_size {self.patch_size} must be a multiple of {side}, as the networks halve it")
        latent, levels = self.patch_size // network.factor, len(self.latent_classifier.network.multipliers)
        if latent % 2 ** (levels - 1):
            raise ValueError(f"latent_classifier.network has {levels} levels, too many for latents of {latent}")
        levels = len(self.image_classifier.network.multipliers)
        if self.patch_size % 2 ** (levels - 1):
            raise ValueError(f"image_classifier.network has {levels} levels, too many for {self.patch_size} pixels")
        if self.level_index == "t//20" and self.sampler.steps < _FEWEST_COMPATIBLE_STEPS:
            raise ValueError(
                f"level_index t//20 needs sampler.steps of at least {_FEWEST_COMPATIBLE_STEPS}, as in the release"
            )
        return self

    @property
    def autoencoder_part(self) -> AutoencoderPart | ReleasedAutoencoderPart:
        """The settings that the weights of the autoencoder depend on."""
        return self.autoencoder.part(self.patch_size)

    @property
    def latent_diffusion_part(self) -> LatentDiffusionPart | ReleasedDiffusionPart:
        """The settings that the weights of the diffusion model depend on."""
        given = self.latent_diffusion
        if given.released_sha256 is None:
            return LatentDiffusionPart(network=given.network, diffusion=given.diffusion, training=given.training)
        return ReleasedDiffusionPart(
            network=given.network, diffusion=given.diffusion, released_sha256=given.released_sha256
        )

    @property
    def image_classifier_part(self) -> ImageClassifierPart:
        """The settings that the weights of the auxiliary classifier depend on."""
        return ImageClassifierPart(patch_size=self.patch_size, **_fields(self.image_classifier))

    @property
    def latent_classifier_part(self) -> LatentClassifierPart | ReleasedClassifierPart:
        """The settings that the weights of the guiding classifier depend on."""
        given = self.latent_classifier
        if given.released_sha256 is not None:
            return ReleasedClassifierPart(network=given.network, released_sha256=given.released_sha256)
        diffusion = self.latent_diffusion.diffusion if self.noised_classifier else None
        return LatentClassifierPart(diffusion=diffusion, network=given.network, training=given.training)

    @property
    def decoder_part(self) -> DecoderPart:
        """The settings that the weights of the fine-tuned decoder depend on."""
        return DecoderPart(training=self.decoder)


def _fields(settings: Settings) -> dict[str, Any]:
    return {name: getattr(settings, name) for name in type(settings).model_fields}
