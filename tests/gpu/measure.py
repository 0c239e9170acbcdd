"""Measures methods and networks on a device, and writes the results as JSON and as a Markdown table.

python -m tests.gpu.measure --device cuda --preset paper --out FOLDER
"""

from __future__ import annotations

import argparse
import json
import platform
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from tests.gpu.clock import Row, device_name, share_of_peak
from tests.gpu.subjects import METHODS, NETWORKS, Place, measure


def write(rows: Sequence[Row], place: Place, out: Path) -> None:
    """Write `gpu.json` and `gpu.md` into a folder; the table is meant for docs/performance.md."""
    out.mkdir(parents=True, exist_ok=True)
    about = {
        "device": device_name(place.device),
        "preset": place.preset,
        "precision": place.precision,
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }
    measured = [{**row._asdict(), "share_of_peak": share_of_peak(row, place.device)} for row in rows]
    (out / "gpu.json").write_text(json.dumps({**about, "rows": measured}, indent=1), encoding="utf-8")
    lines = [
        f"{about['device']}, preset `{place.preset}`, {place.precision}, torch {about['torch']}, {about['date']}.",
        "",
        "| | images per step | s per step | images/s | peak memory, GiB | 10^12 operations per step | share of peak |",
        "|---|---:|---:|---:|---:|---:|---:|",
        *(_line(row, place) for row in rows),
    ]
    (out / "gpu.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _line(row: Row, place: Place) -> str:
    share = share_of_peak(row, place.device)
    cells = [
        row.name + (f" ({row.note})" if row.note else ""),
        str(row.images),
        f"{row.seconds:.4f}",
        f"{row.per_second:.4g}",
        f"{row.peak:.1f}" if row.peak else "-",
        f"{row.operations / 1e12:.4g}",
        "-" if share is None else f"{100 * share:.0f} %",
    ]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    parser.add_argument("--preset", default="paper")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", nargs="*", default=[*METHODS, *NETWORKS], metavar="NAME")
    given = parser.parse_args()
    place, rows = Place(given.device, given.preset), list[Row]()
    with tempfile.TemporaryDirectory() as folder:
        for name in given.only:
            begun = time.perf_counter()
            for row in measure(name, place, Path(folder) / name):
                rows.append(row)
                print(_line(row, place), flush=True)
                write(rows, place, given.out)
            print(f"{name}: {time.perf_counter() - begun:.0f} s", flush=True)


if __name__ == "__main__":
    main()
