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
    if rank is None or not has_rank(board, index):
        return ""
    low, high = (rank.value if bound is None else bound for bound in (rank.low, rank.high))
    return f"{low:g}" if low == high else f"{low:g}\N{EN DASH}{high:g}"


def has_rank(board: Leaderboard, index: int) -> bool:
    """Return whether the rank of a row is known and may be shown."""
    rank = board.rank(index)
    return bool(board.verdicts) and rank is not None and rank.value is not None and not board.rows[index].leak
