"""HoVer-Net as the harness uses it."""

from __future__ import annotations

from typing import ClassVar

from downstream.hovernet.config import HoVerNetConfig
from downstream.nuclei.plugin import NucleusNetwork


class HoVerNet(NucleusNetwork):
    """HoVer-Net (Graham et al., MedIA 58:101563, 2019) on an arm of real and synthetic patches."""

    Config: ClassVar[type[HoVerNetConfig]] = HoVerNetConfig
    family: ClassVar[str] = "downstream.hovernet.family:HoVerNetFamily"
    title: ClassVar[str] = "HoVer-Net"
    version: ClassVar[int] = 2
