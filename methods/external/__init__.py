"""A program of the user's own, in an environment of its own, as a method."""

from methods.external.config import ExternalConfig
from methods.external.method import External

__all__ = ["External", "ExternalConfig"]
