"""A method that runs the user's own program in its own environment."""

from methods.external.config import ExternalConfig
from methods.external.method import External

__all__ = ["External", "ExternalConfig"]
