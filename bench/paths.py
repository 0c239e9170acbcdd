"""Paths that a user wrote: whether files can have such names, and what is there, without an error for any text."""

from __future__ import annotations

import os
from pathlib import Path

LONGEST_NAME, LONGEST_PATH = 255, 4095
"""Bytes that the file systems of Linux, macOS and Windows allow in a name, and Linux in a path."""


def impossible(text: str | Path) -> str:
    """Return why no file can have this path; empty if one can.

    >>> impossible("folder/name.png"), impossible("x" * 300), impossible("a" + chr(0))
    ('', 'a name of 300 bytes; files have at most 255', 'a NUL character')
    """
    given = str(text)
    if "\0" in given:
        return "a NUL character"
    try:
        encoded = os.fsencode(given)
    except UnicodeEncodeError:
        return "characters that no name can have"
    longest = max(map(len, encoded.replace(b"\\", b"/").split(b"/")))
    if longest > LONGEST_NAME:
        return f"a name of {longest} bytes; files have at most {LONGEST_NAME}"
    if len(encoded) > LONGEST_PATH:
        return f"a path of {len(encoded)} bytes; paths have at most {LONGEST_PATH}"
    return ""


def is_file(path: str | Path) -> bool:
    """Return whether a text is the path of a file; False for every text that cannot be one.

    >>> is_file("no such file"), is_file("true a step; " * 40)
    (False, False)
    """
    return not impossible(path) and Path(path).is_file()


def is_folder(path: str | Path) -> bool:
    """Return whether a text is the path of a folder; False for every text that cannot be one."""
    return not impossible(path) and Path(path).is_dir()


def shortened(text: str | Path, longest: int = 60) -> str:
    """Return a text for a message: printable, its middle left out if it is long.

    >>> shortened("x" * 300, 10)
    "'xxxxx…xxxxx'"
    """
    given = str(text)
    half = longest // 2
    return repr(given if len(given) <= longest else f"{given[:half]}…{given[-half:]}")
