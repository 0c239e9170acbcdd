"""A method that runs a program in its own environment: it passes a JSON request and folders and reads a folder."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from jaxtyping import UInt8

from bench.contract import Condition, Dataset, MethodBase, Part, RunContext
from bench.errors import DataError, JobError
from methods.external import exchange, plans
from methods.external.config import ExternalConfig
from methods.external.process import call, check_command

SCHEMA = 1
PART = "external"
MODEL, LOGS = "model", "logs"
SCRATCH = "chunks"
"""Folder for unfinished work in `run.folder`; it is removed when the job is done."""


class External(MethodBase):
    """Images that the user's program draws from our conditions; docs/external.md describes the protocol."""

    Config: ClassVar[type[ExternalConfig]] = ExternalConfig
    conditions = frozenset({"mask", "class"})  # an instance has the one that its plan uses
    config: ExternalConfig

    def __init__(self, config: ExternalConfig) -> None:
        """Store the settings."""
        self.config = config
        self.ratio = config.ratio
        self.chunk = config.chunk
        self.draws_any_mask = config.draws_any_mask
        self.conditions = frozenset({"class" if config.plan == "classes" else "mask"})

    def check(self) -> None:
        """Find the program and its working directory.

        Raises:
            ConfigError: one of them is not there.
        """
        check_command(self.config)

    def parts(self) -> Sequence[Part]:
        """Return the phase `fit`, if there is one."""
        return (Part(PART, frozenset({"train"}), (), self.config.part),) if self.config.fit else ()

    def fit(
        self, part: Part, data: Mapping[str, Dataset], fitted: Mapping[str, Path], out: Path, run: RunContext
    ) -> None:
        """Write out the training set and call the program with phase "fit".

        The folder that it writes to, `out/model`, is passed again with its contents after a run was killed.

        Raises:
            JobError: the program failed or wrote nothing.
        """
        if part.name != PART:
            raise DataError(f"The method external has only the part {PART!r}", got=part.name)
        train, work, model = data["train"], out / SCRATCH / "fit", out / MODEL
        shutil.rmtree(work, ignore_errors=True)
        model.mkdir(exist_ok=True)
        with run.progress("write the training set", len(train), unit="image") as progress:
            for _ in exchange.write_training(work / "training", train):
                progress.advance(1)
        log = out / LOGS / "fit.log"
        request = {"training": str((work / "training").resolve()), "n": len(train)}
        with run.progress(f"external program (log: {log})", 1, unit="call") as progress:
            self._call("fit", request, work, model, log, train, run)
            progress.advance(1)
        if not any(model.iterdir()):
            raise JobError(
                "The external program did not leave files in its folder `out` in phase `fit`",
                got="an empty folder",
                fix="save what phase `render` needs in `out`, or use --set method.fit=false",
            )
        shutil.rmtree(work)

    def plan(self, data: Mapping[str, Dataset], n: int, rng: np.random.Generator) -> Iterator[Condition]:
        """Plan what to draw, according to the settings."""
        return plans.conditions(self.config, data["train"], n, rng)

    def render(
        self,
        conditions: Sequence[Condition],
        data: Mapping[str, Dataset],
        fitted: Mapping[str, Path],
        run: RunContext,
    ) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        """Write out the conditions, call the program with phase "render" and read its images.

        The folder of the call is kept if anything fails, so that the command can be tried by hand.

        Raises:
            JobError: the program failed, or an image is missing or invalid.
        """
        if not conditions:
            return
        train, size = data["train"], self.config.patch_size
        scratch = run.folder / SCRATCH
        scratch.mkdir(exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix="render-", dir=scratch))
        exchange.write_conditions(
            work / "conditions", conditions, train, size=size, source_images=self.config.source_images
        )
        model = (fitted[PART] / MODEL).resolve() if self.config.fit else None
        request = {
            "conditions": str((work / "conditions").resolve()),
            "fitted": None if model is None else str(model),
            "n": len(conditions),
        }
        out = work / "out"
        out.mkdir()
        log = run.folder / LOGS / f"render-{conditions[0].id[:100]}.log"
        self._call("render", request, work, out, log, train, run)
        exchange.check_images(out, conditions, size)
        yield from exchange.read_images(out, conditions)
        shutil.rmtree(work)

    def _call(
        self,
        phase: str,
        request: Mapping[str, Any],
        work: Path,
        out: Path,
        log: Path,
        train: Dataset,
        run: RunContext,
    ) -> None:
        info = train.info
        document = {
            "schema": SCHEMA,
            "phase": phase,
            **request,
            "out": str(out.resolve()),
            "seed": run.derive("external", phase) % plans.SEED_LIMIT,
            "device": run.device,
            "threads": run.threads,
            "patch_size": self.config.patch_size,
            "mpp": info.mpp,
            "task": info.task,
            "classes": list(info.classes),
            "rare": list(info.rare),
            "labels": list(info.labels),
        }
        path = (work / "request.json").resolve()
        path.write_text(json.dumps(document, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        call(self.config, path, out.resolve(), log)
