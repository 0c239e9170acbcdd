"""Tracks: the differences between datasets of nuclei, tissue classes, captions and images without labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from bench.contract import Task


@dataclass(frozen=True)
class Track:
    """How datasets of one `task` are read, drawn, trained on and tested.

    Attributes:
        task: its name in cards, datasets and networks.
        people: the labels of its samples, for messages.
        conditions: a method must show one of these; empty where any method will do. A method that shows nothing
            (the baseline, a set that was made elsewhere) always fits.
        whole: whether an image is fitted into the patch as a whole; patches are cut from it otherwise.
        label: what every synthetic sample must come with to be trained on: an instance map ("mask"), a class, nothing.
        networks: downstream networks for it that ship; empty where none is trained.
        phantom: the dataset that runs without any download.
    """

    task: Task
    people: str
    conditions: frozenset[str]
    whole: bool
    label: Literal["mask", "class", ""]
    networks: tuple[str, ...]
    phantom: str

    def patches(self, per_tile: int) -> int:
        """Return the number of patches per image: `per_tile` if patches are cut, else 1."""
        return 1 if self.whole else per_tile

    @property
    def untrained(self) -> str:
        """Why no network is trained on such a dataset; empty if one is."""
        return "" if self.networks else f"not trained on: no network is made for a dataset of {self.people}"

    def untrainable(self, *, instances: bool, label: bool) -> str:
        """Return why no network can be trained on a set, given the labels of all its images; empty if one can.

        >>> TRACKS["nuclei"].untrainable(instances=False, label=True)
        'not trained on: not every image comes with an instance map'
        """
        if self.label == "mask" and not instances:
            return "not trained on: not every image comes with an instance map"
        if self.label == "class" and not label:
            return "not trained on: not every image comes with a class"
        return self.untrained


TRACKS: dict[Task, Track] = {
    track.task: track
    for track in (
        Track(
            task="nuclei",
            people="nuclei",
            conditions=frozenset({"mask", "text"}),
            whole=False,
            label="mask",
            networks=("hovernet",),
            phantom="phantom",
        ),
        Track(
            task="tissue",
            people="tissue classes",
            conditions=frozenset({"class", "text"}),
            whole=True,
            label="class",
            networks=("vit",),
            phantom="phantom-tissue",
        ),
        Track(
            task="text",
            people="captions",
            conditions=frozenset({"text"}),
            whole=True,
            label="",
            networks=(),
            phantom="phantom-tissue",
        ),
        Track(
            task="pool",
            people="images without labels",
            conditions=frozenset(),
            whole=True,
            label="",
            networks=(),
            phantom="phantom-tissue",
        ),
    )
}
"""Every track by its task."""


class HasTask(Protocol):
    """Something of a track: a dataset's info or card, a downstream network."""

    @property
    def task(self) -> Task:
        """The task that names its track."""
        ...


def track_of(subject: HasTask) -> Track:
    """Return the track of a dataset's info or card, or of a downstream network."""
    return TRACKS[subject.task]
