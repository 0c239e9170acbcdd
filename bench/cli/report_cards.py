"""The cards that a report shows: what is known of datasets and methods before they are run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from bench.config.files import card
from bench.datasets.card import DatasetCard, SplitCounts, card_names, load_card
from bench.registry import distribution, load, names

if TYPE_CHECKING:
    from reports.report.material import Card


def dataset_cards(datasets: Iterable[str]) -> dict[str, Card]:
    """Return the cards of datasets that ship one."""
    return {name: _dataset(load_card(name)) for name in dict.fromkeys(datasets) if name in card_names()}


def method_cards(methods: Iterable[str]) -> dict[str, Card]:
    """Return the cards of methods that are installed."""
    return {name: _method(name) for name in dict.fromkeys(methods) if name in names("methods")}


def _dataset(known: DatasetCard) -> Card:
    from reports.report.material import Card

    facts = {
        "task": known.task,
        "organ": known.organ,
        "resolution": f"{known.mpp:g} µm per pixel ({known.magnification:g}x)",
        "classes of nuclei": ", ".join(known.class_names),
        "rare classes": ", ".join(known.classes[kind] for kind in known.rare),
        "classes of images": ", ".join(known.labels),
        "groups": known.groups or "",
        "splits": "; ".join(_split(name, known.expected) for name in known.splits),
        "licence": known.licence,
        "source": known.citation,
        "how to get it": known.how_to_get,
    }
    return Card(known.name, known.title, facts=_told(facts), remarks=known.traps)


def _split(name: str, expected: Mapping[str, SplitCounts]) -> str:
    counts = expected.get(name)
    if counts is None:
        return name
    n = sum(counts.nuclei.values()) or sum(counts.labels.values())
    return f"{name}: {counts.tiles:,} tiles" + (f", {n:,} {'nuclei' if counts.nuclei else 'images'}" if n else "")


def _method(name: str) -> Card:
    from reports.report.material import Card

    about, plugin = card("methods", name), load("methods", name)
    facts = {
        "version": str(plugin.version),
        "draws from": ", ".join(sorted(plugin.conditions)),
        "reads": ", ".join(sorted(plugin.roles)),
        "comes with": distribution("methods", name),
        "licence": about.get("licence", ""),
        "source": about.get("citation", ""),
    }
    return Card(name, about.get("title", name), about.get("summary", ""), _told(facts))


def _told(facts: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in facts.items() if value}
