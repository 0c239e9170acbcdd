"""Checks that the sibling packages, which have common names, are not replaced by other packages of these names.

Code that is about to import one of them checks it first.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

from bench.errors import BenchError

HOME = Path(__file__).resolve().parent.parent
"""The folder that holds `bench` and its siblings, of a checkout or of an installed wheel."""
SIBLINGS = ("downstream", "methods", "metrics", "reports")
"""Packages of code; `configs` is only read, by its path."""


def check_sibling(name: str) -> None:
    """Check where a sibling package would be imported from; nothing is imported.

    Raises:
        BenchError: it is not the package next to `bench`; the other package is named.
    """
    found = _location(name)
    if found is None or found.resolve() != HOME / name:
        raise BenchError(
            f"The package {name!r} of augbench, installed next to `bench`, cannot be imported",
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
