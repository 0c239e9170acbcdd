"""The steps of a run, listed without doing any: its program is followed over stand-ins for what does not exist yet.

A plan needs no data. Data that are prepared are used, so that finished steps are found in the store; of all other data
the program sees stand-ins of the size that the card states.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from bench.digest import digest
from bench.engine.context import Run
from bench.engine.executors import InProcess
from bench.engine.reporter import Reporter
from bench.engine.session import Parked, Session, drive, together
from bench.engine.step import Finished, Step
from bench.engine.store import Store
from bench.errors import BenchError, JobError
from bench.evaluation.registered import evaluations
from bench.plan.encoders import EncoderHandle
from bench.run.divisions import FoldData, divide_data
from bench.run.program import measure, open_session, trials_of
from bench.run.resolve import Resolved
from bench.stages.judge import See
from bench.suite.planned_data import planned_folds, test_groups
from bench.suite.stand_ins import SeenBefore, fill


@dataclass(frozen=True)
class PlannedStep:
    """A step of a plan: whether it is finished, and whether the paper's table needs it (a control otherwise)."""

    key: str
    step: Step
    cached: bool
    of_paper: bool


class Plan(NamedTuple):
    """The steps of a run in the order in which they are asked for, and its number of test groups, if it is known."""

    steps: Sequence[PlannedStep]
    n_groups: int | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Unprepared(Step):
    """The preparation of a split that is not on this machine."""

    stage: ClassVar[str] = "prepare"

    about: tuple[str, ...]

    @property
    def config(self) -> Any:
        """The dataset and the split."""
        return list(self.about)

    @property
    def inputs(self) -> Mapping[str, str]:
        """Empty: no file is read."""
        return {}

    def run(self, folder: Path, context: Run) -> None:
        """Refuse: a plan does nothing."""
        raise JobError("A planned step is never done", got=self.title)


class Uncounted(Unprepared):
    """The census of a training split that is not on this machine, by which its folds are balanced."""

    stage: ClassVar[str] = "census"


@dataclass
class Planning(Session):
    """A session in which every step is finished immediately: found in the store, or replaced by a stand-in.

    If it is `strict`, there are no stand-ins, and the program stops at a step that is not in the store.
    """

    folder: Path = field(default_factory=Path)
    strict: bool = False
    steps: dict[str, tuple[Step, bool]] = field(default_factory=dict)
    seen: dict[str, SeenBefore] = field(default_factory=dict)
    """What judges have seen in the store, by the key of their network."""

    async def do(self, step: Step) -> Finished:
        """Return the step, which is listed."""
        key = _key(step)
        found = self.store.find(step) if key == step.__dict__.get("key") else None
        if self.about:
            step = replace(step, title=f"{step.title}, {self.about}")
        if found is None and self.strict:
            raise Parked(step.title)
        self.steps.setdefault(key, (step, found is not None))
        if found is not None:
            if isinstance(step, See):
                self.seen.setdefault(step.judge.model.key, SeenBefore(step, found.path))
            return found
        path = self.folder / key
        if not path.exists():
            fill(step, key, path, self.seen.get(step.judge.model.key) if isinstance(step, See) else None)
        return Finished(key, step.stage, path, reused=False, cost={"seconds": 0.0})


@dataclass(frozen=True)
class PlannedEncoder(EncoderHandle):
    """An encoder whose weights may be missing."""

    @classmethod
    def of(cls, handle: EncoderHandle) -> PlannedEncoder:
        """Return the handle of an encoder for a plan."""
        return cls(handle.name, handle.plugin, handle.weights)

    @property
    def identity(self) -> str:
        """The identity, or the name if the weights are not found."""
        return _or(self.name, lambda: self.plugin.identify(self.weights))

    @property
    def metric_name(self) -> str:
        """The name of distances, or that of the encoder if the weights are not found."""
        return _or(self.name, lambda: self.plugin.label(self.weights))


def plan(resolved: Resolved, arms: Collection[str] | None, folder: Path) -> Plan:
    """Return every step of a run; nothing is done and nothing is written to the store.

    Args:
        resolved: the run.
        arms: names of the arms that the paper has; None if the run repeats no paper: then all but controls.
        folder: a folder for stand-ins; several plans may share it.

    Raises:
        BenchError: the program of the run cannot be followed.
    """
    session = open_session(resolved, Store(resolved.request.store), Reporter(quiet=True), InProcess())
    shared = {name: getattr(session, name) for name in ("store", "reporter", "device", "precision", "threads")}
    planning = Planning(**shared, folder=folder)
    lenient = replace(
        resolved,
        encoders=[PlannedEncoder.of(one) for one in resolved.encoders],
        text_encoder=None if resolved.text_encoder is None else PlannedEncoder.of(resolved.text_encoder),
    )
    folds = _data(planning, lenient)
    wanted = set(arms) if arms is not None else {arm.name for arm in resolved.subjects}
    drive(_follow(planning, lenient, folds, wanted))
    of_paper = set(planning.steps)
    drive(_follow(planning, lenient, folds, None))
    steps = [PlannedStep(key, step, cached, key in of_paper) for key, (step, cached) in planning.steps.items()]
    return Plan(steps, test_groups([fold.data["test"] for fold in folds]))


async def _follow(
    session: Planning, resolved: Resolved, folds: Sequence[FoldData], wanted: Collection[str] | None
) -> None:
    """Ask for every step of some arms, or of all."""
    asked = evaluations(folds[0].data["test"].info, resolved.preset.evaluations)
    for fold in folds:
        trials = trials_of(fold, session, resolved)
        chosen = [trial for trial in trials if wanted is None or trial.arm.name in wanted]
        await together(*(measure(one, trial) for trial in chosen for one in asked))
        await together(*(trial.generators() for trial in chosen), *(trial.tested() for trial in chosen))


def _data(planning: Planning, resolved: Resolved) -> Sequence[FoldData]:
    """Return the data of every fold: as they are prepared, or stand-ins."""
    known = replace(planning, strict=True, steps={})
    try:
        folds = drive(divide_data(known, resolved)).folds
    except (Parked, BenchError):
        drive(_prepare(planning, resolved))
        return [FoldData(name, data) for name, data in planned_folds(resolved)]
    planning.steps.update(known.steps)
    return folds


async def _prepare(session: Planning, resolved: Resolved) -> None:
    wanted = [(resolved.card.name, split) for split in resolved.splits]
    wanted += [(source.card.name, "train") for role, source in resolved.others.items() if role in resolved.roles]
    for name, split in wanted:
        about = (name, split, str(resolved.preset.mpp), str(resolved.preset.patch))
        await session.do(Unprepared(place=session.numeric, title=f"{name}, {split}", about=about))
    protocol = resolved.protocol
    if protocol is not None and protocol.settings is not None and protocol.settings.folds:
        title = f"{resolved.card.name}, train"
        await session.do(Uncounted(place=session.numeric, title=title, about=(resolved.card.name,)))


def _key(step: Step) -> str:
    """Return a step's key; one of what is known about it if a file that its key hashes is missing."""
    return _or(digest([step.stage, step.title]), lambda: step.key)


def _or(other: str, value: Any) -> str:
    try:
        return str(value())
    except BenchError:
        return other
