"""The arguments with which a pipeline is called for a batch of conditions."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from diffusers import DiffusionPipeline

from bench.contract import Condition, DatasetInfo
from bench.errors import ConfigError
from methods.diffusers_folder.config import DiffusersFolderConfig
from methods.diffusers_folder.geometry import place_labels
from methods.diffusers_folder.masks import encode_mask, entry_of

_MASK_ARGUMENTS = ("control_image", "controlnet_input", "image")


class Call:
    """How one pipeline is called, checked against its signature."""

    def __init__(
        self, pipeline: DiffusionPipeline, config: DiffusersFolderConfig, info: DatasetInfo, image: int, pixels: int
    ) -> None:
        """Check the settings against the pipeline.

        Args:
            pipeline: the loaded pipeline.
            config: the settings.
            info: names the classes of the dataset.
            image: side of the drawn images in pixels.
            pixels: side of the middle that shows the patch.

        Raises:
            ConfigError: the pipeline does not take an argument that the settings name, or one that they need.
        """
        self._pipeline, self._config, self._info = pipeline, config, info
        self._image, self._pixels = image, pixels
        parameters = inspect.signature(type(pipeline).__call__).parameters
        self._accepted = {
            name for name, one in parameters.items() if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)
        } - {"self"}
        self._mask = self._mask_argument() if "mask" in config.conditions else ""
        self._check()

    def arguments(self, batch: Sequence[Condition]) -> dict[str, Any]:
        """Return the arguments for a batch; every image has its own random generator."""
        config, n = self._config, len(batch)
        own: dict[str, Any] = {
            "batch_size": n,
            "generator": [torch.Generator("cpu").manual_seed(condition.seed) for condition in batch],
            "guidance_scale": config.guidance_scale,
            "height": self._image,
            "num_inference_steps": config.steps,
            "width": self._image,
        }
        given = {name: value for name, value in own.items() if name in self._accepted and value is not None}
        if "prompt" in self._accepted:
            given["prompt"] = [self._text(condition) for condition in batch]
        if config.classes:
            given["class_labels"] = [entry_of(config.classes, self._name(condition)) for condition in batch]
        if self._mask:
            given[self._mask] = self._masks(batch)
        given |= {name: self._method(method)(n) for name, method in config.computed.items()}
        return given | dict(config.arguments)

    def _mask_argument(self) -> str:
        wanted = self._config.mask.argument
        if wanted is None:
            wanted = next((name for name in _MASK_ARGUMENTS if name in self._accepted), None)
        if wanted is None or wanted not in self._accepted:
            raise self._refused(
                wanted or " or ".join(_MASK_ARGUMENTS), "name the argument that takes the label map in mask.argument"
            )
        return wanted

    def _check(self) -> None:
        config = self._config
        wanted = {
            "prompt": "leave method.prompt out, or use a pipeline that reads text" if config.template else "",
            "class_labels": "leave method.classes out" if config.classes else "",
            "guidance_scale": "leave method.guidance_scale out" if config.guidance_scale is not None else "",
            "num_inference_steps": "leave method.steps out" if config.steps is not None else "",
            **dict.fromkeys(config.arguments, "correct or remove it in method.arguments"),
            **dict.fromkeys(config.computed, "correct or remove it in method.computed"),
        }
        for name, fix in wanted.items():
            if fix and name not in self._accepted:
                raise self._refused(name, fix)
        for method in config.computed.values():
            self._method(method)

    def _method(self, name: str) -> Any:
        method = None if name.startswith("_") else getattr(self._pipeline, name, None)
        if not callable(method):
            raise ConfigError(
                f"The pipeline {type(self._pipeline).__name__} has no method {name!r}",
                got="a name in the setting method.computed",
                fix="correct the name",
            )
        return method

    def _refused(self, name: str, fix: str) -> ConfigError:
        taken = ", ".join(sorted(self._accepted - {"generator", "return_dict", "output_type"}))
        kind = type(self._pipeline).__name__
        return ConfigError(f"A call of {kind} does not take the argument {name}", got=f"it takes {taken}", fix=fix)

    def _text(self, condition: Condition) -> str:
        """Return the prompt of a condition; test tiles without a caption are drawn with an empty one."""
        fields: Mapping[str, str] = {
            "caption": condition.caption or "",
            "label": "" if condition.label is None else self._info.labels[condition.label],
            "tissue": condition.tissue or "",
        }
        return self._config.template.format_map(fields)

    def _name(self, condition: Condition) -> str:
        assert condition.label is not None
        return self._info.labels[condition.label]

    def _masks(self, batch: Sequence[Condition]) -> Any:
        settings = self._config.mask
        encoded = [encode_mask(self._labels(condition), self._info.classes, settings) for condition in batch]
        if settings.form == "array":
            return encoded[0] if settings.range == "0-1" else encoded[0].astype(np.uint8)
        return torch.from_numpy(np.stack(encoded)).permute(0, 3, 1, 2).contiguous()

    def _labels(self, condition: Condition) -> np.ndarray:
        assert condition.instances is not None
        assert condition.types is not None
        labels = np.concatenate([[0], condition.types])[condition.instances]
        return place_labels(labels, self._pixels, self._image)
