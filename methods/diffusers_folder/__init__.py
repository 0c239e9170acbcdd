"""A method that draws from any published diffusers pipeline."""

from methods.diffusers_folder.config import DiffusersFolderConfig
from methods.diffusers_folder.method import DiffusersFolder

__all__ = ["DiffusersFolder", "DiffusersFolderConfig"]
