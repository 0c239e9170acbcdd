"""GLySAC: 59 gastric tiles with 30,875 nuclei (Doan et al. 2022)."""

from __future__ import annotations

from bench.datasets.readers.mat_tiles import MatTiles


class GLySAC(MatTiles):
    """GLySAC in its official layout."""

    @staticmethod
    def group(stem: str) -> str:
        """Return the part of a name before the first underscore: AGC1 of AGC1_tumor_2."""
        return stem.split("_", 1)[0]
