"""The seal of a set: one hash over the manifest, every line of metadata and the list of files.

The digest of a set covers pixels and labels, and is the set's identity in tables and keys. The seal covers everything
else. It has no key: it shows edits and mix-ups, and somebody who recomputes it can hide them.

The manifest holds the hash of `metadata.jsonl`, whose lines name every file, so a hash of the manifest covers all
three. Short hashes of each of its fields, of each field of the lines, and of blocks of lines say what was changed.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, NoReturn

from bench.digest import canonical_json, digest, digest_file, parse_json
from bench.errors import SealError
from bench.synthetic.record import METADATA, SyntheticRecord, image_name, instances_name

SCHEMA_VERSION = 3
MANIFEST, SEAL = "manifest.json", "seal"
FIX = "restore the set from a copy or make it again; a sealed set is never edited"

_FOLDERS = ("images", "instances")
# What the store writes into the folder of a finished step, next to the set.
_OF_STORE = frozenset({"curves.jsonl", "job.json"})
# What a step at work has in its folder; all of it is removed before the step is finished.
_OF_WORK = frozenset({"checkpoint.pt", "checkpoint.pt.tmp", "chunks", "cost.json", "records"})
_BLOCKS = 256
_SHORT = 8
_SHOWN = 5
_MOST_BYTES = 512 << 20
"""Metadata of more bytes is hashed, but not searched for what was changed."""


def sealed(manifest: Mapping[str, Any], lines: Sequence[bytes], folder: Path) -> dict[str, Any]:
    """Return a manifest with its seal.

    Args:
        manifest: everything else that it records, `metadata_sha256` among it.
        lines: the lines of `metadata.jsonl`, with their ends.
        folder: of the set; what a method has left there, such as logs, is listed and may stay.
    """
    ours = {*_FOLDERS, MANIFEST, METADATA, *_OF_STORE, *_OF_WORK}
    parts = {
        "columns": _columns([parse_json(line) for line in lines]),
        "fields": {key: _short(value) for key, value in manifest.items()},
        "lines": _blocks(lines),
        "others": sorted(entry.name for entry in os.scandir(folder) if entry.name not in ours),
    }
    return {**manifest, SEAL: {**parts, "sha256": digest({**manifest, SEAL: parts})}}


def check_manifest(path: Path, content: bytes, manifest: Mapping[str, Any]) -> None:
    """Check a manifest against its seal.

    Raises:
        SealError: it was edited; the fields that were changed are named.
    """
    seal = manifest[SEAL]
    if not isinstance(seal, dict):
        _refuse(f"The seal in {path} cannot be read", f"{SEAL}: {_words(seal)}")
    parts = {key: value for key, value in seal.items() if key != "sha256"}
    try:
        same = digest({**manifest, SEAL: parts}) == seal.get("sha256")
        whole = canonical_json(manifest).encode() == content
    except (ValueError, TypeError, RecursionError):  # characters without UTF-8, or nested too deeply
        same = whole = False
    if not same:
        _refuse(f"{path} was changed after it was sealed", _changed_fields(manifest, seal))
    if not whole:
        _refuse(f"{path} was changed after it was sealed", "the same values, written in another form")


def check_has_end(path: Path) -> None:
    """Check that a path is not a pipe or device, which could be read for ever.

    Raises:
        SealError: it is one.
    """
    if path.exists() and not (path.is_file() or path.is_dir()):
        _refuse(f"{path} is not a file", "a pipe or device")


def check_metadata(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Check the bytes of `metadata.jsonl`; sets of schema 1 have no hash of them.

    Raises:
        SealError: the file is missing or was edited; the lines and fields that were changed are named.
    """
    path, said = folder / METADATA, manifest.get("metadata_sha256")
    if path.is_symlink():
        _refuse(f"There is more in {folder} than was sealed", f"{METADATA} (a link)")
    check_has_end(path)
    try:
        same = said is None or digest_file(path) == said
    except OSError as error:
        _refuse(f"Cannot read {path}", error.strerror or str(error))
    if not same:
        _refuse(f"{path} was changed after it was sealed", _changed_lines(path, manifest))


def check_files(folder: Path, records: Sequence[SyntheticRecord], manifest: Mapping[str, Any]) -> None:
    """Check that a set has exactly the files that its metadata lists, and no links.

    Raises:
        SealError: a name in the metadata is not `images/<id>.png` or is there twice, a file is missing, or there is a
            file or link that is not listed; the first few are named.
    """
    for number, record in enumerate(records, 1):
        if record.file_name != image_name(record.id) or "\0" in record.file_name:
            got, fix = f"file_name {record.file_name[:80]!r} in line {number}", f"it is images/<id>.png; {FIX}"
            _refuse(f"A name in {folder / METADATA} is not that of an image of the set", got, fix)
    listed = [image_name(record.id) for record in records]
    if len(set(listed)) != len(listed):
        twice = sorted(name for name, n in Counter(listed).items() if n > 1)
        _refuse(f"{folder / METADATA} does not list each image once", f"twice: {_some(twice)}")
    listed += [instances_name(record.id) for record in records if record.instances]
    try:
        found = set(_present(folder, manifest))
    except OSError as error:
        _refuse(f"Cannot list the files of {folder}", str(error))
    missing, extra = sorted(set(listed) - found), sorted(found - set(listed))
    if extra:
        fix = "move what is not part of the set out of its folder"
        _refuse(f"There is more in {folder} than was sealed", f"{len(extra)} not listed: {_some(extra)}", fix)
    if missing:
        _refuse(f"Files are missing in {folder}", f"{len(missing)} missing: {_some(missing)}")


def _present(folder: Path, manifest: Mapping[str, Any]) -> Iterable[str]:
    """Yield the files of a set, and everything else that is there and may not be, with what it is."""
    seal = manifest.get(SEAL)
    others = seal.get("others") if isinstance(seal, dict) else None
    allowed = {MANIFEST, METADATA, *_OF_STORE, *map(str, others if isinstance(others, list) else ())}
    for entry in os.scandir(folder):
        if entry.is_symlink():
            yield f"{entry.name} (a link)"
        elif entry.name in _FOLDERS and entry.is_dir():
            for inner in os.scandir(entry):
                plain = inner.is_file(follow_symlinks=False)
                yield f"{entry.name}/{inner.name}" + ("" if plain else f" ({_kind(inner)})")
        elif entry.name not in allowed:
            yield entry.name + (" (a folder)" if entry.is_dir() else "")


def _kind(entry: os.DirEntry[str]) -> str:
    return "a link" if entry.is_symlink() else "a folder" if entry.is_dir() else "not a file"


def _changed_fields(manifest: Mapping[str, Any], seal: Mapping[str, Any]) -> str:
    """Return which fields of a manifest differ from their short hashes."""
    known = seal.get("fields")
    if not isinstance(known, dict):
        return f"{SEAL}.fields: {_words(known)}"
    found = [
        f"{key} is now {_words(manifest[key])}"
        for key in sorted(known)
        if key in manifest and _short(manifest[key]) != known[key]
    ]
    found += [f"no {key}" for key in sorted(known) if key not in manifest]
    found += [f"{key}, which was not there" for key in sorted(manifest) if key not in known and key != SEAL]
    return _some(found) if found else f"a field of {SEAL!r}"


def _changed_lines(path: Path, manifest: Mapping[str, Any]) -> str:
    """Return which lines of the metadata, and which of their fields, differ from the seal, as far as it tells."""
    seal = manifest.get(SEAL)
    if not isinstance(seal, dict) or path.stat().st_size > _MOST_BYTES:
        return f"another sha256 than {str(manifest.get('metadata_sha256'))[:12]}"
    with path.open("rb") as handle:
        lines = list(handle)
    if len(lines) != manifest.get("n"):
        return f"{len(lines)} lines, sealed with {manifest.get('n')}"
    known, now, size = seal.get("lines"), _blocks(lines), _block(len(lines))
    pairs = zip(now, known if isinstance(known, list) else now, strict=False)
    odd = [number for number, (is_now, was) in enumerate(pairs) if is_now != was]
    places = [f"line {number + 1}" if size == 1 else f"a line from {number * size + 1} on" for number in odd]
    values = []
    for number, line in enumerate(lines, 1):
        try:
            values.append(parse_json(line))
        except ValueError as error:
            return f"line {number} is not JSON: {error}"
    held, columns = _columns(values), seal.get("columns")
    if not isinstance(columns, dict):
        return _some(places)
    fields = sorted(key for key in held.keys() | columns.keys() if held.get(key) != columns.get(key))
    return _some(places) + (f"; changed: {_some(fields)}" if fields else "")


def _blocks(lines: Sequence[bytes]) -> list[str]:
    """Return a short hash of each block of lines: of each line up to 256, else of 256 blocks."""
    size = _block(len(lines))
    starts = range(0, len(lines), size)
    return [sha256(b"".join(lines[start : start + size])).hexdigest()[:_SHORT] for start in starts]


def _block(n: int) -> int:
    """Return the number of lines of a block."""
    return max(1, -(-n // _BLOCKS))


def _columns(values: Sequence[object]) -> dict[str, str]:
    """Return a short hash of each field over all lines; lines that are not objects have none."""
    objects = [value if isinstance(value, dict) else {} for value in values]
    keys = sorted({key for value in objects for key in value})
    return {key: _short([value.get(key) for value in objects]) for key in keys}


def _short(value: Any) -> str:
    try:
        return digest(value)[:_SHORT]
    except (ValueError, RecursionError):  # characters without UTF-8, or nested too deeply: never of a sealed value
        return ""


def _words(value: object) -> str:
    return repr(value) if isinstance(value, str | int | float | None) and len(repr(value)) < 60 else _type(value)


def _type(value: object) -> str:
    names = {"dict": "an object", "list": "a list", "str": "a long text", "int": "a long number"}
    return names.get(type(value).__name__, type(value).__name__)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(name[:120] for name in names[:_SHOWN]) + more


def _refuse(message: str, got: str, fix: str = FIX) -> NoReturn:
    raise SealError(message, got=got, fix=fix)
