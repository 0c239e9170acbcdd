"""Selective augmentation: choosing the images of a pool that are close to the class that they should show.

This is the selection of Xue et al. (HistoGAN, MedIA 2021) as HistoDiffusion uses it: a candidate is kept if the nearest
class centroid is that of its own class, and the nearest candidates come first. Distances are means over dimensions of
squared differences.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Float64, Int, Int64
from pydantic import Field

from bench.contract import MethodBase, Settings
from bench.errors import DataError

# Added to norms before features are divided by them, as in the released code.
_EPSILON = 1e-10


class SelectionArm(Settings):
    """One training-set composition that is made from a pool: how images are chosen, and how many per real image.

    `random` takes any images, and `centroid` takes those nearest to their class. With `min_confidence`, the probability
    of the class under the real-only classifier must also be at least that value (the released code has no such
    condition; HistoGAN's thresholds are unpublished).
    """

    rule: Literal["random", "centroid"]
    ratio: float = Field(gt=0)
    min_confidence: float | None = Field(default=None, ge=0, le=1)

    @property
    def chooses(self) -> bool:
        """Whether images are chosen by their content."""
        return self.rule != "random"

    @property
    def title(self) -> str:
        """The name of the arm in a table: `centroid 100%`."""
        confident = "" if self.min_confidence is None else f" p>={self.min_confidence:g}"
        return f"{self.rule} {self.ratio:.0%}{confident}"


# HistoDiffusion, table 1: random at 50 %, selected at 50 to 300 % of the labelled images.
PUBLISHED_ARMS = (
    SelectionArm(rule="random", ratio=0.5),
    *(SelectionArm(rule="centroid", ratio=ratio) for ratio in (0.5, 1.0, 2.0, 3.0)),
)


class Selected(NamedTuple):
    """Chosen rows of a pool, class by class, in order of preference, and the number of acceptable images per class."""

    indices: Int64[np.ndarray, " k"]
    accepted: Int64[np.ndarray, " c"]
    candidates: Int64[np.ndarray, " c"]

    @property
    def acceptance(self) -> float:
        """Share of the candidates of a class that were acceptable, averaged over classes, whose numbers may differ."""
        asked = self.candidates > 0
        return float((self.accepted[asked] / self.candidates[asked]).mean()) if asked.any() else 0.0


def normalised(features: Float[np.ndarray, "n d"]) -> Float64[np.ndarray, "n d"]:
    """Return features of unit length."""
    array = np.asarray(features, dtype=np.float64)
    return np.asarray(array / (np.linalg.norm(array, axis=1, keepdims=True) + _EPSILON))


def class_centroids(
    features: Float[np.ndarray, "n d"], labels: Int[np.ndarray, " n"], n_classes: int
) -> Float64[np.ndarray, "c d"]:
    """Return the mean of each class's normalised features.

    Raises:
        DataError: a class has no image.
    """
    counts = np.bincount(labels, minlength=n_classes)
    if (counts == 0).any():
        raise DataError("There must be real images of every class", got=f"no image of class {int(np.argmin(counts))}")
    units = normalised(features)
    return np.stack([units[labels == label].mean(axis=0) for label in range(n_classes)])


def centroid_distances(
    features: Float[np.ndarray, "n d"], centroids: Float[np.ndarray, "c d"]
) -> Float64[np.ndarray, "n c"]:
    """Return the mean over dimensions of squared differences of normalised features to each centroid.

    >>> centroid_distances(np.array([[0.8, 0.6]]), np.array([[1.0, 0.0], [0.0, 1.0]])).round(6)
    array([[0.2, 0.4]])
    """
    units = normalised(features)
    return np.stack([((units - centroid) ** 2).mean(axis=1) for centroid in np.asarray(centroids)], axis=1)


def acceptable(
    distances: Float[np.ndarray, "n c"],
    target: Int[np.ndarray, " n"],
    confidence: Float[np.ndarray, " n"] | None = None,
    min_confidence: float | None = None,
) -> Bool[np.ndarray, " n"]:
    """Return which candidates are nearest to the centroid of their own class; ties go to the lower class.

    Args:
        distances: of each candidate to the centroid of each class.
        target: the class that each candidate should show.
        confidence: probability of that class, if there is a threshold.
        min_confidence: the threshold; None means no threshold.

    Raises:
        DataError: there is a threshold but no probabilities are given.
    """
    found = np.argmin(distances, axis=1) == target
    if min_confidence is not None:
        if confidence is None:
            raise DataError(
                f"The threshold min_confidence={min_confidence:g} needs the probabilities of the classifier",
                got="no probabilities",
                fix="pass `confidence`, or leave out `min_confidence`",
            )
        found &= confidence >= min_confidence
    return np.asarray(found)


def select(
    arm: SelectionArm,
    distances: Float[np.ndarray, "n c"],
    target: Int[np.ndarray, " n"],
    quota: Int[np.ndarray, " c"],
    *,
    rng: np.random.Generator,
    confidence: Float[np.ndarray, " n"] | None = None,
) -> Selected:
    """Choose `quota` images of each class from a pool.

    Args:
        arm: the rule. `random` draws without replacement from all candidates of a class. `centroid` takes the
            acceptable candidates in ascending distance to their own centroid, equal ones in the order of the pool.
        distances: of each candidate to the centroid of each class.
        target: the class that each candidate should show.
        quota: number of images to choose of each class.
        rng: draws the random ones.
        confidence: probability of its class that the real-only classifier gives each candidate.

    Returns:
        The chosen images; fewer than the quota if the pool is too small, which the caller must handle.
    """
    n_classes = len(quota)
    everyone = np.ones(len(target), dtype=bool)
    kept = everyone if arm.rule == "random" else acceptable(distances, target, confidence, arm.min_confidence)
    chosen = []
    for label in range(n_classes):
        members = np.flatnonzero(kept & (target == label))
        if arm.rule == "random":
            members = rng.permutation(members)
        else:
            members = members[np.argsort(distances[members, label], kind="stable")]
        chosen.append(members[: quota[label]])
    return Selected(
        indices=np.concatenate(chosen).astype(np.int64),
        accepted=np.bincount(target[kept], minlength=n_classes),
        candidates=np.bincount(target, minlength=n_classes),
    )


class Candidates(NamedTuple):
    """A pool of synthetic images and the real images that it is compared with, as the real-only classifier sees them.

    `confidence` is the probability of each candidate's own class; `target` is the class that it should show.
    """

    real: Float[np.ndarray, "r d"]
    labels: Int[np.ndarray, " r"]
    pool: Float[np.ndarray, "n d"]
    target: Int[np.ndarray, " n"]
    confidence: Float[np.ndarray, " n"]


class SelectiveSettings(Settings):
    """Settings of a method whose sets are chosen from a pool."""

    selection: tuple[SelectionArm, ...] = Field(PUBLISHED_ARMS, min_length=1)


class Selective(MethodBase):
    """Base of class-conditional methods whose sets are chosen from a pool.

    The harness draws one pool for all arms of a method, applies the real-only classifier to it and calls `choose`.
    """

    config: SelectiveSettings

    @property
    def selections(self) -> tuple[SelectionArm, ...]:
        """The arms that a run compares."""
        return self.config.selection

    def candidates(self, **seen: Any) -> Candidates:
        """Return the candidates made of the fields in `seen`; see :class:`Candidates` for the fields."""
        return Candidates(**seen)

    def choose(
        self, selection: SelectionArm, seen: Candidates, quota: Int[np.ndarray, " c"], rng: np.random.Generator
    ) -> Selected:
        """Choose `quota` images of each class by an arm's rule."""
        centroids = class_centroids(seen.real, seen.labels, len(quota))
        distances = centroid_distances(seen.pool, centroids)
        return select(selection, distances, seen.target, quota, rng=rng, confidence=seen.confidence)
