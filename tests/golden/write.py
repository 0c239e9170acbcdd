"""Write the golden tables anew: `python -m tests.golden.write`, with names for some of them only."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.golden import platforms, runs, tables


def write(names: list[str]) -> None:
    """Do the runs and write their tables."""
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            tables.write(name, tables.rows_of(runs.run(name, Path(folder) / "store")))
    platforms.write()


if __name__ == "__main__":
    write(sys.argv[1:] or list(runs.RUNS))
