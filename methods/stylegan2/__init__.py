"""StyleGAN2: images of a tissue class from a generative adversarial network."""

from methods.stylegan2.config import AugmentSettings, NetworkSettings, StyleGAN2Config, StyleGAN2Part, TrainingSettings
from methods.stylegan2.method import StyleGAN2

__all__ = ["AugmentSettings", "NetworkSettings", "StyleGAN2", "StyleGAN2Config", "StyleGAN2Part", "TrainingSettings"]
