"""Reading of manifests: strict JSON, checked against its seal and for the types of its fields."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bench.contract import Task
from bench.digest import parse_json
from bench.errors import SealError
from bench.synthetic.seal import FIX, MANIFEST, SCHEMA_VERSION, SEAL, check_has_end, check_manifest

_MOST_BYTES = 64 << 20


class _Info(BaseModel):
    """Types of what a manifest records as `info`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str
    split: str
    task: Task
    classes: list[str]
    labels: list[str]
    mpp: float = Field(gt=0, allow_inf_nan=False)
    rare: list[int] = []
    tissues: list[str] = []
    use: Literal["training", "evaluation"] = "training"
    group_kind: str = ""


class _Manifest(BaseModel):
    """Types of the fields that the harness reads; methods may add more."""

    model_config = ConfigDict(extra="allow", strict=True)

    schema_version: int
    n: int = Field(ge=0, lt=2**31)
    digest: str
    info: _Info
    metadata_sha256: str | None = None
    mpp: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    use: Literal["training", "evaluation"] = "training"
    method: str | None = None
    dataset: str | None = None
    variant: str | None = None
    seed: int | None = None
    encoding: dict[str, Any] = {}


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of the set in a folder.

    Raises:
        SealError: there is none, it is of a newer schema, not JSON, has a field of a wrong type, or was edited.
    """
    path = folder / MANIFEST
    try:
        if path.is_symlink():
            raise SealError(f"{path} is a link", got="a link, which may point anywhere", fix=FIX)
        check_has_end(path)
        if path.stat().st_size > _MOST_BYTES:
            got = f"{path.stat().st_size:,} bytes; at most {_MOST_BYTES:,} are read"
            raise SealError(f"{path} is too large to be a manifest", got=got, fix=FIX)
        content = path.read_bytes()
    except FileNotFoundError as error:
        fix = "give the folder of a set, which holds manifest.json"
        raise SealError(f"There is no sealed synthetic set in {folder}", got=f"no {MANIFEST}", fix=fix) from error
    except (OSError, ValueError) as error:
        got = (error.strerror if isinstance(error, OSError) else "") or str(error)
        raise SealError(f"Cannot read {path}", got=got, fix=FIX) from error
    try:
        manifest = parse_json(content)
    except ValueError as error:
        raise SealError(f"{path} is not a manifest", got=str(error), fix=FIX) from error
    if not isinstance(manifest, dict):
        raise SealError(f"{path} is not a manifest", got=f"JSON of type {type(manifest).__name__}", fix=FIX)
    _check_version(folder, manifest)
    if SEAL in manifest:
        check_manifest(path, content, manifest)
    _check_types(path, manifest)
    return manifest


def _check_version(folder: Path, manifest: dict[str, Any]) -> None:
    version = manifest.get("schema_version")
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise SealError(f"The manifest in {folder} has no schema", got=f"schema_version {str(version)[:40]}", fix=FIX)
    if version > SCHEMA_VERSION:
        raise SealError(
            f"The manifest in {folder} is not of schema {SCHEMA_VERSION} or older",
            got=f"schema {str(version)[:40]}",
            fix="upgrade augbench",
        )
    if version < SCHEMA_VERSION and SEAL in manifest:
        got = f"schema {version} with a seal, which sets have since schema {SCHEMA_VERSION}"
        raise SealError(f"{folder / MANIFEST} was changed after it was sealed", got=got, fix=FIX)


def _check_types(path: Path, manifest: dict[str, Any]) -> None:
    try:
        _Manifest.model_validate(manifest)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        field = ".".join(map(str, first["loc"]))
        got = f"{field}: {first['msg'].lower()}, but it is {repr(first['input'])[:60]}"
        if first["type"] == "missing":
            got = f"no {field}"
        raise SealError(f"{path} is not a manifest", got=got, fix=FIX) from error
