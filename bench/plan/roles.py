"""Roles of data: which of them an arm reads, and which dataset has them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from bench.config import Preset
from bench.contract import MethodBase
from bench.datasets.source import DatasetSource, open_source
from bench.plan.arms import Arm

TEXT = "text"


@dataclass(frozen=True)
class OtherData:
    """The data of a run besides the splits of its dataset.

    `sources` has the datasets of other roles. `own_text` says how much of the run's own training split has the role
    "text": nothing, all of it, or every second group, so that the other groups are masks without captions.
    """

    sources: Mapping[str, DatasetSource]
    own_text: Literal["", "all", "half"] = ""

    @property
    def roles(self) -> frozenset[str]:
        """The roles that these data have."""
        return frozenset(self.sources) | (frozenset({TEXT}) if self.own_text else frozenset())

    def named(self, dataset: str) -> dict[str, str]:
        """Return the name of each role's data as rows show it, given the name of the run's dataset."""
        own = {"": {}, "all": {TEXT: dataset}, "half": {TEXT: f"{dataset}:half"}}[self.own_text]
        return {role: source.card.name for role, source in self.sources.items()} | own


def roles_read(method: MethodBase, available: Iterable[str]) -> frozenset[str]:
    """Return the roles that a method reads: those that it needs, and of its optional ones those that there are."""
    return method.roles | (method.optional_roles & frozenset(available))


def asked_of(method: MethodBase) -> frozenset[str]:
    """Return every role that a method asks for: those that it needs, its optional ones, and those of its parts."""
    return frozenset[str]().union(method.roles, method.optional_roles, *(part.reads for part in method.parts()))


def other_data(
    source: DatasetSource, named: Mapping[str, str], preset: Preset, arms: Sequence[Arm], root: Path | None
) -> OtherData:
    """Return the data of other roles: the datasets that are named, and captions if an arm needs them.

    Captions come from the dataset that is named, else from the run's dataset if it has captions, else from the dataset
    that the preset names. If they are the run's own, a dataset of nuclei gives only those of every second group.
    """
    sources = {role: open_source(name, root) for role, name in named.items()}
    card, text = source.card, sources.get(TEXT)
    if TEXT in source.splits() or not any(TEXT in roles_read(arm.method, [TEXT]) for arm in arms):
        return OtherData(sources)
    if card.captioned if text is None else text.card.name == card.name:
        sources.pop(TEXT, None)
        return OtherData(sources, "half" if card.task == "nuclei" else "all")
    if text is None and any(TEXT in arm.method.roles for arm in arms):
        sources[TEXT] = open_source(preset.text_dataset, root)
    return OtherData(sources)


def with_data(arm: Arm, other: OtherData, dataset: str) -> Arm:
    """Add the other data that an arm reads to its variant, since they make it a different arm."""
    read = [f"{role}={name}" for role, name in other.named(dataset).items() if role in roles_read(arm.method, [role])]
    return replace(arm, variant=" ".join(filter(None, [arm.variant, *read])))
