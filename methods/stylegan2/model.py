"""A trained generator on disk: averaged weights, together with the settings that they fit."""

from __future__ import annotations

from pathlib import Path

from bench.contract import RunContext, Settings
from bench.training import load_weights, read_flags, save_weights, write_flags
from methods.stylegan2.config import StyleGAN2Part
from methods.stylegan2.generator import Generator

WEIGHTS, FLAGS = "weights.safetensors", "stylegan2.json"


class Flags(Settings):
    """What was trained: the settings of the part and the number of classes."""

    part: StyleGAN2Part
    classes: int


def make_generator(flags: Flags) -> Generator:
    """Return an untrained generator."""
    return Generator(flags.part.patch_size, flags.classes, flags.part.network)


def save_model(folder: Path, generator: Generator, flags: Flags) -> None:
    """Write the settings and then the weights, so that the weights are never without settings."""
    write_flags(folder / FLAGS, flags)
    save_weights(folder / WEIGHTS, generator)


def load_model(folder: Path, run: RunContext) -> tuple[Generator, Flags]:
    """Load a generator, in evaluation mode and on the device of the run.

    Raises:
        DataError: settings or weights are missing or do not fit each other.
    """
    from bench.training.fabric import Fabric

    flags = read_flags(folder / FLAGS, Flags, "a trained StyleGAN2")
    generator = make_generator(flags)
    load_weights(folder / WEIGHTS, generator)
    return generator.eval().to(Fabric(accelerator=run.device, devices=1).device), flags
