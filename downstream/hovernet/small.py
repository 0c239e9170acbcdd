"""A small network with HoVer-Net's three heads whose outputs have the size of its input."""

from __future__ import annotations

from downstream.nuclei.trunk import ALIGN, MARGIN, SmallUNet

__all__ = ["ALIGN", "MARGIN", "SmallHoVerNet"]


class SmallHoVerNet(SmallUNet):
    """Logits `np` (2), offsets `hv` (x, y) and, if there are types, logits `tp` (types + background)."""

    def __init__(self, n_types: int, width: int) -> None:
        super().__init__({"np": 2, "hv": 2} | ({"tp": n_types + 1} if n_types else {}), width)
