"""Hand-made boards for tests of every format: `python -m tests.reports.boards` writes the golden files again."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from rich.console import Console

from bench.results.table import ScoreRow
from reports.board import Leaderboard
from reports.html import render_html
from reports.json_boards import render_json
from reports.latex import render_latex
from reports.leaderboard import leaderboard
from reports.markdown import render_markdown
from reports.plain_csv import render_csv
from reports.terminal import render_terminal
from tests import toy_results as toy

GOLDEN = Path(__file__).parent / "golden"
HOSTILE = "<script>alert(1)</script> & 50%_$|*[x](y)"
_METRICS = ("kd@random-convnet", "pq/image", "dice/image", "aji/image")
_PLACES = {"copy": (0.05, "below"), "noise": (312.0, "above"), "diffmix": (4.2, "above"), HOSTILE: (3.1, "above")}
FLOOR = {"floor": 6.1e-4, "floor_low": 4.2e-4, "floor_high": 8.1e-4, "floor_within": 3.5e-4}
_NEEDS_SOURCE = "shows no mask without the real patch it is from (a method that can has the attribute draws_any_mask)"


def rows(preset: str = "smoke") -> list[ScoreRow]:
    """Return rows of two methods under three seeds, with ranks, costs, faithfulness and reasons for its lack."""
    made = toy.rows(seeds=3, preset=preset)
    hostile = toy.rows(method=HOSTILE, seeds=3, shift=0.06, preset=preset)
    made += [row for row in hostile if row.method == HOSTILE]
    made = [completed(row, _PLACES) for row in made if row.metric in _METRICS and row.kind != "cost"]
    made += [_faithful(method, preset) for method in ("copy", "noise", "diffmix", HOSTILE)]
    made += [row for method in ("copy", "diffmix") for row in _costs(method, preset)]
    made += [_rank(row) for row in made if row.kind == "difference" and row.seed < 0]
    return [*made, toy.leak(value=0.0, preset=preset)]


def board(preset: str = "smoke") -> Leaderboard:
    """Return the board of these rows."""
    with tempfile.TemporaryDirectory() as folder:
        (found,) = leaderboard(toy.table(Path(folder), rows(preset)), costs=True)
    return found


def terminal(found: Leaderboard, width: int, *, everything: bool = False) -> str:
    """Return a board as a terminal of some width shows it."""
    console = Console(file=io.StringIO(), width=width, highlight=False, markup=False)
    console.print(render_terminal(found, width=width, everything=everything))
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


FILES: Mapping[str, Callable[[Leaderboard], str]] = {
    "terminal-80.txt": lambda found: terminal(found, 80),
    "terminal-120.txt": lambda found: terminal(found, 120),
    "terminal-200.txt": lambda found: terminal(found, 200),
    "board.md": render_markdown,
    "board.csv": lambda found: render_csv([found]),
    "board.tex": lambda found: render_latex([found]),
    "board.html": lambda found: render_html([found]),
    "board.json": lambda found: render_json([found]),
}


def completed(row: ScoreRow, places: Mapping[str, tuple[float, str]]) -> ScoreRow:
    """Return a row with its groups, and a distance with its floor and its place, both by method."""
    changes: dict[str, object] = {"n_groups": 14, "group_kind": "slide"}
    if row.encoder:
        value, standing = places[row.method]
        interval = {"value": value / 1000, "ci_low": value / 1100, "ci_high": value / 900}
        changes |= {**FLOOR, **interval, "standing": standing}
    if row.kind == "difference":
        changes["detectable"] = 0.021
    return row.model_copy(update=changes)


def _faithful(method: str, preset: str) -> ScoreRow:
    number = {"reason": f"{method} {_NEEDS_SOURCE}"}
    if method == "diffmix":
        number = {"value": 0.9, "ci_low": 0.88, "ci_high": 0.92}  # type: ignore[dict-item]
    elif method == HOSTILE:
        number = {"reason": "only 24 images of test masks; 64 are needed: raise faithfulness_samples of the preset"}
    at = {"run": "run-1", "dataset": "phantom", "preset": preset, "budget": "600 steps", "downstream": "hovernet"}
    return ScoreRow.model_validate({**at, "method": method, "metric": "fs1/image", "direction": "higher", **number})


def _costs(method: str, preset: str) -> list[ScoreRow]:
    spent = {"synthesize/seconds": 36.0, "synthesize/peak_rss_mib": 2048.0}
    if method == "diffmix":
        spent |= {"fit/sdm/seconds": 7200.0, "fit/sdm/peak_gpu_mib": 12288.0, "synthesize/peak_gpu_mib": 6144.0}
    at = {"run": "run-1", "dataset": "phantom", "preset": preset, "kind": "cost", "n": 100, "method": method}
    return [ScoreRow.model_validate({**at, "metric": name, "value": value}) for name, value in spent.items()]


def _rank(row: ScoreRow) -> ScoreRow:
    first = {"copy": (4, 3, 4), "noise": (5, 5, 5), "diffmix": (1, 1, 2), HOSTILE: (2, 1, 3)}
    value, low, high = first[row.method]
    return row.model_copy(
        update={"kind": "rank", "value": value, "ci_low": low, "ci_high": high, "direction": "none", "detectable": None}
    )


def main() -> None:
    """Write the golden files."""
    GOLDEN.mkdir(exist_ok=True)
    for name, render in FILES.items():
        (GOLDEN / name).write_text(render(board()), encoding="utf-8")


if __name__ == "__main__":
    main()
