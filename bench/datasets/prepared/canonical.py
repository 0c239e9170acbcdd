"""Whether a sample is in canonical form, as `bench.contract.Sample` says."""

from __future__ import annotations

import numpy as np
from jaxtyping import UInt8

from bench.contract import DatasetInfo, Sample
from bench.errors import DataError
from bench.formats.labels.canonical import contiguous


def validate_sample(sample: Sample, info: DatasetInfo) -> None:
    """Refuse a sample that is not in canonical form.

    Raises:
        DataError: a dtype, shape, id or class is not what `bench.contract.Sample` says; names the sample.
    """
    where = f"sample {sample.id!r} of {info.name}"
    image, instances, types = sample.image, sample.instances, sample.types
    text_only = sample.caption is not None and image.shape == (0, 0, 3)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or (image.size == 0 and not text_only):
        raise DataError(f"expected a uint8 (h, w, 3) image in {where}", got=f"{image.dtype} {image.shape}")
    for name, array in (("instances", instances), ("ignore", sample.ignore)):
        if array is not None and array.shape != image.shape[:2]:
            raise DataError(f"expected {name} of the image's size {image.shape[:2]} in {where}", got=f"{array.shape}")
    if (instances is None) and types is not None:
        raise DataError(f"expected instances beside types in {where}", got="types alone")
    if instances is not None:
        exact = instances.dtype == np.int32 and instances.min() >= 0
        if not exact or len(contiguous(instances)[1]) != instances.max():
            raise DataError(f"expected int32 instance ids exactly 1..n in {where}", got=f"up to {instances.max()}")
        if types is not None:
            _check_types(types, int(instances.max()), len(info.classes), where)
    if sample.label is not None and not 0 <= sample.label < len(info.labels):
        raise DataError(f"expected a label in 0..{len(info.labels) - 1} in {where}", got=str(sample.label))
    if not sample.group:
        raise DataError(f"expected a group in {where}", got="none")


def _check_types(types: UInt8[np.ndarray, " n"], n: int, n_classes: int, where: str) -> None:
    if types.dtype != np.uint8 or types.shape != (n,):
        raise DataError(f"expected {n} uint8 types in {where}", got=f"{types.dtype} {types.shape}")
    if n and not (types.min() >= 1 and types.max() <= n_classes):
        raise DataError(f"expected types in 1..{n_classes} in {where}", got=f"{types.min()}..{types.max()}")
