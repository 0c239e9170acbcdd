"""An entry of the store: the folder of a finished step, its record, and what is wrong with it if it was damaged."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from bench.digest import digest, digest_file, write_json

DOCUMENT = "job.json"
"""The file of a finished step that says how it was made."""
FILES, SEAL = "files", "seal"
"""Fields of the record: size and sha256 by file, and the digest of the record without this field."""
_HASHED = ("stage", "version", "versions", "config", "inputs", "seed", "device", "precision", "threads")
_FOREIGN = (".DS_Store", "Thumbs.db")  # file managers and NFS (`.nfs...`) leave them; no step reads them


class Found(NamedTuple):
    """A file as the system describes it: its size in bytes, and the times of its content and of its entry (ns)."""

    size: int
    mtime: int
    ctime: int


class Broken(Exception):  # noqa: N818  # it never reaches a user
    """What is wrong with an entry."""


def seal(folder: Path, about: Mapping[str, Any]) -> None:
    """Write the record of a finished step: `about`, and size and sha256 of each file in its folder."""
    files = {name: [found.size, digest_file(folder / name)] for name, found in listed(folder).items()}
    record = {**about, FILES: files}
    write_json(folder / DOCUMENT, {**record, SEAL: digest(record)})


def listed(folder: Path) -> dict[str, Found]:
    """Return the files of an entry by their relative path, in order, without its record.

    Raises:
        OSError: the folder or a file cannot be read.
    """
    return dict(sorted(_walk(folder, "")))


def _walk(folder: Path | str, prefix: str) -> Iterator[tuple[str, Found]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            name = prefix + entry.name
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(entry.path, name + "/")
            elif name != DOCUMENT and entry.name not in _FOREIGN and not entry.name.startswith(".nfs"):
                yield name, stat_of(entry.path)


def stat_of(path: Path | str) -> Found:
    """Return what the system says about a file; a link stands for its target."""
    found = os.stat(path)  # noqa: PTH116  # thousands of times: no object for each
    return Found(found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def read_record(folder: Path, stage: str, key: str) -> dict[str, Any]:
    """Return the record of an entry.

    Raises:
        Broken: it is missing or unreadable, or belongs to another step.
    """
    try:
        record = json.loads((folder / DOCUMENT).read_bytes())
    except FileNotFoundError:
        raise Broken(f"{DOCUMENT} is missing") from None
    except (OSError, ValueError, RecursionError) as error:
        raise Broken(f"{DOCUMENT} cannot be read ({str(error).splitlines()[0]})") from None
    if not isinstance(record, dict) or not isinstance(record.get("cost"), dict):
        raise Broken(f"{DOCUMENT} is not the record of a step")
    if record.get("key") != key or record.get("stage") != stage:
        raise Broken(f"{DOCUMENT} belongs to another step")
    if (FILES in record) != (SEAL in record):
        raise Broken(f"{DOCUMENT} is incomplete")
    files = record.get(FILES, {})
    if not isinstance(files, dict) or not all(is_listed_file(name, value) for name, value in files.items()):
        raise Broken(f"{DOCUMENT} names its files in another way")
    return record


def is_listed_file(name: str, value: Any) -> bool:
    """Return whether a pair is a relative path that stays below its folder, and a size in bytes with a sha256."""
    path = PurePosixPath(name)
    inside = bool(path.parts) and not path.is_absolute() and ".." not in path.parts and "\\" not in name
    inside = inside and str(path) == name and "\0" not in name
    return inside and isinstance(value, list) and [type(part) for part in value] == [int, str]


def check_sizes(record: Mapping[str, Any], files: Mapping[str, Found]) -> None:
    """Compare the files of an entry with its record; only sizes are looked at.

    Raises:
        Broken: a file is missing, has another size or is not of the step.
    """
    if FILES not in record:
        return
    known = record[FILES]
    for name in known.keys() - files.keys():
        raise Broken(f"{name} is missing")
    for name in files.keys() - known.keys():
        raise Broken(f"{name} was added")
    for name, found in files.items():
        if found.size != known[name][0]:
            raise Broken(f"{name} has {found.size} bytes instead of {known[name][0]}")


def check_content(folder: Path, record: Mapping[str, Any]) -> None:
    """Recompute the digests of a record and of all its files; older records have none but their step's key.

    Raises:
        Broken: a digest differs, or a file cannot be read.
    """
    try:
        own = digest({name: value for name, value in record.items() if name != SEAL})
        described = digest({name: record.get(name) for name in _HASHED})
    except (ValueError, RecursionError):  # NaN, characters without UTF-8, nested too deeply: never of a sealed record
        raise Broken(f"{DOCUMENT} has values that no step writes") from None
    if SEAL in record and own != record[SEAL]:
        raise Broken(f"{DOCUMENT} has changed")
    if described != record["key"]:
        raise Broken(f"{DOCUMENT} describes another step")
    for name, (_, known) in record.get(FILES, {}).items():
        try:
            same = digest_file(folder / name) == known
        except OSError as error:
            raise Broken(f"{name} cannot be read ({error.strerror})") from None
        if not same:
            raise Broken(f"{name} has changed")


def fingerprint(folder: Path, files: Mapping[str, Found]) -> str:
    """Return a digest of sizes and times of all files of an entry and of its record, without reading them."""
    record = stat_of(folder / DOCUMENT)
    return digest([list(record), [[name, *found] for name, found in files.items()]])
