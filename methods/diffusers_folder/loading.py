"""Loading of a pipeline and its parts from local files."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import diffusers
import torch
from diffusers.utils import is_accelerate_available
from safetensors import SafetensorError

from bench.contract import RunContext
from bench.errors import ConfigError, DataError
from methods.diffusers_folder.chain import UNUSED
from methods.diffusers_folder.config import DiffusersFolderConfig
from methods.diffusers_folder.sources import INDEX, read_json
from methods.quiet import quiet

_DTYPES = {"32-true": torch.float32, "bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}
_CODE = "pipeline.py"
_LIBRARIES = ("diffusers", "transformers")


def load_pipeline(config: DiffusersFolderConfig, run: RunContext) -> diffusers.DiffusionPipeline:
    """Load the pipeline with its parts, in the precision and on the device of the run; nothing is downloaded.

    Raises:
        ConfigError: its class is not one of diffusers, does not read a ControlNet, or is code that is not trusted.
        DataError: files are missing or do not fit each other.
    """
    folder = config.sources["pipeline"].folder()
    index = read_json(folder / INDEX)
    kind, options = _kind(config, folder, index)
    parts: dict[str, Any] = dict.fromkeys(UNUSED & index.keys())
    if "requires_safety_checker" in inspect.signature(kind.__init__).parameters:
        parts["requires_safety_checker"] = False
    dtype = _DTYPES.get(run.precision, torch.float32)
    files = {"local_files_only": True, "dtype": dtype, "low_cpu_mem_usage": is_accelerate_available()}
    try:
        with quiet():
            parts |= _parts(config, index, files)
            pipeline = kind.from_pretrained(folder, **files, **options, **parts)
    except (AttributeError, ImportError, OSError, RuntimeError, SafetensorError, TypeError, ValueError) as error:
        raise DataError(
            f"The files of the pipeline {config.pipeline} do not fit {kind.__name__}",
            got=f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else error!r}",
            fix="get the files again, or set method.pipeline_class to the class that they were saved from",
        ) from error
    pipeline.set_progress_bar_config(disable=True)
    return pipeline.to(run.device)


def _kind(
    config: DiffusersFolderConfig, folder: Path, index: Mapping[str, Any]
) -> tuple[type[diffusers.DiffusionPipeline], dict[str, Any]]:
    """Return the class to load, and the options that its own code needs."""
    given = config.pipeline_class or index.get("_class_name")
    known = _diffusers_class(given) if isinstance(given, str) else None
    if known is not None:
        return _with_controlnet(known) if config.controlnet is not None else known, {}
    if config.pipeline_class is not None:
        raise ConfigError(
            "The setting method.pipeline_class is not a pipeline of diffusers",
            got=f"{config.pipeline_class!r} with diffusers {diffusers.__version__}",
            fix="give the name of a class such as StableDiffusionControlNetPipeline, or leave the setting out",
        )
    if not config.trust_remote_code:
        raise ConfigError(
            f"The pipeline {config.pipeline} is not one of diffusers: its own Python code would run",
            got=f"{given!r} in {INDEX}, trust_remote_code=false",
            fix="read its code first; then --set method.trust_remote_code=true, with the commit pinned",
        )
    code = config.sources["code"].folder() if "code" in config.sources else folder
    options: dict[str, Any] = {"trust_remote_code": True}
    if (code / _CODE).is_file():
        options["custom_pipeline"] = str(code)
    return diffusers.DiffusionPipeline, options


def _diffusers_class(name: str) -> type[diffusers.DiffusionPipeline] | None:
    try:
        found = getattr(diffusers, name)
    except AttributeError:
        return None
    return found if isinstance(found, type) and issubclass(found, diffusers.DiffusionPipeline) else None


def _with_controlnet(kind: type[diffusers.DiffusionPipeline]) -> type[diffusers.DiffusionPipeline]:
    """Return the class that reads a ControlNet in addition to what `kind` reads."""
    if "controlnet" in inspect.signature(kind.__init__).parameters:
        return kind
    other = _diffusers_class(kind.__name__.removesuffix("Pipeline") + "ControlNetPipeline")
    if other is None:
        raise ConfigError(
            f"The pipeline class {kind.__name__} does not read a ControlNet",
            got="the setting method.controlnet",
            fix="set method.pipeline_class to a class that does, or leave the ControlNet out",
        )
    return other


def _parts(config: DiffusersFolderConfig, index: Mapping[str, Any], files: Mapping[str, Any]) -> dict[str, Any]:
    """Load the ControlNet and the components that come from elsewhere."""
    found: dict[str, Any] = {}
    for setting, source in config.sources.items():
        folder = source.folder()
        if setting == "controlnet":
            name = read_json(folder / "config.json").get("_class_name", "ControlNetModel")
            found[setting] = getattr(diffusers, str(name)).from_pretrained(folder, **files)
        elif setting.startswith("components."):
            component = setting.removeprefix("components.")
            library, name = index.get(component) or (None, None)
            if not (isinstance(library, str) and isinstance(name, str)):
                raise ConfigError(
                    f"The pipeline {config.pipeline} has no component {component!r}",
                    got=f"{INDEX} lists {', '.join(key for key in index if key[0] != '_')}",
                    fix=f"correct the name in --set method.components.{component}...",
                )
            if library not in _LIBRARIES:
                raise ConfigError(
                    f"The component {component!r} of the pipeline {config.pipeline} is not of a known library",
                    got=f"{library[:80]!r} in {INDEX}",
                    fix=f"use a component of {' or '.join(_LIBRARIES)}: a file must not choose what is imported",
                )
            found[component] = getattr(import_module(library), name).from_pretrained(folder, **files)
    return found
