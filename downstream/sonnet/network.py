"""SONNET as the harness uses it."""

from __future__ import annotations

from typing import ClassVar

from downstream.nuclei.plugin import NucleusNetwork
from downstream.sonnet.config import SonnetSettings


class Sonnet(NucleusNetwork):
    """SONNET (Doan et al., JBHI 2022) on an arm of real and synthetic patches."""

    Config: ClassVar[type[SonnetSettings]] = SonnetSettings
    family: ClassVar[str] = "downstream.sonnet.family:SonnetFamily"
    title: ClassVar[str] = "SONNET"
