"""What a run's own leaderboard says of its method, as tags: a leak, the verdict and every remark."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reports.board import Leaderboard

LEAK = "bench.leak"
_LENGTH = 5000
"""The longest text that tracking servers of all versions keep in a tag."""


def claims_of(boards: Sequence[Leaderboard], method: str) -> dict[str, str]:
    """Return the tags of a run of `method`: what its boards say, with the name of the arm if it has several."""
    from reports.remarks import remarks, warnings
    from reports.verdicts import verdict_text

    found: dict[str, list[str]] = {LEAK: [], "bench.verdict": [], "bench.remarks": []}
    for board in boards:
        found["bench.remarks"] += [*warnings(board), *remarks(board)]
        own = [(index, row) for index, row in enumerate(board.rows) if row.method == method]
        for index, row in own:
            found[LEAK] += [row.warning] if row.leak else []
            words = verdict_text(board, index)
            if words and board.primary is not None:
                about = [board.primary.score_name, *([row.title, row.downstream] if len(own) > 1 else [])]
                found["bench.verdict"].append(f"{', '.join(about)}: {', '.join(words)}")
    return {name: "; ".join(dict.fromkeys(lines))[:_LENGTH] for name, lines in found.items() if lines}
