"""Our sibling packages have everyday names: make sure that nobody else's are imported in their place."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from bench.errors import BenchError

SIBLINGS = ("configs", "downstream", "methods", "metrics", "reports")


def check_neighbours() -> None:
    """Check where the sibling packages would be imported from; nothing is imported.

    Raises:
        BenchError: one of them is not installed beside `bench`; the intruder is named.
    """
    home = Path(__file__).resolve().parent.parent
    for name in SIBLINGS:
        found = _location(name)
        if found is None or found.resolve() != home / name:
            raise BenchError(
                f"expected the package {name!r} of augbench, installed beside `bench`",
                got="no such package" if found is None else f"{found} comes first on Python's path",
                fix="use the command `bench`, or `python -P`, or work in a folder that has no "
                f"{name}/ of its own (notebooks: drop the working directory from sys.path)",
            )


def _location(name: str) -> Path | None:
    """Return the folder of a package, or the file of a module, that an import of `name` would find first."""
    spec = importlib.util.find_spec(name)
    if spec is None:
        return None
    places = [*(spec.submodule_search_locations or ()), spec.origin]
    return None if places[0] is None else Path(places[0])
