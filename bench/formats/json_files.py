"""JSON files of other programs, read without surprises: no key occurs twice, and errors name the file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bench.errors import DataError
from bench.formats.limits import check_text

_FIX = "write or download it again"


def read_json(path: Path) -> Any:
    """Return the content of a JSON file.

    Raises:
        DataError: the file is absent, larger than `MOST_TEXT`, not JSON or not UTF-8, too deeply nested, or has a key
            twice in one object.
    """
    try:
        check_text(path)
        return json.loads(path.read_bytes().decode("utf-8-sig"), object_pairs_hook=_once)
    except OSError as error:
        raise DataError(f"Cannot read {path}", got=error.strerror or str(error)) from error
    except _DoubledError as error:
        raise DataError(f"A key occurs twice in one object of {path}", got=repr(str(error)[:60]), fix=_FIX) from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"There is no readable JSON in {path}", got=str(error)[:120], fix=_FIX) from error


def kind_of(content: Any) -> str:
    """Return what a JSON value is, in a few words for an error."""
    if isinstance(content, dict):
        keys = ", ".join(sorted(map(str, content))[:8])
        return f"an object with the keys {keys[:120]}" if keys else "an empty object"
    if isinstance(content, list):
        return f"a list that begins with {kind_of(content[0])}" if content else "an empty list"
    return f"{type(content).__name__} {str(content)[:40]!r}"


class _DoubledError(Exception):
    """A key that occurs twice, of which Python's reader would keep only the last."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        keys = [key for key, _ in pairs]
        raise _DoubledError(next(key for key in keys if keys.count(key) > 1))
    return content
