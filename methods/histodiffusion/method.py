"""HistoDiffusion as a method, which draws equally many images of each class."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
from jaxtyping import UInt8

from bench.contract import Condition, Dataset, Part, RunContext, Weights
from bench.errors import DataError
from methods.class_conditions import class_conditions
from methods.histodiffusion.config import DecoderPart, HistoDiffusionConfig, ImageClassifierPart, LatentClassifierPart
from methods.latent.config import (
    AutoencoderPart,
    LatentDiffusionPart,
    ReleasedAutoencoderPart,
    ReleasedClassifierPart,
    ReleasedDiffusionPart,
)
from methods.selection import Selective

AUTOENCODER, DIFFUSION = "autoencoder", "latent-diffusion"
IMAGE_CLASSIFIER, DECODER, LATENT_CLASSIFIER = "image-classifier", "decoder", "latent-classifier"
TRAIN = frozenset({"train"})


class HistoDiffusion(Selective):
    """Latent diffusion, pre-trained on unlabelled images, guided by a classifier (Ye et al., MICCAI 2023)."""

    Config: ClassVar[type[HistoDiffusionConfig]] = HistoDiffusionConfig
    version = 2
    conditions = frozenset({"class"})
    roles = frozenset({"train", "pool"})
    config: HistoDiffusionConfig

    def __init__(self, config: HistoDiffusionConfig) -> None:
        """Store the settings; if nothing is trained on unlabelled images, the method does not ask for them."""
        self.config = config
        self.ratio = max(arm.ratio for arm in config.selection)
        self.chunk = max(self.chunk, config.sampler.batch_size)
        if not any("pool" in part.reads for part in self.parts()):
            self.roles = TRAIN

    @property
    def first_stage(self) -> str:  # type: ignore[override]
        """The autoencoder with the decoder that draws images."""
        return DECODER if self.config.finetune else AUTOENCODER

    def parts(self) -> Sequence[Part]:
        """Return the pre-trained parts, then the parts that are trained on labelled images."""
        config = self.config
        source, nothing = frozenset({"pool"}) if config.pretrain else TRAIN, frozenset[str]()
        reads = [nothing if given.released else source for given in (config.autoencoder, config.latent_diffusion)]
        batch = config.latent_diffusion.training.batch_size if reads[1] else 0
        found = [
            Part(AUTOENCODER, reads[0], (), config.autoencoder_part),
            Part(DIFFUSION, reads[1], (AUTOENCODER,), config.latent_diffusion_part, batch),
        ]
        if config.finetune:
            classifier, decoder = config.image_classifier_part, config.decoder_part
            found += [
                Part(IMAGE_CLASSIFIER, TRAIN, (), classifier, classifier.training.batch_size),
                Part(DECODER, TRAIN, (AUTOENCODER, IMAGE_CLASSIFIER), decoder, decoder.training.batch_size),
            ]
        reads_train = nothing if config.latent_classifier.released else TRAIN
        batch = config.latent_classifier.training.batch_size if reads_train else 0
        part = config.latent_classifier_part
        return (*found, Part(LATENT_CLASSIFIER, reads_train, (AUTOENCODER,), part, batch))

    def weights(self) -> Sequence[Weights]:
        """List the released parts, if any, and LPIPS's trunk where reconstructions are compared on it."""
        from methods.histodiffusion.starting_weights import starting_weights

        return starting_weights(self.config)

    def check(self) -> None:
        """Read the released parts, if any, so that a file that does not fit is reported before any work starts.

        Raises:
            ConfigError: neither the checkpoint nor the settings contain the latent scale.
            DataError: a file does not fit the settings, or does not fit the other file.
        """
        config = self.config
        first, second, third = config.autoencoder_part, config.latent_diffusion_part, config.latent_classifier_part
        if not isinstance(first, ReleasedAutoencoderPart):  # then the other parts are not released either
            return
        from methods.latent.released_parts import read_autoencoder, read_denoiser

        autoencoder = read_autoencoder(first, config.autoencoder.file)
        if isinstance(second, ReleasedDiffusionPart):
            read_denoiser(second, config.latent_diffusion.file, autoencoder)
        if isinstance(third, ReleasedClassifierPart):
            from methods.histodiffusion.released_classifier import read_classifier

            read_classifier(third, config.latent_classifier.file, autoencoder)

    def check_classes(self, nuclei: Sequence[str], labels: Sequence[str]) -> None:
        """Compare the number of classes of a released classifier with the dataset's."""
        if self.config.latent_classifier.released is None:
            return
        from methods.histodiffusion.released_classifier import classes_of
        from methods.released_classes import compare_classes

        file = self.config.latent_classifier.file
        compare_classes(f"The classifier in {file}", classes_of(file), None, labels)

    def fit(
        self, part: Part, data: Mapping[str, Dataset], fitted: Mapping[str, Path], out: Path, run: RunContext
    ) -> None:
        """Train one part, or read it from its released checkpoint."""
        given = part.config
        if part.name not in {own.name for own in self.parts()}:
            raise DataError(f"The part must be one of {[own.name for own in self.parts()]}", got=part.name)
        if isinstance(given, ReleasedAutoencoderPart):
            from methods.latent.released_parts import keep_autoencoder

            keep_autoencoder(given, self.config.autoencoder.file, out)
            return
        if isinstance(given, ReleasedDiffusionPart):
            from methods.latent.released_parts import keep_denoiser

            keep_denoiser(given, self.config.latent_diffusion.file, fitted[AUTOENCODER], out)
            return
        if isinstance(given, ReleasedClassifierPart):
            from methods.histodiffusion.released_classifier import keep_classifier

            keep_classifier(given, self.config.latent_classifier.file, fitted[AUTOENCODER], out)
            return
        dataset = data["pool" if "pool" in part.reads else "train"]
        if isinstance(given, AutoencoderPart):
            from methods.latent.autoencoder_training import train_autoencoder

            train_autoencoder(given, dataset, out, run)
        elif isinstance(given, LatentDiffusionPart):
            from methods.latent.diffusion_training import train_latent_diffusion

            train_latent_diffusion(given, dataset, fitted[AUTOENCODER], out, run)
        elif isinstance(given, DecoderPart):
            from methods.histodiffusion.decoder import finetune_decoder

            finetune_decoder(given, dataset, fitted[AUTOENCODER], fitted[IMAGE_CLASSIFIER], out, run)
        elif isinstance(given, ImageClassifierPart):
            from methods.histodiffusion.classifiers import train_image_classifier

            train_image_classifier(given, dataset, out, run)
        elif isinstance(given, LatentClassifierPart):
            from methods.histodiffusion.classifiers import train_latent_classifier

            train_latent_classifier(given, dataset, fitted[AUTOENCODER], out, run)

    def plan(self, data: Mapping[str, Dataset], n: int, rng: np.random.Generator) -> Iterator[Condition]:
        """Plan equally many images of each class."""
        config, sampler = self.config, self.config.sampler
        self.check_classes(data["train"].info.classes, data["train"].info.labels)
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

        decoder = fitted[self.first_stage]
        yield from draw_classes(conditions, self.config, fitted[DIFFUSION], fitted[LATENT_CLASSIFIER], decoder, run)

    def reconstruct(
        self, images: Iterable[UInt8[np.ndarray, "h w 3"]], fitted: Mapping[str, Path], run: RunContext
    ) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        """Yield each image as the autoencoder with the decoder that draws gives it back."""
        from methods.latent.reconstruction import reconstruct

        yield from reconstruct(images, fitted[self.first_stage], self.chunk, run)
