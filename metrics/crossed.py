"""Networks that are trained under several seeds on several sets: two spreads, and what they mean for a mean over both.

Every training seed is used with every set, and each set is drawn under its own generation seed: a crossed design with
one value y_sg per cell, y_sg = mean + a_s + b_g + e_sg. Its mean squares are A (training seeds), B (generation seeds)
and E (error), with expectations G var(a) + var(e), S var(b) + var(e) and var(e) (Searle, Casella & McCulloch, Variance
Components, 1992, chapter 4). The error is also part of what differs between training seeds on one set, so this spread
is the mean over sets of the variance over training seeds, and the other is (B - E) / S; both are unbiased, whether a
training seed has an effect of its own on all sets or not.

The variance of the mean of all cells is (A + B - E) / (S G). It has two sources: the mean square of the kind with fewer
seeds, which contains the error, and what the other one has in excess of the error.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Real

from bench.errors import DataError
from metrics.estimate import Spread


class Spreads(NamedTuple):
    """Standard deviations of a value: over training seeds on one set, and over sets of different generation seeds.

    `negative` says that the estimated variance over sets was negative; its deviation is then 0.
    """

    training: float
    generation: float
    negative: bool


def spreads(values: Real[np.ndarray, "seeds generations"]) -> Spreads:
    """Return the spread over training seeds and the spread over generation seeds.

    Args:
        values: the value under each training seed on the set of each generation seed; at least two of each.

    Raises:
        DataError: there are fewer than two seeds of a kind.

    >>> found = spreads(np.array([[1.0, 4.0], [3.0, 6.0]]))  # training seeds 2 apart, sets 3 apart
    >>> round(found.training, 3), round(found.generation, 3)
    (1.414, 2.121)
    """
    table = np.asarray(values, dtype=np.float64)
    if table.ndim != 2 or min(table.shape) < 2:
        raise DataError(
            "There must be at least two training seeds and two generation seeds",
            got=f"values of shape {table.shape}",
        )
    squares = mean_squares(table)
    within = float(table.var(axis=0, ddof=1).mean())
    between = float(squares.generations - squares.error) / len(table)
    return Spreads(float(np.sqrt(within)), float(np.sqrt(max(between, 0.0))), between < 0)


class MeanSquares(NamedTuple):
    """The mean squares of a crossed design with one value per cell."""

    seeds: Float64[np.ndarray, "*more"]
    generations: Float64[np.ndarray, "*more"]
    error: Float64[np.ndarray, "*more"]


def mean_squares(values: Float64[np.ndarray, "seeds generations *more"]) -> MeanSquares:
    """Return the mean squares over the first two axes, of at least two seeds each.

    >>> [float(square) for square in mean_squares(np.array([[1.0, 4.0], [3.0, 6.0]]))]
    [4.0, 9.0, 0.0]
    """
    n_seeds, n_generations = values.shape[:2]
    by_seed, by_generation = values.mean(axis=1, keepdims=True), values.mean(axis=0, keepdims=True)
    rest = values - by_seed - by_generation + values.mean(axis=(0, 1), keepdims=True)
    return MeanSquares(
        seeds=np.asarray(n_generations * by_seed.var(axis=(0, 1), ddof=1)),
        generations=np.asarray(n_seeds * by_generation.var(axis=(0, 1), ddof=1)),
        error=np.asarray((rest**2).sum(axis=(0, 1)) / ((n_seeds - 1) * (n_generations - 1))),
    )


def sources(values: Float64[np.ndarray, "seeds *generations"]) -> tuple[Spread, ...]:
    """Return the spreads of a mean over seeds, one for each kind of which there are several.

    >>> [round(spread.se, 3) for spread in sources(np.array([[1.0, 4.0], [3.0, 6.0]]))]  # √(4 / 4), √(9 / 4)
    [1.0, 1.5]
    """
    if min(values.shape) > 1 and values.ndim == 2:
        squares = mean_squares(values)
        effects = [(float(squares.seeds), values.shape[0] - 1), (float(squares.generations), values.shape[1] - 1)]
        (fewer, dof_fewer), (more, dof_more) = sorted(effects, key=lambda effect: effect[1])
        excess = max(more - float(squares.error), 0.0)
        both = ((fewer, dof_fewer), (excess, dof_more))
        return tuple(Spread(float(np.sqrt(square / values.size)), dof) for square, dof in both)
    flat = values.ravel()
    return (Spread(float(flat.std(ddof=1) / np.sqrt(len(flat))), len(flat) - 1),) if len(flat) > 1 else ()


def variance_of_mean(values: Float64[np.ndarray, "seeds *more"], kinds: int) -> Float64[np.ndarray, "*rest"]:
    """Return the estimated variance of a mean over the first `kinds` axes, one of seeds or two of crossed seeds.

    >>> float(variance_of_mean(np.array([[1.0, 4.0], [3.0, 6.0]]), 2)), float(variance_of_mean(np.array([1.0, 3.0]), 1))
    (3.25, 1.0)
    """
    if kinds == 2 and min(values.shape[:2]) > 1:
        squares = mean_squares(values)
        n = values.shape[0] * values.shape[1]
        return np.asarray((squares.seeds + squares.generations - squares.error) / n)
    flat = values.reshape(-1, *values.shape[kinds:])
    return np.asarray(flat.var(axis=0, ddof=1) / len(flat) if len(flat) > 1 else np.zeros(flat.shape[1:]))
