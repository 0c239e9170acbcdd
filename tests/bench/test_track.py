"""Tracks: what a set must come with, and that every task has one whose networks and phantoms exist."""

from __future__ import annotations

from typing import get_args

import pytest

from bench.contract import Task
from bench.datasets.card import load_card
from bench.registry import load
from bench.track import TRACKS, track_of


def test_every_task_has_a_track() -> None:
    assert tuple(TRACKS) == get_args(Task)


@pytest.mark.parametrize("task", TRACKS)
def test_networks_are_of_their_track_and_phantoms_are_drawn_here(task: Task) -> None:
    track = TRACKS[task]
    assert all(load("downstream", name).task == task for name in track.networks)
    card = load_card(track.phantom)
    assert card.source in ("phantom", "phantom-tissue")
    assert track_of(card) in TRACKS.values()


@pytest.mark.parametrize(
    ("task", "instances", "label", "reason"),
    [
        ("nuclei", True, False, ""),
        ("nuclei", False, True, "not every image comes with an instance map"),
        ("tissue", False, True, ""),
        ("tissue", True, False, "not every image comes with a class"),
        ("text", True, True, "no network is made for a dataset of captions"),
        ("pool", True, True, "no network is made for a dataset of images without labels"),
    ],
)
def test_what_a_set_lacks_to_be_trained_on(task: Task, instances: bool, label: bool, reason: str) -> None:
    found = TRACKS[task].untrainable(instances=instances, label=label)
    assert found.endswith(reason)
    assert bool(found) == bool(reason)


def test_patches_are_cut_from_tiles_of_nuclei_only() -> None:
    assert [TRACKS[task].patches(25) for task in TRACKS] == [25, 1, 1, 1]
