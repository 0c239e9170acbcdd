"""Vision transformers that tell tissue classes apart."""

from downstream.vit.config import Recipe, ViTConfig
from downstream.vit.network import ViT, ViTPretrained

__all__ = ["Recipe", "ViT", "ViTConfig", "ViTPretrained"]
