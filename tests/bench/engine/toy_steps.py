"""Steps of tests; a worker process finds them by the module's name, so they stand in a module of their own."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from bench.engine.context import Run
from bench.engine.step import Step
from bench.errors import ConfigError


@dataclass(frozen=True, kw_only=True, eq=False)
class Toy(Step):
    """A step of settings, digests and versions that are given; it writes 42."""

    stage: ClassVar[str] = "fit"

    settings: Mapping[str, Any] = field(default_factory=lambda: {"a": 1})
    digests: Mapping[str, str] = field(default_factory=lambda: {"data": "x"})
    plugins: Mapping[str, int] = field(default_factory=lambda: {"method": 1})

    @property
    def config(self) -> Any:
        return self.settings

    @property
    def inputs(self) -> Mapping[str, str]:
        return self.digests

    @property
    def versions(self) -> Mapping[str, int]:
        return self.plugins

    def run(self, folder: Path, context: Run) -> None:
        (folder / "result.txt").write_text("42")


class OtherStage(Toy):
    """The same of another stage."""

    stage: ClassVar[str] = "train"


class Newer(Toy):
    """The same in a later version."""

    version: ClassVar[int] = 2


class Where(Toy):
    """Writes which process does it, and what that process was told."""

    def run(self, folder: Path, context: Run) -> None:
        print("a library that prints")
        said = f"{os.getpid()} {os.environ['OMP_NUM_THREADS']} {context.threads} {context.seed}"
        (folder / "result.txt").write_text(said)


class Refused(Toy):
    """Ends in an error that people can mend."""

    def run(self, folder: Path, context: Run) -> None:
        raise ConfigError("expected another step", got="this one", fix="ask for another")


class Faulty(Toy):
    """Ends in an error that nobody foresaw."""

    def run(self, folder: Path, context: Run) -> None:
        raise ZeroDivisionError("by nothing")


class Interrupted(Toy):
    """Is interrupted by a person."""

    def run(self, folder: Path, context: Run) -> None:
        raise KeyboardInterrupt


class Killed(Toy):
    """Kills its own process in the middle, and goes on from there the next time."""

    def run(self, folder: Path, context: Run) -> None:
        checkpoint = folder / "checkpoint.pt"
        if not checkpoint.exists():
            checkpoint.write_text("half")
            os.kill(os.getpid(), signal.SIGKILL)
        (folder / "result.txt").write_text("went on from " + checkpoint.read_text())


class Slow(Toy):
    """Takes `seconds` of its settings, in which it notes that it began."""

    def run(self, folder: Path, context: Run) -> None:
        (folder / "begun.txt").write_text("begun")
        time.sleep(self.settings["seconds"])
        super().run(folder, context)
