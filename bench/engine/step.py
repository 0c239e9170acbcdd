"""Steps: frozen descriptions of pieces of work, and the keys that name their outputs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, TypeVar

from bench.digest import digest
from bench.engine.context import Run

Value = TypeVar("Value")


class Place(NamedTuple):
    """Where and how a step computes; floating-point results depend on all of it, so its key contains it.

    Steps of plain numpy leave `precision` empty and run on the CPU. `devices` is the number of devices that share the
    batches of a training; the key of a step on one device does not mention it.
    """

    device: str = "cpu"
    precision: str = ""
    threads: int = 1
    devices: int = 1

    def document(self) -> dict[str, Any]:
        """Return its share of a step's document."""
        document = self._asdict()
        if self.devices == 1:
            del document["devices"]
        return document


class Resources(NamedTuple):
    """What a step needs of the machine that it runs on, for executors that choose one."""

    accelerator: bool = False
    memory_gib: float = 0.0
    minutes: float = 0.0
    devices: int = 1


@dataclass(frozen=True, kw_only=True, eq=False)
class Step(ABC):
    """Base of steps: a pure function of hashed inputs whose output is a folder.

    A subclass per stage has fields for what the work needs (datasets, plugins, folders of earlier steps), all of them
    picklable, so that any process can run the step from its pickle. `stage` names the folder of its outputs; `version`
    is raised by hand when the numbers of the stage change.
    """

    stage: ClassVar[str]
    version: ClassVar[int] = 1

    place: Place
    seed: int = 0
    title: str = ""

    @property
    @abstractmethod
    def config(self) -> Any:
        """Settings that the output depends on, as JSON values."""

    @property
    @abstractmethod
    def inputs(self) -> Mapping[str, str]:
        """Digests of what the step reads, by role."""

    @property
    def versions(self) -> Mapping[str, int]:
        """Versions of the plugins that do the work and of the metrics that it computes."""
        return {}

    @property
    def resources(self) -> Resources:
        """What the step needs of a machine."""
        return Resources(accelerator=self.place.device != "cpu", devices=self.place.devices)

    @abstractmethod
    def run(self, folder: Path, context: Run) -> None:
        """Fill the folder.

        The folder may contain files of an earlier, killed attempt; the step continues from them or overwrites them.
        """

    def document(self) -> dict[str, Any]:
        """Return everything that the key is computed from."""
        return {
            "stage": self.stage,
            "version": self.version,
            "versions": dict(self.versions),
            "config": self.config,
            "inputs": dict(self.inputs),
            "seed": self.seed,
            **self.place.document(),
        }

    @cached_property
    def key(self) -> str:
        """The sha256 of the document's canonical JSON."""
        return digest(self.document())


def in_order(values: Mapping[str, Value]) -> dict[str, Value]:
    """Return a mapping in the order of its keys.

    Sets of names are ordered differently in each process, and what a step does must not depend on it.
    """
    return dict(sorted(values.items()))


@dataclass(frozen=True)
class Finished:
    """A published step: its folder, and whether it already existed."""

    key: str
    stage: str
    path: Path
    reused: bool
    cost: Mapping[str, float] = field(default_factory=dict)
