"""DiffMix: SDM with changed label maps, starting from noised real patches."""

from methods.diffmix.config import DiffMixBConfig, DiffMixConfig, DiffMixEConfig
from methods.diffmix.method import DiffMix, DiffMixB, DiffMixE

__all__ = ["DiffMix", "DiffMixB", "DiffMixBConfig", "DiffMixConfig", "DiffMixE", "DiffMixEConfig"]
