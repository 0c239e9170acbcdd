"""Settings of PathDiff and of ControlNet on the same backbone; `profile` sets what the paper and its code do otherwise.

Sources: PathDiff (Bhosale et al., ICCV 2025), sections 3 and 4 and supplement; bhosalems/PathDiff, configs and
`evaluation.py`. Nothing here needs torch.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from methods.diffusion.config import SamplerSettings
from methods.latent.config import (
    AutoencoderNetwork,
    AutoencoderPart,
    AutoencoderTraining,
    FirstStageSettings,
    ReleasedAutoencoderPart,
    ReleasedSettings,
    file_sha256,
)
from methods.latent.text_config import (
    ControlPart,
    ControlSettings,
    ControlTraining,
    ReleasedControlPart,
    ReleasedTextDiffusionPart,
    TextDiffusionPart,
    TextProcess,
    TextTraining,
    TextUNetSettings,
)
from methods.patches import PatchSettings
from methods.text.config import TextTowerSettings
from methods.under import under

# The released control stage uses another noise schedule than the one that the frozen denoiser was trained on.
PROFILES: dict[str, dict[str, Any]] = {
    "paper": {},
    "repo_compat": {
        "control": {"diffusion": {"beta_start": 0.00085, "beta_end": 0.012}, "training": {"batch_size": 16}},
        "guidance_scale": 1.5,
        "sampler": {"steps": 100, "eta": 1.0, "clip": False},
        "null": "text",
    },
}

MASK_CAPTION = "Histopathology image"
"""ControlNet's constant caption of images with a mask (PathDiff, table 1, note a)."""


class AutoencoderSettings(FirstStageSettings):
    """Settings of the first stage; PathLDM's is VQ with f = 4, and its latents are not scaled (`scale: 1`)."""

    network: AutoencoderNetwork = AutoencoderNetwork(kind="vq")
    training: AutoencoderTraining = AutoencoderTraining(batch_size=12, learning_rate=9e-6, epochs=10)
    finetune: AutoencoderTraining | None = None  # continue on the images of all roles (supplement, section 9)


class TextDiffusionSettings(ReleasedSettings):
    """Settings of the text-conditional denoiser (stage A)."""

    network: TextUNetSettings = TextUNetSettings()
    diffusion: TextProcess = TextProcess()
    training: TextTraining = TextTraining()


class ControlStageSettings(ReleasedSettings):
    """Settings of the control branch; `diffusion` None: the schedule that the denoiser was trained on."""

    network: ControlSettings = ControlSettings()
    training: ControlTraining = ControlTraining()
    diffusion: TextProcess | None = None
    # by name of class; others have the colours of the release
    colours: dict[str, tuple[int, int, int]] = Field(default_factory=dict)


class TowerSettings(TextTowerSettings):
    """The text tower: one that the run trains (`encoder`), or the folder of PLIP or another CLIP (`weights`)."""

    weights: Path | None = Field(None, exclude=True)
    weights_sha256: str | None = Field(None, validate_default=True)

    @field_validator("weights_sha256")
    @classmethod
    def _hash(cls, given: str | None, info: ValidationInfo) -> str | None:
        folder = info.data.get("weights")
        if folder is None or not Path(folder).expanduser().is_dir():
            return given
        found = next((path for path in tower_files(Path(folder).expanduser()) if path.is_file()), None)
        if found is None:
            return given
        digest = file_sha256(found)
        if given not in (None, digest):
            raise ValueError(f"get the weights with this hash, or leave the hash out: {found} has {digest}")
        return digest


def tower_files(folder: Path) -> tuple[Path, Path]:
    """Return where the weights of a CLIP folder are looked for, in order."""
    return folder / "model.safetensors", folder / "pytorch_model.bin"


class PathDiffConfig(PatchSettings):
    """Settings of all five methods; those of parts are the same, so that methods share them."""

    profile: Literal["paper", "repo_compat"] = "paper"
    text: TowerSettings = TowerSettings()
    autoencoder: AutoencoderSettings = AutoencoderSettings()
    text_diffusion: TextDiffusionSettings = TextDiffusionSettings()
    control: ControlStageSettings = ControlStageSettings()
    p_split: float = Field(0.5, ge=0, le=1)  # share of items with a caption, the others have a mask (joint training)
    text_dropout: float = Field(0.5, ge=0, le=1)  # ControlNet only: share of items trained without the constant caption
    # convention of the code, n + s (c - n): 1 means no guidance; the scale of the paper's eq. 3 is less by one
    guidance_scale: float = Field(1.5, ge=0)
    null: Literal["text", "mask", "both"] = "text"  # what the prediction without condition does not see
    sampler: SamplerSettings = SamplerSettings(steps=100, eta=1.0, clip=False)

    @model_validator(mode="before")
    @classmethod
    def _profile(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        return under(values, PROFILES.get(values.get("profile", "paper"), {}))

    @model_validator(mode="after")
    def _fits(self) -> Self:
        network = self.autoencoder.network
        side = 2 ** (len(self.text_diffusion.network.multipliers) - 1) * network.factor
        if self.patch_size % side:
            raise ValueError(f"patch_size {self.patch_size} must be a multiple of {side}, as the networks halve it")
        if self.text_diffusion.released is not None and self.autoencoder.released is None:
            raise ValueError("set autoencoder.released too: a released text_diffusion needs its own latents")
        if self.control.released is not None and self.text_diffusion.released is None:
            raise ValueError("set text_diffusion.released too: a released control branch needs its own denoiser")
        self.autoencoder.check_crop(self.patch_size)
        return self

    @property
    def autoencoder_part(self) -> AutoencoderPart | ReleasedAutoencoderPart:
        """The settings that the weights of the autoencoder depend on, before fine-tuning."""
        return self.autoencoder.part(self.patch_size)

    @property
    def finetuned_part(self) -> AutoencoderPart | None:
        """The settings of the fine-tuning of the autoencoder; None without fine-tuning."""
        given = self.autoencoder
        if given.finetune is None:
            return None
        return AutoencoderPart(patch_size=self.patch_size, network=given.network, training=given.finetune)

    @property
    def text_diffusion_part(self) -> TextDiffusionPart | ReleasedTextDiffusionPart:
        """The settings that the weights of the denoiser depend on."""
        given, chunks = self.text_diffusion, self.text.chunks
        shared: dict[str, Any] = {"network": given.network, "diffusion": given.diffusion, "chunks": chunks}
        if given.released_sha256 is None:
            return TextDiffusionPart(
                patch_size=self.patch_size, training=given.training, tower=self.text.weights_sha256, **shared
            )
        return ReleasedTextDiffusionPart(patch_size=self.patch_size, released_sha256=given.released_sha256, **shared)

    def control_part(self, joint: bool) -> ControlPart | ReleasedControlPart:
        """The settings that the weights of the control branch depend on; `joint` for PathDiff, not ControlNet."""
        given = self.control
        shared: dict[str, Any] = {
            "patch_size": self.patch_size,
            "network": given.network,
            "diffusion": given.diffusion,
            "colours": given.colours,
        }
        if given.released_sha256 is not None:
            return ReleasedControlPart(released_sha256=given.released_sha256, **shared)
        return ControlPart(
            training=given.training,
            p_split=self.p_split if joint else 0.0,
            caption="" if joint else MASK_CAPTION,
            text_dropout=0.0 if joint else self.text_dropout,
            **shared,
        )
