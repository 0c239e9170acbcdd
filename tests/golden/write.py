"""Write the golden tables anew: `python -m tests.golden.write`, with names for some of them only."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.golden import platforms, runs, tables


def write(names: list[str]) -> None:
    """Do the runs, and write their tables and the baseline of the gate."""
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            tables.write(name, tables.rows_of(runs.run(name, Path(folder) / "store")))
        if runs.GATED in names:
            store = Path(folder) / "gate" / "store"  # of this run only
            runs.run(runs.GATED, store)
            runs.bench("check", "--update", str(runs.GATE), "--store", str(store))
    platforms.write()


if __name__ == "__main__":
    write(sys.argv[1:] or list(runs.RUNS))
