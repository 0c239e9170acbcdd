"""The words that stand next to the difference that is tested."""

from __future__ import annotations

from reports.board import Leaderboard

STAR = "★"
"""The mark of an arm that is better than the baseline, and not distinguishable from the best such arm."""


def verdict_text(board: Leaderboard, index: int) -> list[str]:
    """Return a row's verdict and its rank, for example `better` and `rank 2`; unknown parts are left out."""
    word, rank = board.verdicts.get(index, ""), rank_text(board, index)
    return [part for part in (word, f"rank {rank}" if rank else "") if part]


def rank_text(board: Leaderboard, index: int) -> str:
    """Return the range of a row's rank; empty where nothing may be claimed, as for an arm with a leak."""
    rank = board.rank(index)
    if not board.verdicts or rank is None or rank.value is None or board.rows[index].leak:
        return ""
    low, high = (rank.value if bound is None else bound for bound in (rank.low, rank.high))
    return f"{low:g}" if low == high else f"{low:g}\N{EN DASH}{high:g}"
