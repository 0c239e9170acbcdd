"""The size `smoke` learns from half of the phantom: real pairs of unseen slides beat shuffled captions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.contract import DatasetInfo, Sample
from bench.datasets.prepared.resample import resample
from bench.datasets.source import open_source
from bench.evaluation.alignment_scores import alignment_rows
from methods.text.config import SIZES
from methods.text.encoder import CaptionClip
from methods.text.training import train_caption_encoder
from tests import toy

pytestmark = pytest.mark.slow


class Tiles(toy.NucleiDataset):
    """Tiles of the phantom at the resolution of the preset `smoke`."""

    def __init__(self, split: str, n: int) -> None:
        source = open_source("phantom", None)
        self.samples: list[Sample] = [resample(source.read(split, index), 0.5) for index in range(n)]

    @property
    def info(self) -> DatasetInfo:
        return DatasetInfo("phantom", "train", "nuclei", toy.CLASSES, (), 0.5)


def test_real_pairs_of_unseen_slides_beat_shuffled_captions(tmp_path: Path) -> None:
    train_caption_encoder(SIZES["smoke"], Tiles("train", 8), tmp_path, toy.Run())
    encoder, test, rng = CaptionClip(tmp_path, "cpu"), Tiles("test", 24), np.random.default_rng(0)
    patches, captions = [], []
    for sample in [*test.samples] * 10:
        y, x = (int(rng.integers(128 - 64 + 1)) for _ in range(2))
        patches.append(sample.image[y : y + 64, x : x + 64])
        captions.append(str(sample.caption))
    distinct = sorted(set(captions))
    texts = dict(zip(distinct, encoder.texts(distinct), strict=True))
    rows = alignment_rows(encoder.images(np.stack(patches)), captions, texts, rng)
    own, other = (np.mean([row[name] for row in rows]) for name in ("clip_similarity", "clip_similarity_shuffled"))
    assert own > other + 5
