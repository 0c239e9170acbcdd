"""SONNET: segmentation and classification of nuclei with ordinal distance maps and self-guided training."""

from downstream.sonnet.config import LossSettings, SonnetSettings
from downstream.sonnet.network import Sonnet

__all__ = ["LossSettings", "Sonnet", "SonnetSettings"]
