"""Slow, obvious precision, recall, density, coverage and authenticity: whole distance matrices, loops."""

import numpy as np
from scipy.spatial.distance import cdist


def prdc(real, synthetic, k):
    def radii(points):
        return np.array([np.sort(row)[k] for row in cdist(points, points)])

    between, r, s = cdist(real, synthetic), radii(real), radii(synthetic)
    n, m = between.shape
    precision = np.mean([any(between[i, j] < r[i] for i in range(n)) for j in range(m)])
    recall = np.mean([any(between[i, j] < s[j] for j in range(m)) for i in range(n)])
    density = np.mean([sum(between[i, j] < r[i] for i in range(n)) for j in range(m)]) / k
    coverage = np.mean([between[i].min() < r[i] for i in range(n)])
    return precision, recall, density, coverage


def auth_pct(train, synthetic):
    own = cdist(train, train) + np.diag(np.full(len(train), np.inf))
    between = cdist(synthetic, train)
    return 100 * np.mean([row.min() > own[row.argmin()].min() for row in between])


def copy_rate(train, synthetic, test, quantile=0.05):
    threshold = np.quantile([row.min() for row in cdist(test, train) ** 2], quantile)
    return np.mean([row.min() <= threshold for row in cdist(synthetic, train) ** 2])
