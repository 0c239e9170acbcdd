"""Canonical JSON, the hashes built on it, and a strict reader."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel

from bench import atomic


def canonical_json(value: Any) -> str:
    """Return JSON with sorted keys and no spaces: equal values give equal text.

    Tuples become lists, sets sorted lists, paths text, models dictionaries. Floats keep Python's shortest form.

    Raises:
        TypeError: a value has no JSON form.
        ValueError: a float is not finite.
    """
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False)


def parse_json(content: bytes) -> Any:
    """Return the value of strict JSON: UTF-8, no key twice in one object, and no number that is not finite.

    Raises:
        ValueError: the content is anything else; the error is short, with line and column where they are known.
    """
    try:
        return json.loads(
            content.decode("utf-8"), object_pairs_hook=_once, parse_float=_finite, parse_constant=_constant
        )
    except UnicodeDecodeError as error:
        raise ValueError(f"bytes that are not UTF-8, from byte {error.start} on") from error
    except RecursionError as error:
        raise ValueError("values that are nested too deeply") from error


def digest(value: Any) -> str:
    """Return the sha256 of a value's canonical JSON, in hex."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def write_json(path: Path, value: Any, *, shared: bool = False) -> None:
    """Write canonical JSON under a temporary name, then rename it to `path`.

    The folder of a step has one writer, which holds its lock. `shared` is for files that several processes may write
    at the same time; each then has a temporary name of its own.
    """
    atomic.write_text(path, canonical_json(value), sole=not shared)


def digest_arrays(*arrays: np.ndarray | None) -> str:
    """Return the sha256 of arrays: of dtype, shape and bytes of each; None differs from an empty array."""
    state = hashlib.sha256()
    for array in arrays:
        if array is None:
            state.update(b"none;")
            continue
        state.update(f"{array.dtype.str}{array.shape};".encode())
        state.update(np.ascontiguousarray(array).tobytes())
    return state.hexdigest()


def digest_file(path: Path) -> str:
    """Return the sha256 of a file's bytes."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return _plain(value.model_dump())
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted(_plain(item) for item in value)
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, np.generic):
        return value.item()
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        keys = [key for key, _ in pairs]
        doubled = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {doubled[:60]!r} twice in one object")
    return content


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {text[:40]}, which is too large")
    return number


def _constant(text: str) -> float:
    raise ValueError(f"the number {text}, which is not finite")
