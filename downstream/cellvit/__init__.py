"""CellViT: segmentation and classification of nuclei with a vision transformer and HoVer-Net's three branches."""

from downstream.cellvit.config import CellViTConfig, LossWeights
from downstream.cellvit.network import CellViT

__all__ = ["CellViT", "CellViTConfig", "LossWeights"]
