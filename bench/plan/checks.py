"""What cannot work is found before any work starts, all of it at once, each with its fix."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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


def check_roles(method: str, roles: frozenset[str], available: Iterable[str], dataset: str) -> Iterable[Missing]:
    """Yield the roles of data that a method reads and a dataset lacks."""
    for role in sorted(roles - set(available)):
        yield Missing(
            f"expected the dataset to offer {role!r} data, which {method} reads",
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


def check_track(network: str, wanted: Track, dataset: str, track: Track) -> Iterable[Missing]:
    """Yield what is missing where a network is made for another track than a dataset's."""
    if wanted != track:
        yield Missing(
            f"expected a dataset of {wanted.people} for the downstream network {network!r}",
            f"{dataset}, a dataset of {track.people}",
            f"choose a dataset of {wanted.people}, such as {wanted.phantom}; or leave out --downstream",
        )


def check_conditions(method: str, shows: frozenset[str], dataset: str, track: Track) -> Iterable[Missing]:
    """Yield what is missing where a method shows no such labels as a dataset has; one that shows none is left alone."""
    if shows and track.conditions and not shows & track.conditions:
        wanted = next(other.people for other in TRACKS.values() if shows & other.conditions)
        yield Missing(
            f"expected a dataset of {wanted} for the method {method!r}",
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
