"""A small network with SONNET's three heads whose outputs have the size of its input."""

from __future__ import annotations

from downstream.nuclei.trunk import SmallUNet


class SmallSonnet(SmallUNet):
    """Logits `np` (2), `ord` (8 pairs of off and on) and, if there are types, `tp` (types + background)."""

    def __init__(self, n_types: int, width: int) -> None:
        super().__init__({"np": 2, "ord": 16} | ({"tp": n_types + 1} if n_types else {}), width)
