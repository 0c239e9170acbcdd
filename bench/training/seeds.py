"""Seeding torch without touching the global state of the process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


def torch_generator(seed: int, device: str = "cpu") -> torch.Generator:
    """Return a seeded generator on `device`; its numbers depend on the device kind."""
    generator = torch.Generator(device=device)
    generator.manual_seed(seed)
    return generator


@contextmanager
def seeded(seed: int, device: str = "cpu") -> Iterator[None]:
    """Seed torch's global generators (weight initialisation, dropout) within a block, and restore them after it."""
    devices = [torch.cuda.current_device()] if device == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield
