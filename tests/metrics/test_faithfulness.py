"""Faithfulness: scikit-learn's F1 and MONAI's Dice, and what swapped labels do."""

import numpy as np
import pytest
import torch

from bench.errors import DataError
from metrics.faithfulness import class_dice, faithfulness, mask_dice


def maps(seed, n_classes=3):
    return np.random.default_rng(seed).integers(0, n_classes + 1, (20, 20))


def test_equals_scikit_learn_and_monai(agree):
    from monai.metrics import compute_dice
    from sklearn.metrics import f1_score

    asked, synthetic, real = maps(0), maps(1), maps(2)
    found = faithfulness(asked, synthetic, real, 3)
    inputs = "random type maps of 20 px, 3 classes"
    for name, a, b in (("fs1", asked, synthetic), ("fs2", real, synthetic), ("fs_real", asked, real)):
        learn = {"reference": "scikit-learn", "function": "f1_score", "inputs": inputs, "bound": 1e-9}
        agree(f"{name}/image", getattr(found, name), f1_score(a.ravel() > 0, b.ravel() > 0), **learn)
        macro = f1_score(a.ravel(), b.ravel(), labels=[1, 2, 3], average="macro")
        agree(f"{name}_class/image", getattr(found, f"{name}_class"), macro, **learn)
        one_hot = [torch.from_numpy(np.stack([m == c for c in range(4)])[None].astype(np.float32)) for m in (a, b)]
        theirs = float(compute_dice(*one_hot, include_background=False).mean())
        about = {"reference": "monai", "function": "compute_dice", "inputs": inputs, "bound": 1e-6}
        agree(f"{name}_class/image", getattr(found, f"{name}_class"), theirs, **about)


def test_swapped_labels_lower_the_class_score_alone():
    mask = maps(3)
    swapped = np.array([0, 2, 1, 3])[mask]
    found = faithfulness(swapped, mask, mask, 3)
    assert (found.fs1, found.fs2) == (1, 1)
    assert found.fs1_class < 0.5


def test_empty_masks():
    nothing, something = np.zeros((4, 4), int), np.ones((4, 4), int)
    assert np.isnan(mask_dice(nothing > 0, nothing > 0))
    assert mask_dice(nothing > 0, something > 0) == 0
    assert class_dice(nothing, something, 2) == pytest.approx(np.array([0, np.nan]), nan_ok=True)
    assert np.isnan(faithfulness(nothing, nothing, nothing, 2).fs1_class)


def test_refuses():
    with pytest.raises(DataError, match="one shape"):
        faithfulness(maps(0), maps(1)[:5], maps(2), 3)
    with pytest.raises(DataError, match="one shape"):
        class_dice(maps(0), maps(1)[:5], 3)


def test_a_nucleus_of_no_class_counts_in_the_binary_score_alone():
    from sklearn.metrics import f1_score

    mask = maps(5)
    unclassed = np.where(mask > 0, 4, 0)
    found = faithfulness(mask, unclassed, mask, 3)
    assert (found.fs1, found.fs1_class) == (1, 0)
    # and takes nothing from the classes that were found
    half = mask.copy()
    half[10:][half[10:] == 1] = 4
    expected = f1_score(mask.ravel(), half.ravel(), labels=[1, 2, 3], average=None, zero_division=0)
    assert class_dice(mask, half, 3) == pytest.approx(expected)


def test_refuses_other_classes():
    with pytest.raises(DataError, match=r"classes 0\.\.4"):
        class_dice(maps(0) + 2, maps(1), 3)
    with pytest.raises(DataError, match=r"classes 0\.\.4"):
        class_dice(maps(0) - 1, maps(1), 3)
