"""The base of methods without a network, and their settings."""

from __future__ import annotations

from typing import ClassVar

from bench.contract import MethodBase
from methods.patches import PatchSettings


class Untrained(MethodBase):
    """Base of methods that make patches from labelled windows of real tiles and train nothing."""

    Config: ClassVar[type[PatchSettings]] = PatchSettings
    conditions = frozenset({"mask"})
    config: PatchSettings

    def __init__(self, config: PatchSettings) -> None:
        """Store the settings."""
        self.config = config
        self.ratio = config.ratio
