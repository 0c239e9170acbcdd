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
        spec = importlib.util.find_spec(name)
        places = [] if spec is None else [Path(p) for p in spec.submodule_search_locations or ()] or [spec.origin]
        if home / name not in [Path(str(place)).resolve() for place in places[:1]]:
            found = ", ".join(str(place) for place in places) or "nothing"
            raise BenchError(
                f"expected the package {name!r} of augbench, installed beside `bench`",
                got=f"{found} comes first on Python's path",
                fix="use the command `bench`, or `python -P`, or work in a folder that has no "
                f"{name}/ of its own (notebooks: drop the working directory from sys.path)",
            )
