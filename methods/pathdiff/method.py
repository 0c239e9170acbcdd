"""PathDiff (from masks, captions, or both) and ControlNet (from masks or captions) on one backbone of latents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from jaxtyping import UInt8

from bench.contract import Condition, Dataset, MethodBase, Part, RunContext, Weights
from bench.errors import DataError
from methods.latent.config import AutoencoderPart, ReleasedAutoencoderPart
from methods.latent.text_config import (
    ControlPart,
    ReleasedControlPart,
    ReleasedTextDiffusionPart,
    TextDiffusionPart,
)
from methods.patches import Tiles, crop_labels, grid_crops, labels_of
from methods.pathdiff.config import MASK_CAPTION, PathDiffConfig
from methods.pathdiff.data import captions_of, mask_data
from methods.pathdiff.hints import colours_of, palette
from methods.sdm.method import SEED_LIMIT, file_safe
from methods.text.config import PART as TOWER
from methods.text.config import CaptionEncoderPart

AUTOENCODER, FINETUNED = "autoencoder", "autoencoder-finetuned"
DENOISER, CONTROL = "text-diffusion", "control"
TEXT, BOTH = frozenset({"text"}), frozenset({"train", "text", "mask"})
TEST_MASK = "test-mask"


class LatentControl(MethodBase):
    """Base of the five methods: latent diffusion of captioned images, and a control branch that reads masks.

    Subclasses say what their images show. `joint` is True for PathDiff, whose branch is trained on images with masks
    and on other images with captions; ControlNet's is trained on masks with one constant caption.
    """

    version: ClassVar[int] = 2  # 1: the order of the autoencoder's images was another one in each process
    Config: ClassVar[type[PathDiffConfig]] = PathDiffConfig
    roles = frozenset({"train", "text"})
    optional_roles = frozenset({"mask"})
    joint: ClassVar[bool] = True
    config: PathDiffConfig

    def __init__(self, config: PathDiffConfig) -> None:
        """Store the settings."""
        self.config = config
        self.ratio = config.ratio
        self.chunk = max(self.chunk, config.sampler.batch_size)
        # a branch that is trained on masks only, or images that are drawn from masks
        self.reads_classes = "mask" in self.conditions or (config.control.released is None and not self.joint)

    @property
    def first_stage(self) -> str:  # type: ignore[override]
        """The autoencoder, fine-tuned if the settings say so."""
        return AUTOENCODER if self.config.autoencoder.finetune is None else FINETUNED

    def parts(self) -> Sequence[Part]:
        """Return the text tower if it is trained, the autoencoder, the denoiser and the control branch."""
        config, found = self.config, list[Part]()
        nothing = frozenset[str]()
        trained = config.text.trained
        if trained is not None:
            found.append(trained.part)
        tower = () if trained is None else (TOWER,)
        finetuned = config.finetuned_part
        reads = nothing if config.autoencoder.released else BOTH if finetuned is None else TEXT
        found.append(Part(AUTOENCODER, reads, (), config.autoencoder_part))
        if finetuned is not None:
            found.append(Part(FINETUNED, BOTH, (AUTOENCODER,), finetuned))
        needs = (self.first_stage, *tower)
        batch = 0 if config.text_diffusion.released else config.text_diffusion.training.batch_size
        found.append(Part(DENOISER, TEXT if batch else nothing, needs, config.text_diffusion_part, batch))
        batch = 0 if config.control.released else config.control.training.batch_size
        reads = BOTH if batch else nothing
        return (*found, Part(CONTROL, reads, (*needs, DENOISER), config.control_part(self.joint), batch))

    def weights(self) -> Sequence[Weights]:
        """List released parts, the published text tower and LPIPS's trunk, as far as the settings need them."""
        from methods.pathdiff.starting_weights import starting_weights

        return starting_weights(self.config)

    def check(self) -> None:
        """Read the released parts, if any, so that a file that does not fit is reported before any work starts.

        Raises:
            ConfigError: the latent scale, or the colours of the control branch, are not known.
            DataError: a file does not fit the settings, or does not fit another file.
        """
        config = self.config
        first, second, third = config.autoencoder_part, config.text_diffusion_part, config.control_part(self.joint)
        if not isinstance(first, ReleasedAutoencoderPart):  # then no other part is released either
            return
        from methods.latent.released_parts import read_autoencoder
        from methods.pathdiff.released import read_control, read_text_diffusion

        autoencoder = read_autoencoder(first, config.autoencoder.file)
        if not isinstance(second, ReleasedTextDiffusionPart):
            return
        unet, _ = read_text_diffusion(second, config.text_diffusion.file, autoencoder)
        if isinstance(third, ReleasedControlPart):
            read_control(third, config.control.file, unet, autoencoder)

    def check_classes(self, nuclei: Sequence[str], labels: Sequence[str]) -> None:
        """Check that there are masks if any are read, and that every class of nuclei has a colour that it can have.

        Raises:
            ConfigError: classes and colours do not fit each other.
            DataError: there are no masks, or a released branch was trained on other classes.
        """
        colours, released = self.config.control.colours, self.config.control.released
        if not nuclei:
            drawn, trained = "mask" in self.conditions, released is None and not self.joint
            if drawn or trained:
                what = "Images are drawn from" if drawn else "The control branch is trained on"
                raise DataError(
                    f"{what} masks, and there are none",
                    got="a dataset of captions only",
                    fix="name a dataset with masks: --data mask=NAME",
                )
            return
        if released is None:
            palette(nuclei, colours)
        elif "mask" in self.conditions:
            colours_of(nuclei, colours)

    def fit(
        self, part: Part, data: Mapping[str, Dataset], fitted: Mapping[str, Path], out: Path, run: RunContext
    ) -> None:
        """Train one part, or read it from its released checkpoint."""
        given, config = part.config, self.config
        if isinstance(given, CaptionEncoderPart):
            from methods.text.training import train_caption_encoder

            train_caption_encoder(given, data["text"], out, run)
        elif isinstance(given, AutoencoderPart):
            self._fit_autoencoder(given, data, fitted.get(AUTOENCODER), out, run)
        elif isinstance(given, ReleasedAutoencoderPart):
            from methods.latent.released_parts import keep_autoencoder

            keep_autoencoder(given, config.autoencoder.file, out)
        elif isinstance(given, TextDiffusionPart):
            from methods.pathdiff.base_training import train_text_diffusion

            train_text_diffusion(given, data["text"], fitted[self.first_stage], self._tower(fitted), out, run)
        elif isinstance(given, ReleasedTextDiffusionPart):
            from methods.pathdiff.released import keep_text_diffusion

            file = config.text_diffusion.file
            keep_text_diffusion(given, file, fitted[self.first_stage], self._tower(fitted), out)
        elif isinstance(given, ControlPart):
            from methods.pathdiff.control_training import train_control

            train_control(given, data, fitted[DENOISER], fitted[self.first_stage], self._tower(fitted), out, run)
        elif isinstance(given, ReleasedControlPart):
            from methods.pathdiff.released import keep_control

            keep_control(given, config.control.file, fitted[DENOISER], fitted[self.first_stage], out)
        else:
            raise DataError(f"The part must be one of {[own.name for own in self.parts()]}", got=part.name)

    def plan(self, data: Mapping[str, Dataset], n: int, rng: np.random.Generator) -> Iterator[Condition]:
        """Plan windows of real label maps, captions, or pairs of both that have nothing to do with each other."""
        if "mask" not in self.conditions:
            yield from self._plan_captions(data, n, rng)
            return
        masks = mask_data(data)
        if masks is None:
            raise DataError(
                "There are no masks to draw images from",
                got="a dataset of captions only",
                fix="name a dataset with masks: --data mask=NAME",
            )
        pairs = self._captions(data, n, rng)
        role = "train" if masks is data.get("train") else "mask"
        tiles, size = Tiles(masks), self.config.patch_size
        for number, crop in enumerate(grid_crops(masks, size, n, rng, count=self.config.grid)):
            sample = tiles[masks.ids[crop.tile]]
            least = self.config.min_area(sample.mpp)
            instances, types = crop_labels(*labels_of(sample), crop.y, crop.x, size, min_area=least)
            source, caption = pairs[number] if pairs else ("", None)
            yield Condition(
                id=f"{file_safe(sample.id)}_{number:04d}",
                instances=instances,
                types=types,
                label=sample.label,
                caption=caption,
                tissue=sample.tissue,
                sources={role: sample.id} | ({"text": source} if source else {}),
                crop=(crop.y, crop.x),
                kind="copy",
                recipe=self.recipe(),
                seed=int(rng.integers(SEED_LIMIT)),
            )

    def render(
        self,
        conditions: Sequence[Condition],
        data: Mapping[str, Dataset],
        fitted: Mapping[str, Path],
        run: RunContext,
    ) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        """Draw each image from what its condition shows, and from its seed."""
        from methods.pathdiff.render import Folders, Painter

        masks = mask_data(data)
        folders = Folders(fitted[self.first_stage], self._tower(fitted), fitted[DENOISER], fitted[CONTROL])
        painter = Painter(self.config, folders, () if masks is None else masks.info.classes, run)
        yield from painter.draw(conditions, {one.id: self._shown(one, data) for one in conditions})

    def reconstruct(
        self, images: Iterable[UInt8[np.ndarray, "h w 3"]], fitted: Mapping[str, Path], run: RunContext
    ) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        """Yield each image as the autoencoder gives it back."""
        from methods.latent.reconstruction import reconstruct

        yield from reconstruct(images, fitted[self.first_stage], self.chunk, run)

    def recipe(self) -> dict[str, Any]:
        """Return how images are sampled, for the metadata of the set."""
        sampler = self.config.sampler
        return {
            "profile": self.config.profile,
            "sampler": sampler.kind,
            "steps": sampler.steps,
            "eta": sampler.eta,
            "guidance_scale": self.config.guidance_scale,
            "null": self.config.null,
        }

    def caption_of(self, condition: Condition, data: Mapping[str, Dataset]) -> str:
        """Return the caption that the network gets for a condition; empty for none."""
        if "text" not in self.conditions:
            return "" if self.joint else MASK_CAPTION
        if condition.kind != TEST_MASK:
            return condition.caption or ""
        # a test mask comes without a caption of the role "text": it gets one by its seed, unrelated as all pairs are
        found = captions_of(data.get("text"))
        return found[condition.seed % len(found)][1]

    def _tower(self, fitted: Mapping[str, Path]) -> Path:
        if self.config.text.trained is not None:
            return fitted[TOWER] / TOWER
        assert self.config.text.weights is not None
        return self.config.text.weights.expanduser()

    def _shown(self, condition: Condition, data: Mapping[str, Dataset]) -> Any:
        from methods.pathdiff.render import Shown

        return Shown(self.caption_of(condition, data), "mask" in self.conditions)

    def _fit_autoencoder(
        self, part: AutoencoderPart, data: Mapping[str, Dataset], start: Path | None, out: Path, run: RunContext
    ) -> None:
        from methods.latent.autoencoder_training import train_autoencoder_on
        from methods.latent.windows import Windows

        images = Windows([data[role] for role in sorted(data)], part.patch_size, run.derive(AUTOENCODER, "order"))
        train_autoencoder_on(part, images, out, run, start)

    def _captions(self, data: Mapping[str, Dataset], n: int, rng: np.random.Generator) -> list[tuple[str, str]]:
        """Draw ids and captions of `n` samples, each equally often; none if images show no captions."""
        if "text" not in self.conditions:
            return []
        found, chosen = captions_of(data.get("text")), list[int]()
        while len(chosen) < n:
            chosen += rng.permutation(len(found)).tolist()
        return [found[place] for place in chosen[:n]]

    def _plan_captions(self, data: Mapping[str, Dataset], n: int, rng: np.random.Generator) -> Iterator[Condition]:
        for number, (source, caption) in enumerate(self._captions(data, n, rng)):
            yield Condition(
                id=f"{file_safe(source)}_{number:04d}",
                caption=caption,
                sources={"text": source},
                kind="caption",
                recipe=self.recipe(),
                seed=int(rng.integers(SEED_LIMIT)),
            )


class ControlNetM(LatentControl):
    """ControlNet on the latent backbone, trained on masks with one constant caption (PathDiff, table 1)."""

    conditions = frozenset({"mask"})
    draws_any_mask = True
    joint = False


class ControlNetT(LatentControl):
    """The network of ControlNet-M, queried with captions and the null mask (PathDiff, table 1)."""

    conditions = frozenset({"text"})
    draws_any_caption = True
    joint = False


class PathDiffM(LatentControl):
    """PathDiff, queried with masks (Bhosale et al., ICCV 2025)."""

    conditions = frozenset({"mask"})
    draws_any_mask = True


class PathDiffT(LatentControl):
    """PathDiff, queried with captions and the null mask (Bhosale et al., ICCV 2025)."""

    conditions = frozenset({"text"})
    draws_any_caption = True


class PathDiffMT(LatentControl):
    """PathDiff, queried with masks and captions of other images (Bhosale et al., ICCV 2025)."""

    conditions = frozenset({"mask", "text"})
    draws_any_caption = True
    draws_any_mask = True
