"""What this machine can run: devices, store, datasets, weights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
from pydantic import ValidationError

from bench.contract import Downstream, Weights
from bench.engine.store import check_writable
from bench.errors import BenchError, MissingError
from bench.extras import check_installed
from bench.registry import load, names


@dataclass(frozen=True)
class Diagnosis:
    """The result of one check."""

    name: str
    ok: bool
    text: str
    fix: str = ""


def examine(store: Path, data_root: Path | None, weights: Path | None) -> Iterator[tuple[str, list[Diagnosis]]]:
    """Yield the title and the results of each group of checks."""
    yield "machine", list(_machine(store))
    yield "datasets", list(_datasets(data_root))
    methods = list(_methods())
    if methods:
        yield "methods that start from weights", methods
    yield "encoders", list(_encoders(weights))
    needing = list(_evaluations(weights))
    if needing:
        yield "evaluations that need weights", needing
    yield "downstream networks that start from weights", list(_networks(weights))
    yield "presets", list(_presets(_gpu().ok))


def _machine(store: Path) -> Iterator[Diagnosis]:
    memory = psutil.virtual_memory()
    cores = psutil.cpu_count(logical=False)
    yield Diagnosis("cpu", True, f"{cores} cores, {memory.available / 1024**3:.1f} GiB of memory free")
    yield _gpu()
    try:
        check_writable(store)
        yield Diagnosis("store", True, f"{store}, {psutil.disk_usage(str(store)).free / 1024**3:.0f} GiB free")
    except BenchError as error:
        yield Diagnosis("store", False, f"{error.message}: {error.got}", error.fix)


def _gpu() -> Diagnosis:
    try:
        check_installed("torch")
    except MissingError as error:
        return Diagnosis("gpu", False, error.message, error.fix)
    import torch

    if not torch.cuda.is_available():
        return Diagnosis("gpu", False, "torch finds none", "presets tiny and smoke run on the CPU in minutes")
    properties = torch.cuda.get_device_properties(0)
    return Diagnosis("gpu", True, f"{properties.name}, {properties.total_memory / 1024**3:.0f} GiB")


def _datasets(root: Path | None) -> Iterator[Diagnosis]:
    from bench.datasets.card import card_names, load_card
    from bench.datasets.source import source_of

    for name in card_names():
        card = load_card(name)
        if card.generic:
            continue
        try:
            source_of(card, root).locate()
            yield Diagnosis(name, True, card.title)
        except BenchError as error:
            fetch = f"run `bench data get {name}`; or " if card.download else ""
            yield Diagnosis(name, False, card.title, f"{fetch}{error.fix}")


def _methods() -> Iterator[Diagnosis]:
    """Yield the weights that methods start from with their default settings; some need settings to have any."""
    for name in names("methods"):
        plugin = load("methods", name)
        try:
            needed = plugin(plugin.Config()).weights()
        except (ValidationError, BenchError):  # settings that only the user can give, such as a command
            continue
        yield from (_weights(name, weights) for weights in needed)


def _networks(folder: Path | None) -> Iterator[Diagnosis]:
    for name in names("downstream"):
        plugin = load("downstream", name)
        network: Downstream = plugin(plugin.Config()).with_weights(folder)
        yield from (_weights(name, weights) for weights in network.weights())


def _encoders(folder: Path | None) -> Iterator[Diagnosis]:
    for name in names("encoders"):
        needed = load("encoders", name).weights(folder)
        if not needed:
            yield Diagnosis(name, True, "needs no weights")
        yield from (_weights(name, weights) for weights in needed)


def _evaluations(folder: Path | None) -> Iterator[Diagnosis]:
    """Yield the weights of evaluations; none without torch, whose absence is a finding about the GPU."""
    try:
        check_installed("torch")
    except MissingError:
        return
    for name in names("evaluations"):
        yield from (_weights(name, weights) for weights in load("evaluations", name)().weights(folder))


def _weights(name: str, needed: Weights) -> Diagnosis:
    fix = f"{needed.reason.rstrip('.')}; {needed.how}".removeprefix("; ")
    return Diagnosis(name, needed.found, f"{needed.name}; {needed.size}", fix)


def _presets(accelerated: bool) -> Iterator[Diagnosis]:
    from bench.config import load_preset, preset_names

    for name in preset_names():
        preset = load_preset(name)
        runs = accelerated or not preset.needs_accelerator
        fix = "needs an accelerator; --device cpu runs it here anyway, slowly"
        yield Diagnosis(name, runs, f"{preset.summary} ({preset.duration})", fix)
