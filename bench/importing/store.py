"""Imported sets by name: a small file beside the jobs says where a set lies."""

from __future__ import annotations

import json
from pathlib import Path

from bench.digest import write_json
from bench.errors import ConfigError
from bench.synthetic import MANIFEST, SyntheticSet, verify_set


def remember(store: Path, dataset: str, name: str, folder: Path, replace: bool) -> None:
    """Keep the name of an imported set.

    Raises:
        ConfigError: the name is another set's, and it is not to be replaced.
    """
    path = _entry(store, dataset, name)
    relative = folder.relative_to(store).as_posix()
    if path.exists() and not replace:
        known = json.loads(path.read_text(encoding="utf-8"))["folder"]
        if known != relative:
            raise ConfigError(
                f"expected another name for a second set of {dataset}",
                got=f"{name!r}, which stands for {store / known}",
                fix="choose another --method-name, or say --replace",
            )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, {"folder": relative})


def open_imported(store: Path, dataset: str, name: str) -> SyntheticSet:
    """Open a set by the path of its folder, or by the name it was imported under; every digest is recomputed.

    Raises:
        ConfigError: there is no such set.
        SealError: it is not as it was sealed.
    """
    if (Path(name) / MANIFEST).is_file():
        return verify_set(Path(name))
    entry = _entry(store, dataset, name)
    if not entry.is_file():
        known = sorted(path.stem for path in entry.parent.glob("*.json"))
        fix = f"imported for {dataset} are: {', '.join(known)}" if known else "bring it in with `bench import DIR`"
        raise ConfigError("expected the folder or the name of a sealed set", got=repr(name), fix=fix)
    return verify_set(store / json.loads(entry.read_text(encoding="utf-8"))["folder"])


def _entry(store: Path, dataset: str, name: str) -> Path:
    return store / "imports" / dataset / f"{name}.json"
