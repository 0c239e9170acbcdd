"""Steps of tests; a worker process finds them by the module's name, so they stand in a module of their own."""

from __future__ import annotations

import json
import os
import signal
import sys
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


class Flags(Toy):
    """Writes with which flags and folders its Python was started, and which secrets it could see."""

    def run(self, folder: Path, context: Run) -> None:
        said = {
            "safe_path": sys.flags.safe_path,
            "path": sys.path,
            "threads": os.environ["OMP_NUM_THREADS"],
            "waiting": os.environ.get("OMP_WAIT_POLICY", ""),
            "gpu": os.environ.get("CUDA_VISIBLE_DEVICES"),
            "secrets": sorted(name for name in os.environ if "TOKEN" in name or name.startswith("MLFLOW")),
        }
        (folder / "result.txt").write_text(json.dumps(said))


class Counting(Toy):
    """Counts to `settings["to"]`, a number each tenth of a second, with a checkpoint after each; says its starts."""

    def run(self, folder: Path, context: Run) -> None:
        checkpoint = folder / "checkpoint.pt"
        done = int(checkpoint.read_text()) if checkpoint.exists() else 0
        with (folder / "starts.txt").open("a") as starts:
            starts.write(f"{done}\n")
        while done < self.settings["to"]:
            time.sleep(0.1)
            done += 1
            temporary = folder / "checkpoint.pt.tmp"
            temporary.write_text(str(done))
            os.replace(temporary, checkpoint)
        (folder / "result.txt").write_text(str(done))


class Sums(Toy):
    """A sum of a million numbers, whose last bits depend on the number of threads."""

    def run(self, folder: Path, context: Run) -> None:
        values = context.rng("values").normal(size=(700, 700)).astype("float32")
        (folder / "result.txt").write_text((values @ values).sum(dtype="float32").tobytes().hex())


class Slow(Toy):
    """Takes `seconds` of its settings, in which it notes that it began."""

    def run(self, folder: Path, context: Run) -> None:
        (folder / "begun.txt").write_text("begun")
        time.sleep(self.settings["seconds"])
        super().run(folder, context)
