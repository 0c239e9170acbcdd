"""HistoDiffusion as a method, which draws equally many images of each class."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
from jaxtyping import UInt8

from bench.contract import Condition, Dataset, Part, RunContext
from bench.errors import DataError
from methods.class_conditions import class_conditions
from methods.histodiffusion.config import HistoDiffusionConfig
from methods.selection import Selective

AUTOENCODER, DIFFUSION = "autoencoder", "latent-diffusion"
IMAGE_CLASSIFIER, DECODER, LATENT_CLASSIFIER = "image-classifier", "decoder", "latent-classifier"
TRAIN = frozenset({"train"})


class HistoDiffusion(Selective):
    """Latent diffusion, pre-trained on unlabelled images, guided by a classifier (Ye et al., MICCAI 2023)."""

    Config: ClassVar[type[HistoDiffusionConfig]] = HistoDiffusionConfig
    conditions: ClassVar[frozenset[str]] = frozenset({"class"})
    roles: frozenset[str] = frozenset({"train", "pool"})

    def __init__(self, config: HistoDiffusionConfig) -> None:
        """Store the settings; if nothing is trained on unlabelled images, the method does not ask for them."""
        self.config = config
        self.ratio = max(arm.ratio for arm in config.selection)
        if not any("pool" in part.reads for part in self.parts()):
            self.roles = TRAIN

    def parts(self) -> Sequence[Part]:
        """Return the pre-trained parts, then the parts that are trained on labelled images."""
        config = self.config
        source, nothing = frozenset({"pool"}) if config.pretrain else TRAIN, frozenset[str]()
        reads = [nothing if given.released else source for given in (config.autoencoder, config.latent_diffusion)]
        found = [
            Part(AUTOENCODER, reads[0], (), config.autoencoder_part),
            Part(DIFFUSION, reads[1], (AUTOENCODER,), config.latent_diffusion_part),
        ]
        if config.finetune:
            found += [
                Part(IMAGE_CLASSIFIER, TRAIN, (), config.image_classifier_part),
                Part(DECODER, TRAIN, (AUTOENCODER, IMAGE_CLASSIFIER), config.decoder_part),
            ]
        return (*found, Part(LATENT_CLASSIFIER, TRAIN, (AUTOENCODER,), config.latent_classifier_part))

    def check(self) -> None:
        """Read the released parts, if any, so that a file that does not fit is reported before any work starts.

        Raises:
            ConfigError: neither the checkpoint nor the settings contain the latent scale.
            DataError: a file does not fit the settings, or does not fit the other file.
        """
        first, second = self.config.autoencoder, self.config.latent_diffusion
        if first.released is None:  # then the other part is not released either
            return
        from methods.latent.released_parts import read_autoencoder, read_denoiser

        autoencoder = read_autoencoder(self.config.autoencoder_part, first.released)
        if second.released is not None:
            read_denoiser(self.config.latent_diffusion_part, second.released, autoencoder)

    def fit(
        self, part: Part, data: Mapping[str, Dataset], fitted: Mapping[str, Path], out: Path, run: RunContext
    ) -> None:
        """Train one part, or read it from its released checkpoint."""
        config = self.config
        if part.name not in {own.name for own in self.parts()}:
            raise DataError(f"The part must be one of {[own.name for own in self.parts()]}", got=part.name)
        if not part.reads:
            self._read(part, fitted, out)
            return
        dataset = data["pool" if "pool" in part.reads else "train"]
        if part.name == AUTOENCODER:
            from methods.latent.autoencoder_training import train_autoencoder

            train_autoencoder(config.autoencoder_part, dataset, out, run)
        elif part.name == DIFFUSION:
            from methods.latent.diffusion_training import train_latent_diffusion

            train_latent_diffusion(config.latent_diffusion_part, dataset, fitted[AUTOENCODER], out, run)
        elif part.name == DECODER:
            from methods.histodiffusion.decoder import finetune_decoder

            finetune_decoder(config.decoder_part, dataset, fitted[AUTOENCODER], fitted[IMAGE_CLASSIFIER], out, run)
        elif part.name == IMAGE_CLASSIFIER:
            from methods.histodiffusion.classifiers import train_image_classifier

            train_image_classifier(config.image_classifier_part, dataset, out, run)
        else:
            from methods.histodiffusion.classifiers import train_latent_classifier

            train_latent_classifier(config.latent_classifier_part, dataset, fitted[AUTOENCODER], out, run)

    def _read(self, part: Part, fitted: Mapping[str, Path], out: Path) -> None:
        """Convert a released part, which needs no data."""
        from methods.latent.released_parts import keep_autoencoder, keep_denoiser

        if part.name == AUTOENCODER:
            keep_autoencoder(self.config.autoencoder_part, self.config.autoencoder.released, out)
        else:
            keep_denoiser(
                self.config.latent_diffusion_part, self.config.latent_diffusion.released, fitted[AUTOENCODER], out
            )

    def plan(self, data: Mapping[str, Dataset], n: int, rng: np.random.Generator) -> Iterator[Condition]:
        """Plan equally many images of each class."""
        config, sampler = self.config, self.config.sampler
        drawn = {"guidance_scale": config.guidance_scale, "steps": sampler.steps, "eta": sampler.eta}
        return class_conditions(data["train"], n, rng, {"profile": config.profile, **drawn})

    def render(
        self,
        conditions: Sequence[Condition],
        data: Mapping[str, Dataset],
        fitted: Mapping[str, Path],
        run: RunContext,
    ) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        """Draw each image from the class and the seed of its condition."""
        from methods.histodiffusion.render import draw_classes

        decoder = fitted[DECODER if self.config.finetune else AUTOENCODER]
        yield from draw_classes(conditions, self.config, fitted[DIFFUSION], fitted[LATENT_CLASSIFIER], decoder, run)
