"""HoVer-Net: segmentation and classification of nuclei with horizontal and vertical distance maps."""

from downstream.hovernet.config import HoVerNetConfig, LossWeights
from downstream.hovernet.network import HoVerNet
from downstream.nuclei.settings import Phase

__all__ = ["HoVerNet", "HoVerNetConfig", "LossWeights", "Phase"]
