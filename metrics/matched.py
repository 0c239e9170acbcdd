"""A set and real images compared with the same real images: equal numbers of images and of slides, over many draws."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Int64

_FEW = 0.25
Rows = Int64[np.ndarray, " n"]


class Draw(NamedTuple):
    """Rows of one draw: a half of the real slides, as many images of the other half, and as many of the set."""

    half: Rows
    other: Rows
    made: Rows


class Design(NamedTuple):
    """Draws of `n` images each, and the numbers of slides that the range of a floor depends on.

    `slides` are those of the real images, `of_half` and `of_other` those of the two samples, `of_set` those of the
    set, 0 if it does not derive from slides.
    """

    draws: tuple[Draw, ...]
    n: int
    slides: int
    of_half: float
    of_other: float
    of_set: int


def number_of_slides(groups: Sequence[str]) -> int:
    """Return the number of slides that images derive from: 0 if each image is a group of its own.

    >>> number_of_slides(["a", "a", "b"]), number_of_slides(["1", "2", "3"])
    (2, 0)
    """
    different = len(set(groups))
    return different if different < len(groups) else 0


def matched_draws(
    real: Sequence[str], made: Sequence[str], n: int, *, rngs: Iterable[np.random.Generator]
) -> Design | None:
    """Return draws in which a set and unseen real images are compared with the same half of the real slides.

    If the set derives from slides, the other real images are of as many slides as those of the set. Images of a set
    that were made from slides of the half are taken first: a set that reproduces its slides is then nearer to them than
    other slides are.

    Args:
        real: slide or patient of each real image.
        made: slide that each image of the set derives from, or a name of its own.
        n: most images of each sample; fewer if a sample has fewer in a quarter of the draws. Draws with still fewer
            are left out.
        rngs: one generator per draw.

    Returns:
        the draws; None if all real images are of one slide.

    >>> found = matched_draws(list("aabbccdd"), list("xxyyzz"), 9, rngs=[np.random.default_rng(0)])
    >>> found.n, found.of_half, found.of_set
    (4, 2.0, 3)
    """
    of_real, of_made = _rows(real), _rows(made)
    if len(of_real) < 2:
        return None
    of_set = number_of_slides(made)
    draws, taken = [], []
    for rng in rngs:
        names = [sorted(of_real)[i] for i in rng.permutation(len(of_real))]
        half, rest = names[: len(names) // 2], names[len(names) // 2 : 2 * (len(names) // 2)]
        own = ([name for name in half if name in of_made] or sorted(of_made)) if of_set else []
        k = min(len(rest), len(own)) if of_set else len(rest)
        chosen = [own[i] for i in rng.permutation(len(own))[:k]] if of_set else list(of_made)
        samples = [(of_real, half), (of_real, rest[:k]), (of_made, chosen)]
        draws.append(Draw(*(rng.permutation(np.concatenate([rows[g] for g in of])) for rows, of in samples)))
        taken.append((len(half), k))
    # a slide with few images does not limit all draws
    sizes = [min(len(rows) for rows in draw) for draw in draws]
    n = min(n, int(np.quantile(sizes, _FEW, method="lower")))
    draws = [draw for draw, size in zip(draws, sizes, strict=True) if size >= n]
    of_half, of_other = np.mean(taken, axis=0).tolist()
    cut = tuple(Draw(*(rows[:n] for rows in draw)) for draw in draws)
    return Design(cut, n, len(of_real), of_half, of_other, of_set)


def _rows(groups: Sequence[str]) -> dict[str, Rows]:
    found: dict[str, list[int]] = {}
    for row, group in enumerate(groups):
        found.setdefault(group, []).append(row)
    return {group: np.array(rows, dtype=np.int64) for group, rows in found.items()}
