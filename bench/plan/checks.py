"""What cannot work is found before any work starts, all of it at once, each with its fix."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import psutil

from bench.contract import MethodBase, Weights
from bench.errors import BenchError, MissingError
from bench.track import TRACKS, Track


@dataclass(frozen=True)
class Missing:
    """One thing that is absent: what was expected, what was met, how to mend it."""

    expected: str
    got: str
    fix: str

    @classmethod
    def from_error(cls, error: BenchError) -> Missing:
        """Take over an error's three parts."""
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


def check_memory(required_gib: float) -> Iterable[Missing]:
    """Yield what is missing where the machine has less free memory than a run needs."""
    available = psutil.virtual_memory().available / 1024**3
    if available < required_gib:
        yield Missing(
            f"expected {required_gib:.1f} GiB of free memory",
            f"{available:.1f} GiB",
            "free some, or choose a smaller preset",
        )


def check_roles(read: Mapping[str, frozenset[str]], available: Iterable[str], dataset: str) -> Iterable[Missing]:
    """Yield each role of data that a dataset lacks, with all methods that read it; `read` has the roles by method."""
    for role in sorted(frozenset[str]().union(*read.values()) - set(available)):
        methods = [method for method, roles in read.items() if role in roles]
        yield Missing(
            f"expected the dataset to offer {role!r} data, which {_listed(methods)} read{'s' * (len(methods) == 1)}",
            f"{dataset} offers {', '.join(sorted(available))}",
            "run it on `phantom`" if role == "fresh" else f"choose a dataset with {role!r} data",
        )


def check_test(splits: Iterable[str], dataset: str, track: Track) -> Iterable[Missing]:
    """Yield what is missing where a dataset has no test split, to which every set is compared."""
    there = list(splits)
    if "test" not in there:
        role = f"; or let a method read it: --data {track.task}=NAME" if not track.networks else ""
        fix = f"write `divide: {{test: 0.2}}` and `splits: [train, test]` in its card, if its reader can divide{role}"
        yield Missing("expected a dataset with a test split", f"{dataset}, which has {', '.join(there)}", fix)


def check_tracks(networks: Mapping[str, Track], dataset: str, track: Track) -> Iterable[Missing]:
    """Yield each other track than a dataset's that networks are made for; `networks` has the track by network."""
    for wanted in dict.fromkeys(made_for.task for made_for in networks.values() if made_for != track):
        names = [repr(name) for name, made_for in networks.items() if made_for.task == wanted]
        people, phantom = TRACKS[wanted].people, TRACKS[wanted].phantom
        yield Missing(
            f"expected a dataset of {people} for the downstream network{'s' * (len(names) > 1)} {_listed(names)}",
            f"{dataset}, a dataset of {track.people}",
            f"choose a dataset of {people}, such as {phantom}; or leave out --downstream",
        )


def check_conditions(shows: Mapping[str, frozenset[str]], dataset: str, track: Track) -> Iterable[Missing]:
    """Yield each kind of dataset that methods are made for, where they show no such labels as this dataset has.

    `shows` has the labels by method; a method that shows none fits every dataset.
    """
    wanted: dict[str, list[str]] = {}
    for method, labels in shows.items():
        if labels and track.conditions and not labels & track.conditions:
            people = next(other.people for other in TRACKS.values() if labels & other.conditions)
            wanted.setdefault(people, []).append(repr(method))
    for people, methods in wanted.items():
        yield Missing(
            f"expected a dataset of {people} for the method{'s' * (len(methods) > 1)} {_listed(methods)}",
            f"{dataset}, a dataset of {track.people}",
            "choose another method; `bench list methods` says what each draws",
        )


def check_files(name: str, method: MethodBase) -> Iterable[Missing]:
    """Yield the weights that a method starts from and that are not found, and what else its own check finds."""
    yield from check_weights(f"method {name!r}", method.weights(), "choose another method")
    try:
        method.check()
    except BenchError as error:
        yield Missing.from_error(error)


def check_weights(what: str, needed: Iterable[Weights], otherwise: str) -> Iterable[Missing]:
    """Yield the weights that are not found.

    Args:
        what: what starts from them, such as "encoder 'inception'".
        needed: the weights.
        otherwise: what to do without them.
    """
    for weights in needed:
        if not weights.found:
            yield Missing(
                f"expected {weights.name} ({weights.size}) for the {what}",
                weights.reason or "not found",
                f"get it from {weights.where}; set {weights.setting}; or {otherwise}",
            )


def check_accelerator(preset: str, needs: bool, device: str, forced: bool, duration: str) -> Iterable[Missing]:
    """Yield what is missing where a preset wants a GPU and there is none, unless the CPU was asked for by name."""
    if needs and device == "cpu" and not forced:
        yield Missing(
            f"expected an accelerator for preset {preset!r} ({duration})",
            "none that torch can use",
            "use --preset smoke for a demonstration in minutes, or --device cpu to run it here all the same",
        )


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
