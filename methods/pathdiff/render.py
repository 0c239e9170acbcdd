"""Drawing of images from masks, captions, or both, with guidance."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor, nn

from bench.contract import Condition, RunContext
from bench.errors import DataError
from bench.training import read_flags
from methods.diffusion.guidance import guided, needs_null
from methods.diffusion.sampling import NoiseSource, Sampler
from methods.diffusion.schedule import NoiseSchedule, betas
from methods.latent.autoencoder import Codec, load_codec
from methods.latent.conditional import Controlled, freeze, load_control
from methods.latent.released_arithmetic import as_released
from methods.latent.text_config import ReleasedTextDiffusionPart, TextProcess
from methods.pathdiff.config import PathDiffConfig
from methods.pathdiff.flags import CONTROL_FLAGS, DENOISER_FLAGS, ControlFlags, DenoiserFlags
from methods.pathdiff.hints import channels, colours_of, encode, null_hint
from methods.pathdiff.pipeline import load_unet
from methods.sdm.render import image_arrays
from methods.text.tower import TextTower, load_tower


class Shown(NamedTuple):
    """What one image shows to the network: its caption, empty for none, and whether it has a mask."""

    caption: str
    masked: bool


class Folders(NamedTuple):
    """The folders of the trained parts."""

    autoencoder: Path
    tower: Path
    denoiser: Path
    control: Path


class Painter:
    """The networks of one method, ready to draw."""

    def __init__(self, config: PathDiffConfig, folders: Folders, classes: Sequence[str], run: RunContext) -> None:
        """Load the networks.

        Args:
            config: sampler and guidance.
            folders: folders of the parts.
            classes: names of the classes of the conditions' nuclei.
            run: device and precision.
        """
        from bench.training.fabric import Fabric

        self._config, self._classes = config, classes
        flags = read_flags(folders.denoiser / DENOISER_FLAGS, DenoiserFlags, "a trained text-conditional denoiser")
        self._control = read_flags(folders.control / CONTROL_FLAGS, ControlFlags, "a trained control branch")
        self.codec: Codec = load_codec(folders.autoencoder, run)
        self.tower: TextTower = load_tower(folders.tower, flags.part.chunks, run)
        part = self._control.part
        unet, control = load_unet(folders.denoiser), load_control(folders.control, self.codec.factor)
        if isinstance(flags.part, ReleasedTextDiffusionPart):
            as_released(unet)
            as_released(control)
        model = Controlled(unet, control, part.network.hint_scale)
        fabric = Fabric(accelerator=run.device, devices=1, precision=run.precision)  # type: ignore[arg-type]
        self._network: nn.Module = fabric.setup_module(freeze(model))
        self._shape, self._edges = flags.shape, part.network.edges
        diffusion: TextProcess = part.diffusion or flags.part.diffusion
        self._sampler = Sampler(diffusion, config.sampler, NoiseSchedule(betas(diffusion)))
        self._learned = diffusion.learned_variance

    def draw(self, conditions: Sequence[Condition], shown: Mapping[str, Shown]) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        """Draw one image per condition, in order; `shown` says by its id what each shows.

        The noise of an image depends only on the seed of its condition, so other images in the batch change only the
        last bits.
        """
        size = self._config.sampler.batch_size
        for first in range(0, len(conditions), size):
            batch = conditions[first : first + size]
            with torch.no_grad():
                images = self._batch(batch, [shown[condition.id] for condition in batch])
            yield from image_arrays(images)

    def _batch(self, batch: Sequence[Condition], shown: Sequence[Shown]) -> Tensor:
        noise = NoiseSource([condition.seed for condition in batch], self.codec.device)
        predict = self.predictor(batch, shown)
        latents = self._sampler.run(predict, noise.draw(self._shape), noise)
        return self.codec.decode(latents)

    def predictor(self, batch: Sequence[Condition], shown: Sequence[Shown]) -> Callable[[Tensor, int], Tensor]:
        """Return the guided network for one batch of conditions.

        With `null: text`, an image without a caption has the same prediction with and without condition, so guidance
        has no effect on it, as in the release; a batch of such images takes one pass per step.
        """
        device = self.codec.device
        hints = torch.from_numpy(np.stack([self._hint(*pair) for pair in zip(batch, shown, strict=True)])).float()
        captions, scale = [one.caption for one in shown], self._config.guidance_scale
        drop_text, drop_mask = self._config.null in ("text", "both"), self._config.null in ("mask", "both")
        without = ["" if drop_text else caption for caption in captions]
        nulls = torch.from_numpy(np.stack([self._null()] * len(batch))).float() if drop_mask else hints
        if without == captions and torch.equal(nulls, hints):
            scale = 1.0
        context = self.tower.context([*captions, *without] if needs_null(scale) else captions).to(device)
        hint = (torch.cat([hints, nulls]) if needs_null(scale) else hints).to(device)
        return guided(lambda x, times: self._network(x, times, context, hint), scale, learned_variance=self._learned)

    def _hint(self, condition: Condition, shown: Shown) -> np.ndarray:
        if not shown.masked:
            return self._null()
        if condition.instances is None or condition.types is None:
            raise DataError(f"Condition {condition.id} has no label map", got="no label map")
        colours = colours_of(self._classes, self._control.colours)
        return encode(condition.instances, condition.types, colours, edges=self._edges)

    def _null(self) -> np.ndarray:
        return null_hint(channels(self._edges), self._shape[1] * self.codec.factor)
