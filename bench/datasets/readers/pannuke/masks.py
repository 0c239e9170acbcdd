"""PanNuke's masks, five channels of instances and one of background, turned into one instance map."""

from __future__ import annotations

import numpy as np
from jaxtyping import Num

from bench.errors import DataError
from bench.formats.labels.canonical import NucleusLabels, contiguous, whole_numbers

N_CLASSES = 5
"""Channel c in 0..4 holds the instances of class c + 1; channel 5 is 1 on background."""

_LARGEST_SHARE = 0.5
# share of a patch of 64 um; nuclei are far below it, background is nearly always above


def merge_channels(masks: Num[np.ndarray, "h w 6"], where: str) -> NucleusLabels:
    """Return canonical labels of a patch.

    Ids restart in each channel, so each channel is renumbered after the previous one. Where two channels overlap the
    later one wins, as in CellViT's preparation and torch-em (575 patches, 4,318 pixels of the release). What is
    left of a nucleus stays one instance even if it is in pieces; one that is covered completely vanishes and the ids
    close up, so there may be fewer nuclei than (channel, id) pairs. Background is not read, since 162 patches lack it.

    Raises:
        DataError: ids are fractional or negative, or the background is not in the last channel.
    """
    ids = whole_numbers(masks, f"instance ids in {where}", 2**31 - 1)
    *largest, background = ids.reshape(-1, N_CLASSES + 1).max(axis=0).tolist()
    if background > 1:
        raise _reordered(where, f"ids up to {background} in channel {N_CLASSES}")
    instances = np.zeros(ids.shape[:2], np.int32)
    kinds: list[int] = []
    for channel in np.flatnonzero(largest).tolist():
        own, names = contiguous(np.ascontiguousarray(ids[..., channel]))
        share = np.bincount(own.ravel())[1:].max() / own.size
        if share > _LARGEST_SHARE:
            raise _reordered(where, f"one instance on {share:.0%} of the patch in channel {channel}")
        inside = own > 0
        instances[inside] = own[inside] + len(kinds)
        kinds += [channel + 1] * len(names)
    instances, left = contiguous(instances)
    return NucleusLabels(instances, np.asarray(kinds, np.uint8)[left - 1])


def _reordered(where: str, got: str) -> DataError:
    """Raise an error if channels are in another order: some preparations move the background to the front."""
    return DataError(
        f"Channels 0..{N_CLASSES - 1} do not hold nuclei, or channel {N_CLASSES} not background (0 or 1), in {where}",
        got=got,
        fix="unpack the official fold_1.zip, fold_2.zip and fold_3.zip: some preparations reorder the channels",
    )
