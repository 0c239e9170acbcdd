"""SDM: images drawn from label maps by a diffusion model."""

from methods.sdm.config import NetworkSettings, SDMConfig, SDMPart, TrainingSettings
from methods.sdm.method import SDM

__all__ = ["SDM", "NetworkSettings", "SDMConfig", "SDMPart", "TrainingSettings"]
