"""Drawing of conditions with a loaded pipeline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from diffusers import DiffusionPipeline
from jaxtyping import UInt8
from PIL import Image

from bench.contract import Condition, DatasetInfo, RunContext
from bench.errors import JobError
from methods.diffusers_folder.call import Call
from methods.diffusers_folder.config import DiffusersFolderConfig
from methods.diffusers_folder.geometry import cut_patch
from methods.diffusers_folder.loading import load_pipeline


def check_pipeline(config: DiffusersFolderConfig, info: DatasetInfo, image: int, pixels: int, run: RunContext) -> str:
    """Load the pipeline, check the settings against it and return the name of its class.

    Raises:
        ConfigError: the settings do not fit the pipeline.
        DataError: its files do not fit each other.
    """
    pipeline = load_pipeline(config, run)
    Call(pipeline, config, info, image, pixels)
    return type(pipeline).__name__


def draw_images(
    conditions: Sequence[Condition],
    config: DiffusersFolderConfig,
    info: DatasetInfo,
    image: int,
    pixels: int,
    run: RunContext,
) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
    """Draw one patch per condition, in order.

    The noise of an image depends only on the seed of its condition, so other images in the batch change only the last
    bits.

    Args:
        conditions: what to draw.
        config: the settings.
        info: names the classes of the dataset.
        image: side of the drawn images in pixels.
        pixels: side of the middle that shows the patch.
        run: device and precision.

    Raises:
        JobError: the pipeline failed, or returned other images than asked for.
    """
    pipeline = load_pipeline(config, run)
    call = Call(pipeline, config, info, image, pixels)
    for start in range(0, len(conditions), config.batch_size):
        batch = conditions[start : start + config.batch_size]
        for drawn in _draw(pipeline, call.arguments(batch), len(batch), image):
            yield cut_patch(drawn, pixels, config.patch_size)


def _draw(pipeline: DiffusionPipeline, arguments: dict[str, Any], n: int, size: int) -> list[np.ndarray]:
    kind = type(pipeline).__name__
    try:
        with torch.inference_mode():
            output = pipeline(**arguments)
    except (TypeError, ValueError) as error:
        raise JobError(
            f"The pipeline {kind} did not accept its arguments",
            got=f"{type(error).__name__}: {error}",
            fix="correct the settings method.image_size, method.mask and method.arguments",
        ) from error
    images = [_pixels(one) for one in (output[0] if isinstance(output, tuple) else output.images)]
    shapes = {image.shape for image in images}
    if len(images) != n or shapes != {(size, size, 3)}:
        raise JobError(
            f"The pipeline {kind} did not draw {n} RGB images of {size} x {size} pixels",
            got=f"{len(images)} of {', '.join(map(str, sorted(shapes)))}",
            fix="set method.image_size to the size that it draws, or method.batch_size=1 if it draws one per call",
        )
    return images


def _pixels(image: Image.Image | np.ndarray) -> UInt8[np.ndarray, "h w 3"]:
    if isinstance(image, Image.Image):
        return np.asarray(image.convert("RGB"))
    return np.asarray(np.rint(np.clip(image, 0, 1) * 255), np.uint8)
