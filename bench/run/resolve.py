"""Resolves a request: every name in it is looked up, and nothing is done yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.config import Preset, RunRequest, load_preset
from bench.config.overrides import parse
from bench.config.request import SHARED_ROLES
from bench.datasets.card import DatasetCard
from bench.datasets.source import DatasetSource, open_source
from bench.errors import ConfigError
from bench.evaluation.registered import evaluations
from bench.importing.store import open_imported
from bench.plan.arms import BASELINE, Arm, Network, make_arm
from bench.plan.encoders import EncoderHandle, encoder_handle
from bench.plan.imported import imported_arm
from bench.plan.networks import make_networks, with_trained
from bench.plan.protocol import ChosenProtocol, choose_protocol, with_seeds
from bench.plan.ratios import expand, largest_ratio
from bench.plan.roles import OtherData, other_data, roles_read, with_data
from bench.plan.seeds import Replicates


@dataclass(frozen=True)
class Resolved:
    """A request whose names are all looked up; nothing is done yet."""

    request: RunRequest
    preset: Preset
    preset_label: str
    source: DatasetSource
    other: OtherData
    arms: Sequence[Arm]
    subjects: Sequence[Arm]
    networks: Sequence[Network]
    encoders: Sequence[EncoderHandle]
    text_encoder: EncoderHandle | None
    protocol: ChosenProtocol | None = None

    @property
    def card(self) -> DatasetCard:
        """The card of the dataset."""
        return self.source.card

    @property
    def subject(self) -> Arm:
        """The arm that the run is about; the first of them if its method compares several selections."""
        return self.subjects[0]

    @property
    def others(self) -> Mapping[str, DatasetSource]:
        """The datasets of other roles."""
        return self.other.sources

    @property
    def replicates(self) -> Replicates:
        """The seeds of generators, sets and networks."""
        trained = self.request.generator_seeds
        return Replicates(self.request.seeds, trained or self.request.generation_seeds, trained is not None)

    @property
    def roles(self) -> frozenset[str]:
        """The roles of data that the arms read."""
        available = self.other.roles | frozenset(self.source.splits())
        return frozenset[str]().union(*(roles_read(arm.method, available) for arm in self.arms))

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
    protocol = None if request.protocol is None else choose_protocol(request.protocol, source)
    request = with_seeds(request, protocol)
    overrides = parse(request.overrides)
    name = request.preset or source.card.default_preset
    preset = load_preset(name, overrides.preset, source.card.task)
    evaluations(only=preset.evaluations)  # refuses a name that is not installed
    controls = dict.fromkeys([BASELINE, *(preset.controls if request.controls is None else request.controls)])
    of_subject = largest_ratio(request.method, request.ratios, overrides.method)
    if request.synthetic is not None:
        made = open_imported(request.store, source.card.name, request.synthetic)
        subject = imported_arm(made, of_subject, overrides.method_text)
    else:
        subject = make_arm(str(request.method), preset, of_subject, overrides.method_text)
    wanted = request.downstream or preset.downstream or source.card.networks
    networks = make_networks(wanted, preset, overrides.downstream, request.weights)
    subject = with_trained(subject, networks)
    of_controls = {name: with_trained(make_arm(name, preset), networks) for name in controls if name != subject.name}
    other = other_data(source, request.data, preset, [subject, *of_controls.values()], request.data_root)
    of_controls = {name: with_data(arm, other, source.card.name) for name, arm in of_controls.items()}
    subjects = expand(with_data(subject, other, source.card.name), request.ratios)
    arms = [arm for name in controls for arm in (subjects if name == subject.name else [of_controls[name]])]
    arms += [] if subjects[0] in arms else subjects
    _check_roles(request.data, arms)
    encoders = [encoder_handle(encoder, request.weights) for encoder in preset.encoders]
    label = f"{name}+{overrides.protocol_text}" if overrides.protocol_text else name
    aligned = encoder_handle(preset.text_encoder, request.weights) if any(map(_about_text, subjects)) else None
    return Resolved(request, preset, label, source, other, arms, subjects, networks, encoders, aligned, protocol)


def _about_text(arm: Arm) -> bool:
    """Return whether an arm is about captions: its method shows them, or its set was brought in with captions.

    A control that keeps every label of real images is about none of them in particular.
    """
    if arm.ready is not None:
        return any(record.caption for record in arm.ready.metadata)
    return "text" in arm.method.conditions and not {"mask", "class"} <= arm.method.conditions


def _check_roles(named: Mapping[str, str], arms: Sequence[Arm]) -> None:
    """Refuse data for unknown roles; captions and a pool are known even if no method of the run reads them."""
    read = {role for arm in arms for role in arm.method.roles | arm.method.optional_roles} - {"train", "test"}
    for role in named.keys() - read - set(SHARED_ROLES):
        fix = f"methods of this run read {', '.join(sorted(read)) or 'no other data than the dataset'}"
        raise ConfigError("No method of this run reads data of the role that --data names", got=repr(role), fix=fix)
