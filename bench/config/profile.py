"""Profiles of clusters: YAML files that say how an executor asks a site for what steps need."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from bench.config.files import folder, read_yaml
from bench.config.lines import Lines
from bench.config.validate import build
from bench.errors import ConfigError

Model = TypeVar("Model", bound=BaseModel)
FOLDER = "executors"


def read_profile(model: type[Model], name: str) -> Model:
    """Return a profile from a YAML file, or from one of ours by its name.

    Raises:
        ConfigError: there is no such file, or a key or value is not valid; everything that is wrong is listed.
    """
    own = folder() / FOLDER
    path = Path(name) if name.endswith((".yaml", ".yml")) or "/" in name else own / f"{name}.yaml"
    if not path.is_file():
        ours = ", ".join(sorted(one.stem for one in own.glob("*.yaml")))
        raise ConfigError(
            "There is no such profile of a cluster",
            got=name,
            fix=f"copy one of ours ({ours}) from {own} to a file of your own, and give it with --profile FILE",
        )
    return build(model, read_yaml(path), f"profile {path}", Lines(path))
