"""Resolves a request: every name in it is looked up, and nothing is done yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bench.config import Preset, RunRequest, load_preset
from bench.config.overrides import parse
from bench.config.request import SHARED_ROLES
from bench.datasets.card import DatasetCard
from bench.datasets.source import DatasetSource, open_source
from bench.errors import ConfigError
from bench.importing.store import open_imported
from bench.plan.arms import BASELINE, Arm, Network, make_arm
from bench.plan.encoders import EncoderHandle, encoder_handle
from bench.plan.imported import imported_arm
from bench.plan.networks import make_networks
from bench.stages.select import expand


@dataclass(frozen=True)
class Resolved:
    """A request whose names are all looked up; nothing is done yet."""

    request: RunRequest
    preset: Preset
    preset_label: str
    source: DatasetSource
    others: Mapping[str, DatasetSource]
    arms: Sequence[Arm]
    subjects: Sequence[Arm]
    networks: Sequence[Network]
    encoders: Sequence[EncoderHandle]
    text_encoder: EncoderHandle | None

    @property
    def card(self) -> DatasetCard:
        """The card of the dataset."""
        return self.source.card

    @property
    def subject(self) -> Arm:
        """The arm that the run is about; the first of them if its method compares several selections."""
        return self.subjects[0]

    @property
    def roles(self) -> frozenset[str]:
        """The roles of data that the arms read."""
        return frozenset[str]().union(*(arm.method.roles for arm in self.arms))

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits of the dataset that the arms read, and the test split."""
        read = self.roles & set(self.source.splits()) - {"train", "test", *self.others}
        return ("train", "test", *sorted(read))


def resolve(request: RunRequest) -> Resolved:
    """Look up every name of a request.

    Raises:
        ConfigError: an unknown name, key or value; the nearest one is suggested.
    """
    source = open_source(request.dataset, request.data_root)
    others = {role: open_source(name, request.data_root) for role, name in request.data.items()}
    overrides = parse(request.overrides)
    name = request.preset or source.card.default_preset
    preset = load_preset(name, overrides.preset, source.card.task)
    controls = dict.fromkeys([BASELINE, *(preset.controls if request.controls is None else request.controls)])
    if request.synthetic is not None:
        made = open_imported(request.store, source.card.name, request.synthetic)
        subject = imported_arm(made, overrides.method, overrides.method_text)
    else:
        subject = make_arm(str(request.method), preset, overrides.method, overrides.method_text)
        subject = _with_others(subject, others)
    subjects = expand(subject)
    arms = [arm for name in controls for arm in (subjects if name == subject.name else [make_arm(name, preset)])]
    arms += [] if subjects[0] in arms else subjects
    _check_roles(request.data, arms)
    wanted = request.downstream or preset.downstream or source.card.networks
    networks = make_networks(wanted, preset, overrides.downstream, request.weights)
    encoders = [encoder_handle(encoder, request.weights) for encoder in preset.encoders]
    label = f"{name}+{overrides.protocol_text}" if overrides.protocol_text else name
    aligned = encoder_handle(preset.text_encoder, request.weights) if any(map(_about_text, subjects)) else None
    return Resolved(request, preset, label, source, others, arms, subjects, networks, encoders, aligned)


def _about_text(arm: Arm) -> bool:
    """Return whether an arm is about captions: its method shows them, or its set was brought in with captions.

    A control that keeps every label of real images is about none of them in particular.
    """
    if arm.ready is not None:
        return any(record.caption for record in arm.ready.metadata)
    return "text" in arm.method.conditions and not {"mask", "class"} <= arm.method.conditions


def _check_roles(named: Mapping[str, str], arms: Sequence[Arm]) -> None:
    """Refuse data for unknown roles; captions and a pool are known even if no method of the run reads them."""
    read = {role for arm in arms for role in arm.method.roles} - {"train", "test"}
    for role in named.keys() - read - set(SHARED_ROLES):
        fix = f"methods of this run read {', '.join(sorted(read)) or 'no other data than the dataset'}"
        raise ConfigError("No method of this run reads data of the role that --data names", got=repr(role), fix=fix)


def _with_others(arm: Arm, others: Mapping[str, DatasetSource]) -> Arm:
    """Add the other datasets that an arm reads to its variant, since they make it a different arm."""
    read = [f"{role}={source.card.name}" for role, source in others.items() if role in arm.method.roles]
    return replace(arm, variant=" ".join(filter(None, [arm.variant, *read])))
