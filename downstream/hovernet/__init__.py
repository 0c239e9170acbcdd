"""HoVer-Net: nucleus segmentation and classification by horizontal and vertical distance maps."""

from downstream.hovernet.config import HoVerNetConfig, LossWeights, Phase
from downstream.hovernet.network import HoVerNet

__all__ = ["HoVerNet", "HoVerNetConfig", "LossWeights", "Phase"]
