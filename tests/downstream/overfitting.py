"""What a nucleus network must predict of the few images that it was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bench.contract import Downstream, Sample
from metrics.instances import score_instances
from tests.toy import Run


def check_overfits(
    network: Downstream, folder: Path, samples: Sequence[Sample], *, types: float, pq: float | None = None
) -> None:
    """Check a trained network on its training images: Dice above .9, PQ above `pq`, and a share of pixels of nuclei
    above `types` with the right type.
    """
    right = total = 0
    found = network.predict((sample.image for sample in samples), folder, Run())
    for sample, prediction in zip(samples, found, strict=True):
        assert prediction.instances is not None
        assert prediction.types is not None
        assert prediction.foreground is not None
        assert sample.instances is not None
        assert sample.types is not None
        assert len(prediction.types) == prediction.instances.max()
        assert ((prediction.instances > 0) <= prediction.foreground).all()
        scores = score_instances(sample.instances, prediction.instances)
        assert scores.dice > 0.9
        assert pq is None or scores.pq > pq
        true = np.concatenate([[0], sample.types])[sample.instances]
        predicted = np.concatenate([[0], prediction.types])[prediction.instances]
        both = (true > 0) & (predicted > 0)
        right, total = right + int((true == predicted)[both].sum()), total + int(both.sum())
    assert right > types * total
