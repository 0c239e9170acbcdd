"""Folders in diffusers' format: `config.json` and `diffusion_pytorch_model.safetensors`."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TypeVar

from diffusers import ModelMixin
from safetensors import SafetensorError

from bench.errors import DataError

Model = TypeVar("Model", bound=ModelMixin)


def save_model(folder: Path, model: ModelMixin) -> None:
    """Write a model, and rename its folder when it is complete."""
    temporary = folder.with_name(folder.name + ".tmp")
    for old in (temporary, folder):
        if old.exists():
            shutil.rmtree(old)
    model.save_pretrained(temporary, safe_serialization=True)
    temporary.rename(folder)


def load_model(folder: Path, kind: type[Model]) -> Model:
    """Load a model, on the CPU and in float32; nothing is downloaded.

    Raises:
        DataError: there is none, or its files do not fit each other.
    """
    if not (folder / "config.json").is_file():
        raise DataError(f"There is no trained {kind.__name__}", got=f"no config.json in {folder}")
    try:
        model: Model = kind.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, low_cpu_mem_usage=False
        )
        return model
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise DataError(f"The weights do not fit {folder}/config.json", got=str(error).splitlines()[0]) from error
