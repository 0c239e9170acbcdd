"""HoVer-Net's targets, losses and post-processing written out plainly, one nucleus and one pixel at a time."""

from __future__ import annotations

import cv2
import numpy as np
from scipy import ndimage
from skimage.segmentation import watershed


def offsets_of_nucleus(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Offset maps of one nucleus, with the release's enlarged bounding box clamped to the patch."""
    x_map, y_map = np.zeros(mask.shape, np.float32), np.zeros(mask.shape, np.float32)
    rows, columns = np.where(mask)
    top, bottom = max(rows.min() - 2, 0), rows.max() + 3
    left, right = max(columns.min() - 2, 0), columns.max() + 3
    box = mask[top:bottom, left:right].astype(np.uint8)
    centre_y, centre_x = (int(value + 0.5) for value in ndimage.center_of_mass(box))
    xs = np.where(box, np.arange(1, box.shape[1] + 1)[None] - centre_x, 0).astype(np.float32)
    ys = np.where(box, np.arange(1, box.shape[0] + 1)[:, None] - centre_y, 0).astype(np.float32)
    for offsets in (xs, ys):
        if offsets.min() < 0:
            offsets[offsets < 0] /= -offsets.min()
        if offsets.max() > 0:
            offsets[offsets > 0] /= offsets.max()
    x_map[top:bottom, left:right], y_map[top:bottom, left:right] = xs, ys
    return x_map, y_map


def offset_maps(instances: np.ndarray, window: np.ndarray, least: int) -> np.ndarray:
    maps = np.zeros((*instances.shape, 2), np.float32)
    for number in np.unique(instances):
        if number == 0 or (window == number).sum() < least:
            continue
        mask = instances == number
        x_map, y_map = offsets_of_nucleus(mask)
        maps[mask, 0], maps[mask, 1] = x_map[mask], y_map[mask]
    return maps


def without_specks(labels: np.ndarray, least: int) -> np.ndarray:
    labels = labels.copy()
    for number in np.unique(labels):
        if (labels == number).sum() < least:
            labels[labels == number] = 0
    return labels


def decode(probability: np.ndarray, hv: np.ndarray, kernel: int = 21, opening: int = 5, least: int = 10) -> np.ndarray:
    """Steps 1 to 4 of the release's post-processing; ids may have gaps."""
    blobs = without_specks(ndimage.label(probability >= 0.5)[0], least)
    blobs = (blobs > 0).astype(np.int32)

    def unit(values: np.ndarray) -> np.ndarray:
        return cv2.normalize(values, None, alpha=0, beta=1, norm_type=cv2.NORM_MINMAX, dtype=cv2.CV_32F)

    horizontal, vertical = unit(hv[..., 0].astype(np.float32)), unit(hv[..., 1].astype(np.float32))
    along_x = 1 - unit(cv2.Sobel(horizontal, cv2.CV_64F, 1, 0, ksize=kernel))
    along_y = 1 - unit(cv2.Sobel(vertical, cv2.CV_64F, 0, 1, ksize=kernel))
    overall = np.maximum(along_x, along_y) - (1 - blobs)
    overall[overall < 0] = 0
    energy = -cv2.GaussianBlur((1.0 - overall) * blobs, (3, 3), 0)
    marker = blobs - (overall >= 0.4).astype(np.int32)
    marker[marker < 0] = 0
    marker = ndimage.binary_fill_holes(marker).astype(np.uint8)
    marker = cv2.morphologyEx(marker, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (opening, opening)))
    marker = without_specks(ndimage.label(marker)[0], least)
    return watershed(energy, marker, mask=blobs.astype(bool))


def type_of(types: np.ndarray) -> int:
    """Most frequent type of an instance's pixels; the runner-up where that is background."""
    values, counts = np.unique(types, return_counts=True)
    ranked = [value for value, _ in sorted(zip(values, counts, strict=True), key=lambda pair: -pair[1])]
    if ranked[0] == 0 and len(ranked) > 1:
        return int(ranked[1])
    return int(ranked[0])


def instance_info(
    instances: np.ndarray, types: np.ndarray
) -> list[tuple[int, tuple[int, ...], tuple[float, ...], int]]:
    """Area, box, centroid (x, y) and type of each nucleus, from a mask of the whole map each."""
    found = []
    for number in np.unique(instances):
        if number:
            mask = instances == number
            rows, columns = np.where(mask)
            box = (rows.min(), columns.min(), rows.max() + 1, columns.max() + 1)
            found.append((len(rows), box, (columns.mean(), rows.mean()), type_of(types[mask])))
    return found
