"""The parts of a report: boards and runs of the same data, preset and division, which may be compared."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from reports.board import Leaderboard
from reports.report.material import Material, Run

_NOT_RECORDED = "not recorded"


@dataclass(frozen=True)
class Part:
    """What belongs together: the boards of one dataset, preset and division, and the runs that their rows are from."""

    dataset: str
    title: str
    boards: Sequence[Leaderboard]
    runs: Sequence[Run]

    @property
    def anchor(self) -> str:
        """The name of the part in links."""
        return re.sub(r"[^A-Za-z0-9]+", "-", self.title).strip("-").lower()


def parts_of(material: Material) -> list[Part]:
    """Return the parts of a report, those with the newest results first."""
    found: dict[tuple[str, str, str, str], list[Leaderboard]] = {}
    for board in material.boards:
        found.setdefault((board.dataset, board.preset, board.division, board.data), []).append(board)
    parts = []
    for (dataset, preset, division, data), boards in found.items():
        about = [dataset, f"data {data}" if data else "", preset, division]
        runs = [run for key, run in material.runs.items() if key in _keys(material, boards[0])]
        parts.append(Part(dataset, " · ".join(filter(None, about)), boards, runs))
    return parts


def _keys(material: Material, board: Leaderboard) -> set[str]:
    """Return the keys of the runs whose rows are on a board or on another board of its part.

    Runs of an older harness are left out, as boards leave out their numbers.
    """
    table = material.table
    kept = (table["dataset"] == board.dataset) & (table["preset"] == board.preset)
    kept &= table["division"] == board.division
    if board.data:
        wanted = "" if board.data == _NOT_RECORDED else board.data
        kept &= table["data"].str.startswith(wanted) if wanted else table["data"] == ""
    current = table[kept]
    return set(current[current["harness"] == current["harness"].max()]["run"])
