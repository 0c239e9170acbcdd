"""Folders in diffusers' format: `config.json` and `diffusion_pytorch_model.safetensors`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from diffusers import ModelMixin
from safetensors import SafetensorError

from bench.errors import DataError

Model = TypeVar("Model", bound=ModelMixin)


def save_model(folder: Path, model: ModelMixin) -> None:
    """Write a model, and rename its folder when it is complete."""
    publish(folder, lambda to: model.save_pretrained(to, safe_serialization=True))


def publish(folder: Path, write: Callable[[Path], object]) -> None:
    """Call `write` with a temporary folder, and rename it when it is complete."""
    temporary = folder.with_name(folder.name + ".tmp")
    for old in (temporary, folder):
        if old.exists():
            shutil.rmtree(old)
    write(temporary)
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


def model_kind(folder: Path, kinds: Mapping[str, type[Model]]) -> type[Model]:
    """Return the class that the `config.json` of a folder names.

    Raises:
        DataError: there is no such file, or it names none of `kinds`.
    """
    path = folder / "config.json"
    if not path.is_file():
        raise DataError(f"There is no trained {' or '.join(kinds)}", got=f"no config.json in {folder}")
    name = str(json.loads(path.read_text(encoding="utf-8")).get("_class_name"))
    if name not in kinds:
        raise DataError(f"The model in {folder} must be a {' or '.join(kinds)}", got=name)
    return kinds[name]
