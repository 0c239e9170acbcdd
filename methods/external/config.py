"""Settings of the external method: which program runs, where, and what it is asked to draw."""

from __future__ import annotations

import hashlib
import os.path
import shlex
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, computed_field, field_validator

from bench.contract import Settings
from methods.gradmix.config import GradMixConfig
from methods.maps import EnlargingSettings
from methods.patches import PatchSettings

REQUEST, OUT = "{request}", "{out}"
SCRIPT_LIMIT = 1 << 20
"""Files of the command up to this number of bytes are considered code and hashed; weights are larger."""

Plan = Literal["copy", "balancing", "enlarging", "diffmix", "classes"]


class ExternalPart(Settings):
    """All settings that the phase `fit` depends on, in addition to the data and the seed."""

    command: str
    working_directory: Path | None
    version: str
    environment: tuple[str, ...]  # only names; values are not recorded anywhere
    scripts: Mapping[str, str]
    patch_size: int


class ExternalConfig(PatchSettings):
    """The program, and the plan whose conditions it draws."""

    command: str = Field("", validate_default=True)  # a template with {request} and {out}; not run by a shell
    working_directory: Path | None = None  # directory to run it in; None means the current one
    environment: Mapping[str, SecretStr] = {}  # additional variables; values are never recorded
    fit: bool = True  # whether it is called once with phase "fit" before it renders
    version: str = "1"  # raise it when code or weights change that `scripts` does not cover
    # seconds per call; not part of any key, so that a run with a higher limit continues with the existing chunks
    time_limit: float = Field(86400.0, gt=0, exclude=True)
    plan: Plan = "copy"
    balancing: float = Field(0.5, ge=0, le=1)  # share of balancing maps under plan "diffmix"
    mixing: GradMixConfig = GradMixConfig()  # settings of balancing maps
    enlarging: EnlargingSettings = EnlargingSettings()
    source_images: bool = False  # pass the training patch that a condition derives from
    draws_any_mask: bool = True  # whether it can draw a mask without a source image
    chunk: int = Field(256, ge=1)  # conditions per call; each call starts the program again

    @computed_field  # type: ignore[prop-decorator]
    @cached_property
    def scripts(self) -> dict[str, str]:
        """Digests of the files that the command names, so that an edited script runs again; part of every key."""
        paths = {token: self.directory / token for token in shlex.split(self.command)}
        return {
            token: hashlib.sha256(path.read_bytes()).hexdigest()[:16]
            for token, path in paths.items()
            if os.path.isfile(path)  # noqa: PTH113  # `Path.is_file` refuses a long word, such as a script for bash
            and path.stat().st_size <= SCRIPT_LIMIT
        }

    @property
    def directory(self) -> Path:
        """The working directory, as an absolute path."""
        return (self.working_directory or Path()).expanduser().resolve()

    @property
    def part(self) -> ExternalPart:
        """The settings that the phase `fit` depends on."""
        return ExternalPart(
            command=self.command,
            working_directory=self.working_directory,
            version=self.version,
            environment=tuple(sorted(self.environment)),
            scripts=self.scripts,
            patch_size=self.patch_size,
        )

    @field_validator("command")
    @classmethod
    def _has_placeholders(cls, command: str) -> str:
        try:
            tokens = shlex.split(command)
        except ValueError as error:
            raise ValueError(f"correct the quotes of the command: {error}") from error
        if not tokens or not all(any(name in token for token in tokens) for name in (REQUEST, OUT)):
            raise ValueError(
                f"use both placeholders: --set 'method.command=python generate.py --request {REQUEST} --out {OUT}'"
            )
        return command

    @field_validator("version", mode="before")
    @classmethod
    def _version_text(cls, version: Any) -> Any:
        return str(version) if isinstance(version, int | float) else version

    @field_validator("environment", mode="before")
    @classmethod
    def _environment_text(cls, environment: Any) -> Any:
        if not isinstance(environment, Mapping):
            return environment
        return {name: str(value) if isinstance(value, int | float) else value for name, value in environment.items()}
