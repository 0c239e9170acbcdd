"""Samples in canonical form, and every way of not being so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bench.contract import DatasetInfo, Sample
from bench.datasets.prepared.canonical import validate_sample
from bench.errors import DataError
from bench.formats.labels.canonical import canonical_labels

INSTANCES = np.array([[0, 7, 7], [0, 2, 7], [9, 9, 0]])
TYPES = np.array([[0, 1, 1], [0, 3, 1], [3, 3, 0]])
INFO = DatasetInfo("toy", "train", "nuclei", ("a", "b", "c"), ("x",), 0.25)


def sample(**changes: object) -> Sample:
    labels = canonical_labels(INSTANCES, TYPES, "t.mat")
    image = np.zeros((3, 3, 3), np.uint8)
    return replace(Sample("s", image, "g", 0.25, labels.instances, labels.types), **changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"image": np.zeros((3, 3, 3), np.float32)},
        {"image": np.zeros((3, 3, 4), np.uint8)},
        {"image": np.zeros((4, 3, 3), np.uint8)},
        {"instances": INSTANCES.astype(np.int32)},
        {"instances": np.zeros((3, 3), np.int64), "types": None},
        {"instances": np.full((3, 3), -1, np.int32), "types": None},
        {"instances": None},
        {"types": np.array([1, 2], np.uint8)},
        {"types": np.array([1, 2, 4], np.uint8)},
        {"types": np.array([0, 2, 3], np.uint8)},
        {"types": np.array([1, 2, 3], np.int64)},
        {"label": 1},
        {"group": ""},
        {"ignore": np.zeros((2, 3), bool)},
    ],
)
def test_samples_that_break_the_contract_are_refused(changes) -> None:
    validate_sample(sample(), INFO)
    with pytest.raises(DataError, match="'s' of toy"):
        validate_sample(sample(**changes), INFO)
