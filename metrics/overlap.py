"""The overlap table of two instance maps: the one pass over pixels that every instance metric reads."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float64, Int64, Integer

from bench.errors import DataError

# With ids below 2^31, the code of any pair of ids fits into 64 bits.
_LARGEST_ID = 2**31 - 1


@dataclass(frozen=True)
class Overlap:
    """How the instances of a true and a predicted map overlap, in pixels.

    `true_ids` and `pred_ids` are the ids found, ascending, with their areas. Row `k` of the pairs
    says that instance `true_ids[true_index[k]]` and `pred_ids[pred_index[k]]` share `intersection[k]` > 0
    pixels; pairs are ordered by true, then by predicted instance.
    """

    true_ids: Int64[np.ndarray, " t"]
    pred_ids: Int64[np.ndarray, " p"]
    true_areas: Int64[np.ndarray, " t"]
    pred_areas: Int64[np.ndarray, " p"]
    true_index: Int64[np.ndarray, " k"]
    pred_index: Int64[np.ndarray, " k"]
    intersection: Int64[np.ndarray, " k"]

    @cached_property
    def union(self) -> Int64[np.ndarray, " k"]:
        """The number of pixels that either instance of each pair covers."""
        areas = self.true_areas[self.true_index] + self.pred_areas[self.pred_index]
        return np.asarray(areas - self.intersection)

    @cached_property
    def _iou(self) -> Float64[np.ndarray, " k"]:
        return np.asarray(self.intersection / self.union, dtype=np.float64)

    def iou(self) -> Float64[np.ndarray, " k"]:
        """Return intersection over union of each overlapping pair, in (0, 1]."""
        return self._iou

    @property
    def n_true(self) -> int:
        """The number of true instances."""
        return len(self.true_ids)

    @property
    def n_pred(self) -> int:
        """The number of predicted instances."""
        return len(self.pred_ids)

    @property
    def both_empty(self) -> bool:
        """Whether neither map contains an instance; then no metric is defined."""
        return self.n_true == 0 and self.n_pred == 0

    def dense(self) -> Int64[np.ndarray, "t p"]:
        """Return the whole table of intersections, zeros included."""
        table = np.zeros((self.n_true, self.n_pred), dtype=np.int64)
        table[self.true_index, self.pred_index] = self.intersection
        return table

    def select(self, true_kept: Bool[np.ndarray, " t"], pred_kept: Bool[np.ndarray, " p"]) -> Overlap:
        """Return the table of some instances only, as if the others had been erased from the maps."""
        rows = true_kept[self.true_index] & pred_kept[self.pred_index]
        true_rank, pred_rank = np.cumsum(true_kept) - 1, np.cumsum(pred_kept) - 1
        return Overlap(
            true_ids=self.true_ids[true_kept],
            pred_ids=self.pred_ids[pred_kept],
            true_areas=self.true_areas[true_kept],
            pred_areas=self.pred_areas[pred_kept],
            true_index=true_rank[self.true_index[rows]],
            pred_index=pred_rank[self.pred_index[rows]],
            intersection=self.intersection[rows],
        )


def overlap(
    true: Integer[np.ndarray, "h w"],
    pred: Integer[np.ndarray, "h w"],
    *,
    ignore: Bool[np.ndarray, "h w"] | None = None,
) -> Overlap:
    """Return the overlap table: the number of shared pixels of every pair of instances of two maps.

    Args:
        true: instance ids of the truth; 0 is background, other ids are positive and may have gaps.
        pred: instance ids of the prediction, in the same form.
        ignore: pixels that count neither in areas nor in intersections.

    Raises:
        DataError: the maps are not integer, differ in shape, are not 2-D or contain negative ids.

    >>> table = overlap(np.array([[1, 1, 1, 2]]), np.array([[1, 1, 2, 2]]))
    >>> table.intersection.tolist(), table.iou().round(3).tolist()
    ([2, 1, 1], [0.667, 0.25, 0.5])
    """
    true_max, pred_max = _check(true, "true"), _check(pred, "pred")
    if true.shape != pred.shape:
        raise DataError(
            "The instance maps are not of one shape",
            got=f"true {true.shape} and pred {pred.shape}",
            fix="score each prediction against the truth of the same image, at the same magnification",
        )
    if ignore is not None:
        if ignore.shape != true.shape or ignore.dtype != np.bool_:
            raise DataError(
                f"`ignore` is not a bool mask of shape {true.shape}",
                got=f"{ignore.dtype} of shape {ignore.shape}",
            )
        true, pred = true[~ignore], pred[~ignore]
    return _count(true.ravel(), pred.ravel(), true_max, pred_max)


def _check(ids: Integer[np.ndarray, "h w"], name: str) -> int:
    """Return the largest id of a valid instance map."""
    if ids.ndim != 2 or not np.issubdtype(ids.dtype, np.integer):
        raise DataError(
            f"`{name}` is not a 2-D integer instance map",
            got=f"{ids.dtype} of shape {ids.shape}",
            fix="pass one id per pixel, 0 for background",
        )
    if ids.size == 0:
        return 0
    # As an unsigned integer, a negative id is very large, so a single pass finds both faults.
    unsigned = ids.view(f"u{ids.dtype.itemsize}") if ids.dtype.kind == "i" else ids
    largest = int(unsigned.max())
    if largest > _LARGEST_ID:
        raise DataError(f"The ids of `{name}` are not in 0..2^31 - 1", got=f"ids {ids.min()} to {ids.max()}")
    return largest


def _count(true: Integer[np.ndarray, " n"], pred: Integer[np.ndarray, " n"], true_max: int, pred_max: int) -> Overlap:
    # One code per pixel for its pair of ids; if 32 bits suffice, they halve the memory traffic.
    base = pred_max + 1
    code_type = np.int32 if (true_max + 1) * base <= _LARGEST_ID else np.int64
    codes = np.multiply(true, base, dtype=code_type, casting="unsafe")
    np.add(codes, pred, out=codes, casting="unsafe")
    pairs, inverse, lengths = _runs(codes)
    pixels = np.bincount(inverse, weights=lengths, minlength=len(pairs)).astype(np.int64)
    of_true, of_pred = np.divmod(pairs.astype(np.int64), base)
    true_ids, true_areas = _areas(of_true, pixels)
    pred_ids, pred_areas = _areas(of_pred, pixels)
    shared = (of_true > 0) & (of_pred > 0)
    return Overlap(
        true_ids=true_ids,
        pred_ids=pred_ids,
        true_areas=true_areas,
        pred_areas=pred_areas,
        true_index=np.searchsorted(true_ids, of_true[shared]),
        pred_index=np.searchsorted(pred_ids, of_pred[shared]),
        intersection=pixels[shared],
    )


def _runs(
    codes: Integer[np.ndarray, " n"],
) -> tuple[Integer[np.ndarray, " k"], Int64[np.ndarray, " r"], Int64[np.ndarray, " r"]]:
    """Return the codes above 0, ascending, and for each run of pixels of one such code its rank and length.

    Neighbouring pixels mostly belong to the same pair, so there are about ten times fewer runs than pixels.
    """
    is_end = np.ones(len(codes), dtype=bool)
    np.not_equal(codes[1:], codes[:-1], out=is_end[:-1])
    ends = np.flatnonzero(is_end)
    code_of_run = codes[ends]
    kept = code_of_run > 0
    found, rank = np.unique(code_of_run[kept], return_inverse=True)
    return found, rank, np.diff(ends, prepend=-1)[kept]


def _areas(
    ids: Int64[np.ndarray, " k"], pixels: Int64[np.ndarray, " k"]
) -> tuple[Int64[np.ndarray, " m"], Int64[np.ndarray, " m"]]:
    found, inverse = np.unique(ids, return_inverse=True)
    areas = np.bincount(inverse, weights=pixels, minlength=len(found)).astype(np.int64)
    foreground = found > 0
    return found[foreground], areas[foreground]
