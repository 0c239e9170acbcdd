"""Captions say what is there."""

from __future__ import annotations

import numpy as np

from bench.datasets.phantom.architecture import SCENES
from bench.datasets.phantom.captions import ARCHITECTURES, TISSUES, tile_caption, tissue_caption
from bench.datasets.phantom.tissue import TISSUE_CLASSES


def test_every_kind_of_tissue_has_words() -> None:
    assert {scene.name for scene in SCENES} == set(ARCHITECTURES)
    assert set(TISSUE_CLASSES) == set(TISSUES)


def test_content_decides() -> None:
    types = np.array([3] * 20 + [2] * 3, dtype=np.uint8)
    caption = tile_caption("nests", types, 256)
    assert "moderate cellularity" in caption
    assert "predominantly epithelial" in caption
    assert "apoptotic" not in caption
    assert "apoptotic" in tile_caption("nests", np.append(types, 1).astype(np.uint8), 256)
    assert "high cellularity" in tile_caption("nests", types, 128)
    assert "spindle nuclei mixed with epithelial nuclei" in tile_caption("nests", np.array([4, 4, 3], np.uint8), 256)
    assert "no nuclei" in tile_caption("loose", np.array([], np.uint8), 256)


def test_a_caption_is_one_short_sentence() -> None:
    for name in ARCHITECTURES:
        caption = tile_caption(name, np.array([1, 2, 3, 4], np.uint8), 256)
        assert caption.count(".") == 1
        assert caption.endswith(".")
        assert len(caption.split()) < 40
    assert tissue_caption("MUC", "sparsely nucleated").endswith("mucin, sparsely nucleated.")
