"""CoNSeP: 41 colorectal tiles with 24,319 nuclei (Graham et al. 2019)."""

from __future__ import annotations

from bench.datasets.readers.mat_tiles import MatTiles


class CoNSeP(MatTiles):
    """CoNSeP in its official layout.

    The release does not say from which of its 16 slides each tile is, so every tile is its own group.
    """
