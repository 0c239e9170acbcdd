"""Settings of the external method: what is run, where, and what it is asked to show."""

from __future__ import annotations

import hashlib
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
"""Bytes: files of the command up to this size are taken for code and hashed; weights are larger."""

Plan = Literal["copy", "balancing", "enlarging", "diffmix", "classes"]


class ExternalPart(Settings):
    """All that the fit phase depends on, beside the data and the seed."""

    command: str
    working_directory: Path | None
    version: str
    environment: tuple[str, ...]  # names; values are kept out of every record
    scripts: Mapping[str, str]
    patch_size: int


class ExternalConfig(PatchSettings):
    """The program, and the plan whose conditions it draws."""

    command: str = Field("", validate_default=True)  # a template with {request} and {out}; no shell reads it
    working_directory: Path | None = None  # where it is run; the current directory else
    environment: Mapping[str, SecretStr] = {}  # variables beside those of this process; values are never recorded
    fit: bool = True  # whether it is called once with phase "fit" before it renders
    version: str = "1"  # raised by hand when code or weights change that `scripts` does not see
    # seconds a call; in no key, so that raising it goes on with the chunks that are there
    time_limit: float = Field(86400.0, gt=0, exclude=True)
    plan: Plan = "copy"
    balancing: float = Field(0.5, ge=0, le=1)  # share of balancing maps under plan "diffmix"
    mixing: GradMixConfig = GradMixConfig()  # of balancing maps
    enlarging: EnlargingSettings = EnlargingSettings()
    source_images: bool = False  # give the training patch that a condition derives from
    draws_any_mask: bool = True  # whether it can draw a mask that has no source image
    chunk: int = Field(256, ge=1)  # conditions a call; each call starts the program anew

    @computed_field  # type: ignore[prop-decorator]
    @cached_property
    def scripts(self) -> dict[str, str]:
        """Digest of each file that the command names, so that an edited script is run again; part of every key."""
        paths = {token: self.directory / token for token in shlex.split(self.command)}
        return {
            token: hashlib.sha256(path.read_bytes()).hexdigest()[:16]
            for token, path in paths.items()
            if path.is_file() and path.stat().st_size <= SCRIPT_LIMIT
        }

    @property
    def directory(self) -> Path:
        """The working directory, absolute."""
        return (self.working_directory or Path()).expanduser().resolve()

    @property
    def part(self) -> ExternalPart:
        """What the fit phase depends on."""
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
            raise ValueError(f"mend its quotes: {error}") from error
        if not tokens or not all(any(name in token for token in tokens) for name in (REQUEST, OUT)):
            raise ValueError(
                f"--set 'method.command=python generate.py --request {REQUEST} --out {OUT}', with both placeholders"
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
