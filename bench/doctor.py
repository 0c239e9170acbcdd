"""What this machine can run: devices, store, datasets, weights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.contract import Requirement
from bench.errors import BenchError, MissingError
from bench.extras import check_installed
from bench.jobs.store import check_writable
from bench.registry import load, names


@dataclass(frozen=True)
class Diagnosis:
    """One thing that was looked at."""

    name: str
    ok: bool
    text: str
    fix: str = ""


def examine(store: Path, data_root: Path | None, weights: Path | None) -> Iterator[tuple[str, list[Diagnosis]]]:
    """Yield titles and what was found below each."""
    yield "machine", list(_machine(store))
    yield "datasets", list(_datasets(data_root))
    yield "encoders", [_encoder(name, weights) for name in names("encoders")]
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
        return Diagnosis("gpu", False, "none that torch can use", "presets tiny and smoke run on the CPU in minutes")
    properties = torch.cuda.get_device_properties(0)
    return Diagnosis("gpu", True, f"{properties.name}, {properties.total_memory / 1024**3:.0f} GiB")


def _datasets(root: Path | None) -> Iterator[Diagnosis]:
    from bench.datasets.card import card_names, load_card
    from bench.datasets.opening import source_of

    for name in card_names():
        card = load_card(name)
        if card.generic:
            continue
        try:
            source_of(card, root).locate()
            yield Diagnosis(name, True, card.title)
        except BenchError as error:
            yield Diagnosis(name, False, card.title, error.fix)


def _encoder(name: str, weights: Path | None) -> Diagnosis:
    return _required(name, load("encoders", name).requirement(weights))


def _required(name: str, requirement: Requirement) -> Diagnosis:
    text = f"{requirement.name}; {requirement.size}"
    fix = f"{requirement.reason} get it from {requirement.source}; set {requirement.setting}".strip()
    return Diagnosis(name, requirement.found, text, fix)


def _networks(weights: Path | None) -> Iterator[Diagnosis]:
    for name in names("downstream"):
        plugin = load("downstream", name)
        network = plugin(plugin.Config())
        if not hasattr(network, "with_weights"):
            continue
        requirement = network.with_weights(weights).requirement()
        if requirement is not None:
            yield _required(name, requirement)


def _presets(accelerated: bool) -> Iterator[Diagnosis]:
    from bench.config import load_preset, preset_names

    for name in preset_names():
        preset = load_preset(name)
        runs = accelerated or not preset.needs_accelerator
        fix = "needs an accelerator; --device cpu runs it here all the same, slowly"
        yield Diagnosis(name, runs, f"{preset.summary} ({preset.duration})", fix)
