"""DiffMix: SDM with changed label maps and a noised real patch to start from."""

from methods.diffmix.config import DiffMixBConfig, DiffMixConfig, DiffMixEConfig
from methods.diffmix.method import DiffMix, DiffMixB, DiffMixE

__all__ = ["DiffMix", "DiffMixB", "DiffMixBConfig", "DiffMixConfig", "DiffMixE", "DiffMixEConfig"]
