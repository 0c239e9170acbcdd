"""HistoDiffusion: images of a tissue class from a latent diffusion model guided by a classifier."""

from methods.histodiffusion.config import HistoDiffusionConfig
from methods.histodiffusion.method import HistoDiffusion

__all__ = ["HistoDiffusion", "HistoDiffusionConfig"]
