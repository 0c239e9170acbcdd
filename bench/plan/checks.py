"""Checks before any work starts: everything that is missing is reported together, each with its fix."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple

import psutil

from bench.config import Preset
from bench.contract import Downstream, MethodBase, Weights
from bench.datasets.card import DatasetCard
from bench.errors import BenchError, MissingError
from bench.plan.fitting import datasets_for, methods_for, networks_for
from bench.track import TRACKS, Track, track_of


class Fetchable(NamedTuple):
    """Something that a run may fetch by itself: weights or data, its name, and its size in words."""

    kind: Literal["weights", "data"]
    name: str
    size: str


@dataclass(frozen=True)
class Missing:
    """One thing that is missing: a sentence that says so, what was found, and how to fix it.

    `fetch` is what a run may fetch to fix it; None if only a person can.
    """

    expected: str
    got: str
    fix: str
    fetch: Fetchable | None = None

    @classmethod
    def from_error(cls, error: BenchError) -> Missing:
        """Make it from the three parts of an error."""
        return cls(error.message, error.got, error.fix)


def stop_if_missing(missing: Sequence[Missing]) -> None:
    """Raise one error that lists everything missing.

    Raises:
        MissingError: the list is not empty.
    """
    if not missing:
        return
    if len(missing) == 1:
        raise MissingError(missing[0].expected, got=missing[0].got, fix=missing[0].fix)
    raise MissingError(
        f"{len(missing)} things are missing",
        got="\n".join(f"{number}. {item.expected}: {item.got}" for number, item in enumerate(missing, 1)),
        fix="\n".join(f"{number}. {item.fix}" for number, item in enumerate(missing, 1)),
    )


def check_data(card: DatasetCard, root: Path | None, error: BenchError) -> Missing:
    """Return a dataset that is missing, which a run may fetch if its archives are public and there is a data root."""
    public = root is not None and bool(card.download)
    size = " and ".join(file.size for file in card.download)
    fix = f"run `bench data get {card.name}`; or {error.fix}" if card.download else error.fix
    return Missing(error.message, error.got, fix, Fetchable("data", card.name, size) if public else None)


def check_memory(required_gib: float) -> Iterable[Missing]:
    """Yield what is missing if the machine has less free memory than a run needs."""
    available = psutil.virtual_memory().available / 1024**3
    if available < required_gib:
        yield Missing(
            f"The run needs {required_gib:.1f} GiB of free memory",
            f"{available:.1f} GiB is free",
            "free some, or choose a smaller preset",
        )


def check_devices(devices: int, methods: Mapping[str, MethodBase]) -> Iterable[Missing]:
    """Yield what is missing if several devices are asked for, but no training can be divided equally among them."""
    if devices == 1:
        return
    shared = {part.name: part.batch for method in methods.values() for part in method.parts() if part.divides}
    if not shared:
        yield Missing(
            f"No training of this run can be divided among {devices} devices",
            f"methods that train on one device or train nothing: {', '.join(methods)}",
            "leave out --devices; the training of diffusion models can be divided, as of sdm or histodiffusion",
        )
    for name, batch in shared.items():
        if batch % devices:
            yield Missing(
                f"The batches of {name!r} cannot be divided equally among {devices} devices",
                f"batches of {batch}",
                "choose --devices, or the batch size of this training, so that one divides the other",
            )


def check_roles(read: Mapping[str, frozenset[str]], available: Iterable[str], dataset: str) -> Iterable[Missing]:
    """Yield each role of data that a dataset lacks, with all methods that read it; `read` maps methods to roles."""
    for role in sorted(frozenset[str]().union(*read.values()) - set(available)):
        methods = [method for method, roles in read.items() if role in roles]
        yield Missing(
            f"The dataset offers no {role!r} data, which {_listed(methods)} read{'s' * (len(methods) == 1)}",
            f"{dataset} offers {', '.join(sorted(available))}",
            "run it on `phantom`" if role == "fresh" else f"choose a dataset with {role!r} data",
        )


def check_unseen(asked: Mapping[str, frozenset[str]]) -> Iterable[Missing]:
    """Yield each method that asks for the test split, which no method may see; `asked` maps methods to roles."""
    for method, roles in asked.items():
        if "test" in roles:
            yield Missing(
                f"The method {method!r} asks for the test split, which no method may see",
                f"the roles {', '.join(sorted(roles))}",
                "remove 'test' from its roles, optional_roles and the reads of its parts, or choose another method",
            )


def check_test(splits: Iterable[str], dataset: str, track: Track) -> Iterable[Missing]:
    """Yield what is missing if a dataset has no test split, with which every set is compared."""
    there = list(splits)
    if "test" not in there:
        role = f"; or let a method read it: --data {track.task}=NAME" if not track.networks else ""
        fix = f"write `divide: {{test: 0.2}}` and `splits: [train, test]` in its card, if its reader can divide{role}"
        yield Missing("The dataset has no test split", f"{dataset}, which has {', '.join(there)}", fix)


def check_other(role: str, card: DatasetCard) -> Iterable[Missing]:
    """Yield what is missing if a dataset that is named for masks has none."""
    if role == "mask" and card.task != "nuclei":
        got = f"{card.name}, a dataset of {track_of(card).people}"
        fix = "name one, such as --data mask=phantom"
        yield Missing("The data of the role 'mask' are not a dataset of nuclei", got, fix)


def check_tracks(networks: Mapping[str, Track], dataset: str, track: Track) -> Iterable[Missing]:
    """Yield each track that networks are made for and that is not the dataset's; `networks` maps networks to tracks."""
    for wanted in dict.fromkeys(made_for.task for made_for in networks.values() if made_for != track):
        names = [repr(name) for name, made_for in networks.items() if made_for.task == wanted]
        people, phantom = TRACKS[wanted].people, TRACKS[wanted].phantom
        yield Missing(
            f"The downstream network{_need(names)} a dataset of {people}",
            f"{dataset}, a dataset of {track.people}",
            f"networks for {dataset}: {', '.join(networks_for(track)) or 'none'}; "
            f"or choose a dataset of {people}, such as {phantom}; or leave out --downstream",
        )


def check_conditions(
    shows: Mapping[str, frozenset[str]], dataset: str, track: Track, preset: Preset
) -> Iterable[Missing]:
    """Yield each kind of dataset that methods are made for, if they show no labels of the kind that this dataset has.

    `shows` maps methods to labels; a method that shows none fits every dataset.
    """
    wanted: dict[str, list[str]] = {}
    for method, labels in shows.items():
        if labels and track.conditions and not labels & track.conditions:
            people = next(other.people for other in TRACKS.values() if labels & other.conditions)
            wanted.setdefault(people, []).append(method)
    for people, methods in wanted.items():
        others = ", ".join(datasets_for(shows[methods[0]]))
        yield Missing(
            f"The method{_need([repr(method) for method in methods])} a dataset of {people}",
            f"{dataset}, a dataset of {track.people}",
            f"methods for {dataset}: {', '.join(methods_for(track, preset))}; datasets for {methods[0]}: {others}",
        )


def check_files(name: str, method: MethodBase) -> Iterable[Missing]:
    """Yield the weights of a method that are not found, and what its own check reports."""
    # a method reads the file that its setting names, and does not look in the folder of weights
    needed = (replace(weights, automatic=False) for weights in method.weights())
    yield from check_weights(f"method {name!r}", needed, "choose another method")
    try:
        method.check()
    except BenchError as error:
        yield Missing.from_error(error)


def check_classes(plugin: MethodBase | Downstream, nuclei: Sequence[str], labels: Sequence[str]) -> Iterable[Missing]:
    """Yield what a method or a network reports about the classes of the dataset."""
    try:
        plugin.check_classes(nuclei, labels)
    except BenchError as error:
        yield Missing.from_error(error)


def check_labels(methods: Mapping[str, MethodBase], card: DatasetCard) -> Iterable[Missing]:
    """Yield what methods read of the labels of nuclei that a dataset does not have: classes, or which are rare.

    `methods` are those that draw from masks of this dataset, by name.
    """
    needy = [name for name, method in methods.items() if method.reads_classes]
    if needy and not card.classes:
        yield Missing(
            f"The method{_need([repr(name) for name in needy])} nuclei with classes",
            f"{card.name}, whose nuclei have no classes",
            f"name the classes in the card of {card.name}; or choose a method that reads none, such as classic",
        )
        return
    needy = [name for name, method in methods.items() if method.reads_rare]
    if needy and not card.rare:
        ids = ", ".join(f"{index} {card.classes[index]}" for index in sorted(card.classes))
        yield Missing(
            f"The method{_need([repr(name) for name in needy])} to know which classes are rare",
            f"no `rare` in the card of {card.name}",
            f"add `rare: [ID, ...]` to the card; its classes are {ids}",
        )


def check_weights(what: str, needed: Iterable[Weights], otherwise: str) -> Iterable[Missing]:
    """Yield the weights that are not found.

    Args:
        what: what uses them, such as "encoder 'inception'".
        needed: the weights.
        otherwise: what a user without them can do.
    """
    for weights in needed:
        if not weights.found:
            yield Missing(
                f"The {what} needs {weights.name} ({weights.size})",
                weights.reason or "not found",
                f"{weights.how}; or {otherwise}",
                Fetchable("weights", weights.card, weights.size) if weights.automatic else None,
            )


def check_accelerator(
    preset: str, needs: bool, device: str, forced: bool, duration: str, *, elsewhere: bool = False
) -> Iterable[Missing]:
    """Yield what is missing if a preset needs a GPU and there is none, unless the user asked for the CPU."""
    if needs and device == "cpu" and not forced:
        yield Missing(
            f"Preset {preset!r} ({duration}) needs an accelerator",
            "torch finds none",
            "use --device cuda, if the nodes of the cluster have GPUs"
            if elsewhere
            else "use --preset smoke for a demonstration in minutes, or --device cpu to run it here anyway",
        )


def _need(names: Sequence[str]) -> str:
    """Return the end of a subject and its verb: " 'sdm' needs", or "s 'sdm' and 'vit' need"."""
    return f"s {_listed(names)} need" if len(names) > 1 else f" {_listed(names)} needs"


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
