"""Settings of a pipeline: where it is, what its images show and how it is called."""

from __future__ import annotations

import re
from collections.abc import Mapping
from string import Formatter
from typing import Any, Literal, Self

from pydantic import Field, field_serializer, field_validator, model_validator

from bench.contract import Settings
from methods.diffusers_folder.sources import Source, absolute, location_key
from methods.patches import PatchSettings

OTHERS = "*"
"""The name that stands for every class that a mapping does not list."""
BACKGROUND = "background"

# Arguments of the call that other settings determine, so that `arguments` cannot contain them.
OWN_ARGUMENTS = {
    "batch_size": "batch_size",
    "class_labels": "classes",
    "generator": "patch_size, because every image has the seed of its condition",
    "guidance_scale": "guidance_scale",
    "height": "image_size",
    "num_inference_steps": "steps",
    "output_type": "image_size, because images are always RGB",
    "prompt": "prompt",
    "return_dict": "image_size, because images are always RGB",
    "width": "image_size",
}
_COMMIT = re.compile(r"[0-9a-f]{40}")
_FIELDS = frozenset({"caption", "label", "tissue"})

Label = Literal["mask", "text", "class"]


class MaskSettings(Settings):
    """How the ControlNet reads a label map; classes are named as in the dataset's card."""

    colours: Mapping[str, tuple[int, int, int]] = {}  # RGB, 0..255, by class name
    channels: Mapping[str, int] = Field({}, validate_default=True)  # one-hot, position of each class's channel
    range: Literal["0-1", "0-255"] = "0-1"  # values that the pipeline expects
    form: Literal["tensor", "array"] = "tensor"  # (n, c, h, w), or one array (h, w, c) per call
    argument: str | None = None  # of the call; None: the first of control_image, controlnet_input, image

    @field_validator("colours")
    @classmethod
    def _bytes(cls, colours: Mapping[str, tuple[int, int, int]]) -> Mapping[str, tuple[int, int, int]]:
        if not all(0 <= value <= 255 for colour in colours.values() for value in colour):
            raise ValueError("give RGB colours of three values in 0..255, for example [255, 0, 0]")
        return colours

    @field_validator("channels")
    @classmethod
    def _positions(cls, channels: Mapping[str, int]) -> Mapping[str, int]:
        if any(channel < 0 for channel in channels.values()):
            raise ValueError("count channels from 0")
        return channels

    @model_validator(mode="after")
    def _one_mapping(self) -> Self:
        if self.colours and self.channels:
            raise ValueError("give either `colours` or `channels`, not both")
        return self


class ComponentSettings(Settings):
    """A component of the pipeline that is read from another folder or repository, such as the autoencoder."""

    location: str
    revision: str | None = None
    subfolder: str = ""

    @field_validator("location")
    @classmethod
    def _absolute(cls, location: str) -> str:
        return absolute(location)

    @field_validator("revision")
    @classmethod
    def _full_commit(cls, revision: str | None) -> str | None:
        return _checked(revision)

    @field_serializer("location")
    def _key(self, location: str) -> str:
        return location_key(location)


class TermsSettings(Settings):
    """What is known about a repository, for messages only."""

    licence: str = ""
    gated: bool | None = None  # whether its terms must be accepted before files can be downloaded; None: not known
    size: str = ""
    note: str = ""


class DiffusersFolderConfig(PatchSettings):
    """A pipeline by folder, or by hub id and commit, and how it draws our conditions."""

    pipeline: str = Field("", validate_default=True)  # a folder, or the id of a repository of the hub
    revision: str | None = None  # of the repository: a full commit
    controlnet: str | None = None
    controlnet_revision: str | None = None
    code: str | None = None  # folder or repository with the pipeline's own Python code; may be the pipeline's
    code_revision: str | None = None
    components: Mapping[str, ComponentSettings | None] = {}
    pipeline_class: str | None = None  # a class of diffusers; None: the one that model_index.json names
    trust_remote_code: bool = False  # whether Python code of the repository may run

    conditions: tuple[Label, ...] = ("text",)
    prompt: str | None = None  # may contain {caption}, {label}, {tissue}; None: the caption if text is shown, else ""
    captions: Literal["train", "text"] = "train"  # the role of the data that captions come from
    mask: MaskSettings = MaskSettings()
    classes: Mapping[str, int] = {}  # `class_labels` by class name

    steps: int | None = Field(None, ge=1)  # None: the pipeline's own
    guidance_scale: float | None = Field(None, ge=0)
    arguments: Mapping[str, Any] = {}  # of the call, as they are
    computed: Mapping[str, str] = {}  # argument: method of the pipeline that returns it for a number of images
    image_size: int | None = Field(None, ge=8)  # side of the drawn images; None: the pipeline's own
    mpp: float | None = Field(None, gt=0)  # of the drawn images; None: a whole image shows the patch
    batch_size: int = Field(4, ge=1)
    chunk: int = Field(256, ge=1)  # conditions for which the pipeline is loaded once

    terms: Mapping[str, TermsSettings] = Field({}, exclude=True)
    modules: tuple[str, ...] = Field((), exclude=True)  # Python modules that the pipeline's code imports

    @property
    def template(self) -> str:
        """The prompt with its placeholders."""
        if self.prompt is not None:
            return self.prompt
        return "{caption}" if "text" in self.conditions else ""

    @property
    def sources(self) -> dict[str, Source]:
        """Where each part of the pipeline is read from, by the setting that names it."""
        found = {"pipeline": Source(self.pipeline, self.revision)}
        if self.controlnet is not None:
            found["controlnet"] = Source(self.controlnet, self.controlnet_revision)
        if self.code is not None and self.code != self.pipeline:
            found["code"] = Source(self.code, self.code_revision)
        for name, part in self.components.items():
            if part is not None:
                found[f"components.{name}"] = Source(part.location, part.revision, part.subfolder)
        return found

    @field_validator("pipeline")
    @classmethod
    def _given(cls, pipeline: str) -> str:
        if not pipeline:
            raise ValueError("give a folder, or the id of a repository with its commit: --set method.pipeline=FOLDER")
        return absolute(pipeline)

    @field_validator("controlnet", "code")
    @classmethod
    def _absolute(cls, location: str | None) -> str | None:
        return None if location is None else absolute(location)

    @field_validator("revision", "controlnet_revision", "code_revision")
    @classmethod
    def _full_commit(cls, revision: str | None) -> str | None:
        return _checked(revision)

    @field_validator("prompt")
    @classmethod
    def _placeholders(cls, prompt: str | None) -> str | None:
        if prompt is not None and not _names(prompt) <= _FIELDS:
            raise ValueError("the placeholders of a prompt are {caption}, {label} and {tissue}")
        return prompt

    @field_validator("arguments")
    @classmethod
    def _not_ours(cls, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        for name in arguments:
            if name in OWN_ARGUMENTS:
                raise ValueError(f"`{name}` follows from the setting {OWN_ARGUMENTS[name]}")
        return arguments

    @field_serializer("pipeline", "controlnet", "code")
    def _key(self, location: str | None) -> str | None:
        return None if location is None else location_key(location)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        shown, named = set(self.conditions), _names(self.template)
        if ("text" in shown) != ("caption" in named):
            raise ValueError("`prompt` contains {caption} if and only if `conditions` contains text")
        if "class" in shown and not (self.classes or "label" in named):
            raise ValueError("to show classes, give `classes`, or a `prompt` that contains {label}")
        if "mask" in shown and not (self.mask.colours or self.mask.channels):
            raise ValueError("to show masks, give `mask.colours` or `mask.channels` by class name")
        if "mask" not in shown and self.controlnet is not None:
            raise ValueError("a ControlNet reads the label map: add mask to `conditions`")
        if "mask" in shown and self.mask.form == "array" and self.batch_size != 1:
            raise ValueError("with mask.form=array the pipeline draws one image per call: set batch_size=1")
        return self

    @model_validator(mode="after")
    def _trusts_only_pinned_code(self) -> Self:
        loose = [name for name, source in self.sources.items() if not (source.is_folder or source.revision)]
        if self.trust_remote_code and loose:
            raise ValueError(f"pin what you trust to a full commit first: {' and '.join(map(revision_of, loose))}")
        return self


def revision_of(source: str) -> str:
    """Return the setting that pins a source.

    >>> revision_of("pipeline"), revision_of("components.vae")
    ('revision', 'components.vae.revision')
    """
    if source == "pipeline":
        return "revision"
    return f"{source}.revision" if "." in source else f"{source}_revision"


def _names(template: str) -> set[str]:
    """Return the placeholders of a prompt."""
    return {name for _, name, _, _ in Formatter().parse(template) if name is not None}


def _checked(revision: str | None) -> str | None:
    if revision is not None and not _COMMIT.fullmatch(revision):
        raise ValueError("give the full commit of 40 hexadecimal digits; a branch or a tag can move")
    return revision
