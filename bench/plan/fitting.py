"""Methods, networks and datasets that fit each other, for errors about those that do not."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from bench.config import Preset
from bench.datasets.card import card_names, load_card
from bench.errors import BenchError
from bench.plan.arms import make_arm
from bench.registry import load, names
from bench.track import Track, track_of


def methods_for(track: Track, preset: Preset) -> list[str]:
    """Return the names of methods that show labels of a track, without controls."""
    return [name for name, labels in _shown(preset) if not track.conditions or labels & track.conditions]


def networks_for(track: Track) -> list[str]:
    """Return the names of downstream networks of a track."""
    return [name for name in names("downstream") if load("downstream", name).task == track.task]


def datasets_for(labels: Collection[str]) -> list[str]:
    """Return the names of datasets for a method that shows these labels, those that need no download first."""
    found = [load_card(name) for name in card_names()]
    fit = [one for one in found if not one.generic and set(labels) & track_of(one).conditions]
    return [one.name for one in sorted(fit, key=lambda one: (not one.name.startswith("phantom"), one.name))]


def _shown(preset: Preset) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield the labels that each method shows with the settings of a preset."""
    from reports.board import CONTROLS

    for name in names("methods"):
        if name in CONTROLS:
            continue
        try:
            method = make_arm(name, preset).method
        except BenchError:  # one that needs settings, such as a command or a folder
            continue
        if method.conditions:
            yield name, method.conditions
