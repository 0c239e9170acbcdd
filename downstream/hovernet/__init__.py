"""HoVer-Net: segmentation and classification of nuclei with horizontal and vertical distance maps."""

from downstream.hovernet.config import HoVerNetConfig, LossWeights, Phase
from downstream.hovernet.network import HoVerNet

__all__ = ["HoVerNet", "HoVerNetConfig", "LossWeights", "Phase"]
