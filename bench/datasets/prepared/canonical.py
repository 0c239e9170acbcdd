"""The check that a sample is in canonical form, as `bench.contract.Sample` defines it."""

from __future__ import annotations

import numpy as np
from jaxtyping import UInt8

from bench.contract import DatasetInfo, Sample
from bench.errors import DataError
from bench.formats.labels.canonical import contiguous


def validate_sample(sample: Sample, info: DatasetInfo) -> None:
    """Raise an error if a sample is not in canonical form.

    Raises:
        DataError: a dtype, shape, id or class is not what `bench.contract.Sample` defines.
    """
    where = f"sample {sample.id!r} of {info.name}"
    image, instances, types = sample.image, sample.instances, sample.types
    text_only = sample.caption is not None and image.shape == (0, 0, 3)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or (image.size == 0 and not text_only):
        raise DataError(f"The image of {where} is not a uint8 array (h, w, 3)", got=f"{image.dtype} {image.shape}")
    for name, array in (("instances", instances), ("ignore", sample.ignore)):
        if array is not None and array.shape != image.shape[:2]:
            raise DataError(
                f"`{name}` of {where} differs in size from the image {image.shape[:2]}", got=f"{array.shape}"
            )
    if (instances is None) and types is not None:
        raise DataError(f"The types of {where} come without instances", got="only types")
    if instances is not None:
        exact = instances.dtype == np.int32 and instances.min() >= 0
        if not exact or len(contiguous(instances)[1]) != instances.max():
            raise DataError(
                f"The instance ids of {where} are not int32 and exactly 1..n", got=f"up to {instances.max()}"
            )
        if types is not None:
            _check_types(types, int(instances.max()), len(info.classes), where)
    if sample.label is not None and not 0 <= sample.label < len(info.labels):
        raise DataError(f"The label of {where} is not in 0..{len(info.labels) - 1}", got=str(sample.label))
    if not sample.group:
        raise DataError(f"The group of {where} is empty", got=repr(sample.group))


def _check_types(types: UInt8[np.ndarray, " n"], n: int, n_classes: int, where: str) -> None:
    if types.dtype != np.uint8 or types.shape != (n,):
        raise DataError(
            f"The types of {where} are not a uint8 array of {n} instances", got=f"{types.dtype} {types.shape}"
        )
    if n and not (types.min() >= 1 and types.max() <= n_classes):
        raise DataError(f"The types of {where} are not in 1..{n_classes}", got=f"{types.min()}..{types.max()}")
