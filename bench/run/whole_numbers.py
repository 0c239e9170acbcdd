"""Digests of stages that compute with whole numbers only: they are equal on every processor."""

from __future__ import annotations

from bench.contract import Dataset
from bench.digest import digest
from bench.stages.select import Select
from bench.stages.synthesize import Made


def split_digest(data: Dataset) -> str:
    """Return a digest of the samples of a split: ids, groups, sizes, labels and counts of nuclei, without pixels."""
    return digest([[one.id, one.group, one.height, one.width, one.label, one.nuclei] for one in data.records])


def plan_digest(made: Made) -> str:
    """Return a digest of what the images of a set show: kinds, sources, crops and labels, without pixels.

    It is empty for images that were chosen by the features of a network, which differ between processors.
    """
    if made.finished.stage == Select.stage:
        return ""
    return digest([[one.id, one.kind, one.sources, one.crop, one.label] for one in made.set.metadata])
