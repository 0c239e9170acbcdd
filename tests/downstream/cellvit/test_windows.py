"""CellViT's windows: all positions come from the middle of a window, and stitching neither cuts nor doubles a nucleus.

Attention makes the maps of a window depend on all of it, so windows are tested with networks that see one pixel, or
nothing but the position in the window. `test_generalises` compares shifted windows of a trained network.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from downstream.cellvit.config import CellViTConfig
from downstream.cellvit.family import OVERLAP, CellViTFamily
from downstream.nuclei.family import Subject
from downstream.nuclei.maps import predicted_maps
from downstream.targets import make_targets
from downstream.tiles import predict_maps
from metrics.instances import instance_f1
from metrics.overlap import overlap
from tests.toy import CLASSES

SIDE = 1000


def family(patch: int) -> CellViTFamily:
    return CellViTFamily(CellViTConfig(patch=patch, edge=0.5), Subject(CLASSES, (), 0.5), {})


def discs() -> tuple[np.ndarray, np.ndarray]:
    """Return instances and types of discs on a jittered grid, so that most window borders cut some of them."""
    rng = np.random.default_rng(0)
    instances, types = np.zeros((SIDE, SIDE), np.int32), []
    for centre_y in range(12, SIDE - 12, 20):
        for centre_x in range(12, SIDE - 12, 20):
            y, x = centre_y + rng.integers(-2, 3), centre_x + rng.integers(-2, 3)
            rows, columns = np.mgrid[-7:8, -7:8]
            types.append(int(rng.integers(1, 5)))
            instances[y - 7 : y + 8, x - 7 : x + 8][rows**2 + columns**2 <= rng.integers(16, 50)] = len(types)
    return instances, np.array(types, np.uint8)


class PixelReader(nn.Module):
    """CellViT's outputs for an image whose channels hold the type and the offsets of every pixel."""

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        types, x, y = images.movedim(-1, 0).float()
        logits = nn.functional.one_hot((types / 50).long(), len(CLASSES) + 1).movedim(-1, 1).float()
        nucleus = 10 * (types > 0).float() - 5
        return {
            "nuclei_binary_map": torch.stack([-nucleus, nucleus], 1),
            "hv_map": torch.stack([x, y], 1) / 127 - 1,
            "nuclei_type_map": logits,
        }


@pytest.mark.parametrize("patch", [64, 256])
def test_no_nucleus_is_cut_or_doubled(patch: int) -> None:
    instances, types = discs()
    of_pixels = np.concatenate([[0], types])[instances].astype(np.uint8)
    targets = make_targets(instances, of_pixels, SIDE, 0.5)
    image = np.dstack([50 * of_pixels, np.round(127 * (targets.hv + 1)).astype(np.uint8)])
    cellvit, reader = family(patch), PixelReader()
    rows, _, _ = cellvit.windows(SIDE, SIDE)
    borders = np.array(rows.starts[1:])
    assert (instances[borders] == instances[borders - 1])[instances[borders] > 0].any()
    stitched = predicted_maps(image, reader, cellvit, torch.device("cpu"))
    whole = cellvit.maps(reader(torch.from_numpy(image)[None]))[0].movedim(0, -1).numpy()
    np.testing.assert_array_equal(stitched, whole)
    found = cellvit.decoder(stitched)
    assert found.instances is not None
    assert found.types is not None
    assert found.instances.max() == instances.max() > 2000
    assert instance_f1(overlap(instances, found.instances), threshold=0.8) == 1
    assert (np.concatenate([[0], found.types])[found.instances] == of_pixels)[found.instances > 0].all()


@pytest.mark.parametrize(("patch", "margin"), [(64, 16), (256, OVERLAP)])
def test_every_pixel_comes_from_the_middle_of_a_window(patch: int, margin: int) -> None:
    inside = np.minimum(np.arange(patch), np.arange(patch)[::-1])
    depth = np.minimum(inside[:, None], inside).astype(np.float32)

    def apply(windows: np.ndarray) -> np.ndarray:
        return np.broadcast_to(depth, (len(windows), 1, patch, patch))

    for shape in ((SIDE, SIDE), (patch + 1, 3 * patch - 7)):
        image = np.zeros((*shape, 3), np.uint8)
        stitched = predict_maps(image, apply, *family(patch).windows(*shape))
        assert stitched.shape == (*shape, 1)
        assert stitched.min() == margin


def test_a_tile_that_fits_is_one_window() -> None:
    rows, columns, _ = family(64).windows(64, 50)
    assert (rows.starts, columns.starts) == (range(0, 64, 64), range(0, 50, 64))
    assert (rows.margin, columns.margin) == (0, 0)
