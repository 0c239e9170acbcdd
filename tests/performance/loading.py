"""Memory and throughput of loading, as docs/performance.md shows them: `python -m tests.performance.loading --n 10000`.

It needs 4.7 GB of disk space per thousand patches under `--folder`, which is left empty.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from tests.performance import sets


class Cost(NamedTuple):
    """The cost of a case: patches, seconds, peak memory of the process in MB."""

    title: str
    n: int
    seconds: float
    peak: float


def measure(title: str, case: str, folder: Path, out: Path) -> Cost:
    """Run a case in its own process; numerical libraries get one thread."""
    command = [sys.executable, "-m", "tests.performance.cases", case, str(folder), str(out)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    found = json.loads(done.stdout.splitlines()[-1])
    return Cost(title, found["n"], found["seconds"], found["peak"])


def measure_all(folder: Path, n: int) -> Iterator[Cost]:
    """Write each set, measure what reads it, and remove it."""
    raw, cache = folder / "raw", folder / "cache"
    sets.write_pannuke(raw, n)
    yield measure("prepare PanNuke's float64 arrays", "pannuke", raw, cache)
    shutil.rmtree(raw)
    yield measure("read these arrays after preparation: images, instances, classes", "prepared", cache, folder)
    shutil.rmtree(cache)
    for suffix in (".png", ".jpg"):
        sets.write_folder(raw, n, suffix)
        yield measure(f"prepare a folder of {suffix[1:].upper()} files", "images", raw, cache)
        shutil.rmtree(raw)
        shutil.rmtree(cache)
    sets.write_sealed(raw, n)
    yield measure("decode the files of a sealed set, in two plain threads", "bare", raw, cache)
    yield measure("load a sealed set for scoring, in two threads", "scoring", raw, cache)
    shutil.rmtree(raw)


def measure_records(folder: Path, n: int) -> Cost:
    """Measure only the text of a prepared split."""
    sets.write_records(folder / "records", n)
    cost = measure(
        "open a prepared split: ids, groups, digest, half of the split", "records", folder / "records", folder
    )
    shutil.rmtree(folder / "records")
    return cost


def main() -> None:
    """Print the table of docs/performance.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=10_000, help="patches of 256 px")
    parser.add_argument(
        "--records", type=int, default=100_000, help="samples of the split that is opened only for its text"
    )
    parser.add_argument("--folder", type=Path, help="where to write the sets")
    options = parser.parse_args()
    print("| | n | s | per second | peak memory, MB |\n|---|---:|---:|---:|---:|")
    with TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        for cost in chain([measure_records(folder, options.records)], measure_all(folder, options.n)):
            rate = f"{cost.n / cost.seconds:,.0f}"
            print(f"| {cost.title} | {cost.n:,} | {cost.seconds:.1f} | {rate} | {cost.peak:,.0f} |", flush=True)


if __name__ == "__main__":
    main()
