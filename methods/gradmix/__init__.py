"""GradMix: rare nuclei are blended into the places of larger, common nuclei."""

from methods.gradmix.config import GradMixConfig, GradMixMethodConfig
from methods.gradmix.method import GradMix, TileMixer

__all__ = ["GradMix", "GradMixConfig", "GradMixMethodConfig", "TileMixer"]
