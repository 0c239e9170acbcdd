"""The harness tells good data from bad: through the command, at `smoke`, three seeds, as docs/results.md says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

DOCS = Path(__file__).parents[3] / "docs" / "results.md"
COMMAND = (
    *("--method", "shuffled-labels", "--set", "method.ratio=2", "--controls", "real-only,more-real"),
    *("--dataset", "phantom", "--preset", "smoke", "--seeds", "3", "--device", "cpu", "--no-tracking"),
)


@pytest.mark.slow
@pytest.mark.proof
@pytest.mark.timeout(3600)
def test_more_real_data_helps_and_wrong_labels_hurt(tmp_path: Path) -> None:
    store = tmp_path / "store"
    bench = Path(sys.executable).with_name("bench")
    subprocess.run([str(bench), "run", *COMMAND, "--store", str(store)], check=True, cwd=tmp_path)
    (path,) = (store / "results").glob("*.parquet")
    table = pd.read_parquet(path)
    pq = table[(table["metric"] == "pq/image") & (table["seed"] == -1) & table["kind"].isin(["score", "difference"])]
    assert (pq["ci_method"] == "groups+seeds").all()
    assert (pq["seeds"] == 3).all()
    score, difference = (pq[pq["kind"] == kind].set_index("method") for kind in ("score", "difference"))
    assert score.loc["more-real", "value"] > score.loc["real-only", "value"] > score.loc["shuffled-labels", "value"]
    assert difference.loc["shuffled-labels", "ci_high"] < 0
    for method, (value, gain) in documented().items():
        assert inside(score.loc[method], value)
        assert method == "real-only" or inside(difference.loc[method], gain)


def test_the_documented_intervals_are_found() -> None:
    assert documented() == {
        "real-only": ((0.245, 0.537), None),
        "more-real": ((0.333, 0.543), (0.001, 0.108)),
        "shuffled-labels": ((0.127, 0.288), (-0.295, -0.075)),
    }


def documented() -> dict[str, tuple[tuple[float, float], tuple[float, float] | None]]:
    """Return the intervals of PQ and of its difference to real-only that the documentation gives each arm."""
    found = {}
    section = (
        DOCS.read_text(encoding="utf-8")
        .partition("does the harness distinguish good data from bad?")[2]
        .partition("\n## ")[0]
    )
    for method in ("real-only", "more-real", "shuffled-labels"):
        line = re.search(rf"^\| {method}\b(?! under).*$", section, re.MULTILINE)
        assert line is not None, method
        intervals = [(float(low), float(high)) for low, high in re.findall(r"\[([^,\]]+), ([^\]]+)\]", line.group())]
        found[method] = (intervals[0], intervals[1] if len(intervals) > 1 else None)
    return found


def inside(row: pd.Series, documented: tuple[float, float] | None) -> bool:
    """Tell whether a row's value lies in its own interval and in the documented one."""
    assert documented is not None
    return bool(row["ci_low"] < row["value"] < row["ci_high"] and documented[0] <= row["value"] <= documented[1])
