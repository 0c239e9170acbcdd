"""The kernel distance over pairs of different slides, pair by pair, and again without each slide."""

from itertools import product

import numpy as np


def kernel_by_pair(a, b):
    return (sum(p * q for p, q in zip(a, b, strict=True)) / len(a) + 1) ** 3


def mean_of_pairs(first, second, keep):
    values = [kernel_by_pair(a, b) for (i, a), (j, b) in product(enumerate(first), enumerate(second)) if keep(i, j)]
    return sum(values) / len(values) if values else float("nan")


def distance_by_pair(x, y, of_x, of_y):
    within_x = mean_of_pairs(x, x, lambda i, j: of_x[i] != of_x[j])
    within_y = mean_of_pairs(y, y, lambda i, j: of_y[i] != of_y[j])
    return within_x + within_y - 2 * mean_of_pairs(x, y, lambda i, j: True)


def jackknife_by_pair(x, y, of_x, of_y):
    """Return the jackknife's variance: of all groups if the two sides share one, and otherwise of each side."""
    sides = [set(of_x) | set(of_y)] if set(of_x) & set(of_y) else [set(of_x), set(of_y)]
    variance = 0.0
    for side in sides:
        left = []
        for group in side:
            in_x, in_y = of_x != group, of_y != group
            left.append(distance_by_pair(x[in_x], y[in_y], of_x[in_x], of_y[in_y]))
        variance += (len(left) - 1) / len(left) * sum((value - np.mean(left)) ** 2 for value in left)
    return variance
