"""The samples of a dataset that have captions, or half of them, so that the other half has only masks."""

from __future__ import annotations

from bench.datasets.prepared.read import PreparedDataset
from bench.errors import DataError

FIX = "name a dataset of captions: --data text=NAME"


def with_captions(data: PreparedDataset) -> PreparedDataset:
    """Return the samples that have a caption.

    Raises:
        DataError: no sample has one.
    """
    kept = [index for index, record in enumerate(data.records) if record.caption]
    if not kept:
        what = f"No sample of {data.info.name} ({data.info.split}) has a caption, but a method reads captions"
        raise DataError(what, got=f"{len(data)} samples without captions", fix=FIX)
    return data if len(kept) == len(data) else data.subset(kept)


def caption_half(data: PreparedDataset) -> PreparedDataset:
    """Return the captioned samples of every second group, in the order of the dataset.

    The samples that are left, of which at least one group stays, serve as masks without captions: no image and no
    group is in both halves.

    Raises:
        DataError: no sample has a caption, or there is only one group.
    """
    captioned = with_captions(data)
    groups = list(dict.fromkeys(captioned.groups))
    chosen = set(groups[1::2] or groups)
    if not set(data.groups) - chosen:
        raise DataError(
            f"{data.info.name} cannot be divided into captions and masks that share no group",
            got=f"one group, {groups[0]!r}, in its {data.info.split} split",
            fix=FIX,
        )
    return captioned.subset(index for index, group in enumerate(captioned.groups) if group in chosen)
