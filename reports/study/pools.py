"""The images that a study can choose from: those of sealed sets by what they show, and real ones."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Int32, UInt8

from bench.contract import Sample
from bench.errors import ConfigError
from bench.synthetic import SyntheticRecord, SyntheticSet
from reports.study.results import OVERALL


@dataclass(frozen=True)
class RealImage:
    """A real image with its slide or patient, and its class if it has one."""

    id: str
    group: str
    label: str
    image: UInt8[np.ndarray, "h w 3"]


@dataclass(frozen=True)
class Pool:
    """A sealed set under the name that its method has in the study."""

    method: str
    content: SyntheticSet

    @cached_property
    def conditions(self) -> Mapping[str, int]:
        """What the samples of the set show, and the place of each; the nth sample of one mask is the nth everywhere."""
        found: dict[str, int] = {}
        seen: dict[str, int] = {}
        for index, record in enumerate(self.content.metadata):
            shown = _shown(record, self.content[index])
            seen[shown] = seen.get(shown, 0) + 1
            found[f"{shown} {seen[shown]}"] = index
        return found

    def label(self, condition: str) -> str:
        """Return the name of the class of a sample; empty if it has none."""
        label, names = self.content.metadata[self.conditions[condition]].label, self.content.info.labels
        return "" if label is None else names[label] if label < len(names) else str(label)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of its images.

        Raises:
            ConfigError: they differ.
        """
        sizes = {(record.height, record.width) for record in self.content.records}
        if len(sizes) != 1:
            several = ", ".join(f"{w}x{h}" for h, w in sorted(sizes))
            raise ConfigError(f"The images of {self.method} differ in size", got=several, fix="use sets of one size")
        return sizes.pop()


def check_pools(pools: Sequence[Pool]) -> None:
    """Refuse sets that cannot be in one study.

    Raises:
        ConfigError: two have one name, one has a reserved name, or sets differ in dataset, resolution or image size.
    """
    methods = [pool.method for pool in pools]
    reserved = [name for name in methods if name in ("real", "synthetic", OVERALL)]
    if reserved:
        fix = "give another name: `bench study build NAME=SET`"
        raise ConfigError("A set has a name that answers and numbers have", got=", ".join(reserved), fix=fix)
    twice = sorted({name for name in methods if methods.count(name) > 1})
    if twice:
        fix = "give them names: `bench study build a=SET b=SET`"
        raise ConfigError("Several sets have the same name", got=", ".join(twice), fix=fix)
    for what, values in (
        ("dataset", {pool.method: pool.content.info.name for pool in pools}),
        ("number of micrometres per pixel", {pool.method: f"{pool.content.info.mpp:g}" for pool in pools}),
        ("size of images", {pool.method: "{1}x{0}".format(*pool.size) for pool in pools}),
    ):
        if len(set(values.values())) > 1:
            got = ", ".join(f"{method}: {value}" for method, value in values.items())
            raise ConfigError(f"The sets differ in their {what}", got=got, fix="use sets of one dataset and preset")


def shared_conditions(pools: Sequence[Pool], n: int) -> list[str]:
    """Return what all sets show, in the order of the first set.

    Raises:
        ConfigError: they share fewer than `n` masks (or captions, or sources).
    """
    shared = [name for name in pools[0].conditions if all(name in pool.conditions for pool in pools)]
    if len(shared) < n:
        counts = ", ".join(f"{pool.method}: {len(pool.conditions)}" for pool in pools)
        raise ConfigError(
            f"The sets do not show {n} common masks, which the preference task needs",
            got=f"{len(shared)} in common of {counts}",
            fix="use sets that were rendered from the same masks (jobs/render-masks, `bench import --rendered-from "
            "test`), ask fewer questions (--preference N), or none (--preference 0)",
        )
    return shared


def _shown(record: SyntheticRecord, sample: Sample) -> str:
    """Return a text that is the same for samples of one mask; without masks, of one class, caption and source."""
    if sample.instances is not None:
        outlines = canonical(sample.instances)
        return hashlib.sha256(repr(outlines.shape).encode() + outlines.tobytes()).hexdigest()
    said = [record.label, record.caption, sorted(record.sources.items()), record.crop]
    known = said if any(part is not None and part != [] for part in said) else [record.id]
    return hashlib.sha256(repr(known).encode()).hexdigest()


def canonical(instances: Int32[np.ndarray, "h w"]) -> Int32[np.ndarray, "h w"]:
    """Return instances numbered in the order in which they first appear."""
    ids, first, inverse = np.unique(instances, return_index=True, return_inverse=True)
    background = ids == 0
    order = np.argsort(np.where(background, -1, first))
    numbers = np.empty(len(ids), np.int32)
    numbers[order] = np.arange(len(ids)) + (0 if background.any() else 1)
    return numbers[inverse].reshape(instances.shape)
