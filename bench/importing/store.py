"""Imported sets by name: a small file next to the jobs holds the place of a set."""

from __future__ import annotations

from pathlib import Path

from bench.datasets.card import is_path
from bench.digest import parse_json, write_json
from bench.errors import ConfigError
from bench.paths import is_file
from bench.synthetic import MANIFEST, SyntheticSet, verify_set


def remember(store: Path, dataset: str, name: str, folder: Path, replace: bool, card: str = "") -> None:
    """Store the name of an imported set, and the card that it was imported for if that was given by its path.

    Raises:
        ConfigError: the name belongs to another set that must not be replaced.
    """
    path = _entry(store, dataset, name)
    relative = folder.relative_to(store).as_posix()
    if path.exists() and not replace:
        known = _read(path)["folder"]
        if known != relative:
            raise ConfigError(
                f"The name belongs to another set of {dataset}",
                got=f"{name!r}, the name of {store / known}",
                fix="choose another --method-name, or give --replace",
            )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, {"folder": relative, "card": card}, shared=True)


def open_imported(store: Path, dataset: str, name: str) -> SyntheticSet:
    """Return a set by the path of its folder or its name at import; every digest is recomputed.

    Raises:
        ConfigError: there is no such set.
        SealError: the set has changed since it was sealed.
    """
    if is_file(Path(name) / MANIFEST):
        return verify_set(Path(name))
    entry = _entry(store, dataset, name)
    if not is_file(entry):
        known = sorted(path.stem for path in entry.parent.glob("*.json"))
        fix = f"imported for {dataset} are: {', '.join(known)}" if known else "import a set with `bench import DIR`"
        raise ConfigError("There is no sealed set of this folder or name", got=repr(name), fix=fix)
    return verify_set(store / _read(entry)["folder"])


def card_of(store: Path, dataset: str, name: str) -> str:
    """Return the path of the card that a set was imported for; empty if it is not known, or a shipped one."""
    entry = _entry(store, dataset, name)
    return _read(entry).get("card", "") if is_file(entry) else ""


def path_of_card(name: str) -> str:
    """Return the whole path of a dataset's card; empty for a name of a dataset that ships."""
    return str(Path(name).expanduser().resolve()) if is_path(name) else ""


def _read(entry: Path) -> dict[str, str]:
    """Return what an entry says: its `folder`, and the `card` if there is one."""
    try:
        content = parse_json(entry.read_bytes())
    except (OSError, ValueError) as error:
        content = {"": str(error)}
    said = content if isinstance(content, dict) else {}
    if not isinstance(said.get("folder"), str) or not all(isinstance(value, str) for value in said.values()):
        raise ConfigError(
            f"The entry of an imported set in {entry} cannot be read",
            got=str(content)[:80],
            fix="import the set again with --replace, or give the folder of the set",
        )
    return said


def _entry(store: Path, dataset: str, name: str) -> Path:
    return store / "imports" / dataset / f"{name}.json"
