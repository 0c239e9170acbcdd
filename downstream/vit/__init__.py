"""Vision transformers that classify tissue."""

from downstream.vit.config import Recipe, ViTConfig
from downstream.vit.network import ViT, ViTPretrained

__all__ = ["Recipe", "ViT", "ViTConfig", "ViTPretrained"]
