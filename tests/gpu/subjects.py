"""What is measured: every part that a method trains, the sampling of every method, and every downstream network."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bench.config import Preset, load_preset
from bench.contract import Budget, Dataset, Part, Progress, TrainingMix
from bench.engine.context import derive_seed
from bench.plan.arms import Arm, make_arm, make_network
from tests import toy, toy_tissue
from tests.gpu.clock import Clock, Row

METHODS = ("sdm", "controlnet-m", "pathdiff-m", "histodiffusion", "stylegan2")
NETWORKS = ("hovernet", "sonnet", "cellvit", "vit")
OFFLINE = {
    "controlnet-m": {"text": {"encoder": "smoke", "chunks": 1}},
    "pathdiff-m": {"text": {"encoder": "smoke", "chunks": 1}},
}
"""Settings instead of published weights: a text tower that is trained here, with shorter captions."""
STEPS = 10
SHORT, LONG = 2, 6


class Place(NamedTuple):
    """Where to measure: `cuda` or `cpu`, at a preset."""

    device: str
    preset: str

    @property
    def scale(self) -> Preset:
        return load_preset(self.preset)

    @property
    def precision(self) -> str:
        return self.scale.precision if self.device == "cuda" else "32-true"


@dataclass
class Watched(toy.Run):
    """A run whose progress stops a clock after every step."""

    clock: Clock | None = None
    folder: Path = field(default_factory=Path)

    @contextmanager
    def progress(self, stage: str, total: int, *, done: int = 0, unit: str = "step") -> Iterator[Progress]:
        assert self.clock is not None
        yield self.clock

    def derive(self, *scope: str | int) -> int:
        return derive_seed(self.seed, *scope)


def measure(name: str, place: Place, folder: Path) -> Iterator[Row]:
    """Yield the rows of one method or network."""
    if name in NETWORKS:
        yield from _network(name, place, folder)
    else:
        yield from _method(name, place, folder)


def _method(name: str, place: Place, folder: Path) -> Iterator[Row]:
    arm, data, fitted = _arm(name, place, STEPS), _data(name, place), dict[str, Path]()
    for part in arm.method.parts():
        needed = {one: fitted[one] for one in part.needs}

        def fit(steps: int, out: Path, clock: Clock, part: Part = part, needed: Mapping[str, Path] = needed) -> None:
            method = _arm(name, place, steps).method
            own = next(other for other in method.parts() if other.name == part.name)
            method.fit(_shortened(own, steps), data, needed, out, _run(place, clock, out))

        row = _training(f"{name}: {part.name}", _images_per_step(part), fit, place, folder / part.name)
        fitted[part.name] = folder / part.name / "timed"
        if row is not None:
            yield row
    yield _sampling(name, place, data, fitted)


def _network(name: str, place: Place, folder: Path) -> Iterator[Row]:
    preset = load_preset(place.preset, task="tissue" if name == "vit" else "nuclei")
    network = make_network(name, preset).plugin
    train = toy_tissue.TissueDataset(24, preset.patch) if name == "vit" else toy.NucleiDataset(4, 2 * preset.patch)

    def fit(steps: int, out: Path, clock: Clock) -> None:
        network.fit(TrainingMix(train), Budget("steps", steps), out, _run(place, clock, out))

    config: Any = network.config
    batch = config.batch if name == "vit" else config.phases[0].batch
    row = _training(f"{name}: training", batch, fit, place, folder)
    assert row is not None
    yield row

    def predict(images: int, clock: Clock) -> None:
        shown = (train[index % len(train)].image for index in range(images))
        for _ in network.predict(shown, folder / "timed", _run(place, clock, folder)):
            pass

    yield _difference(f"{name}: prediction", place, lambda n, clock: predict(16 * n, clock), images=16)


def _training(name: str, batch: int, fit: Any, place: Place, folder: Path) -> Row | None:
    """Time a training, then count the operations of one step; None for a part that takes no steps."""
    for other in ("timed", "counted"):
        shutil.rmtree(folder / other, ignore_errors=True)
        (folder / other).mkdir(parents=True)
    clock = Clock(place.device)
    fit(STEPS, folder / "timed", clock)
    if not clock.laps:
        return None
    counted = Clock(place.device, count=True)
    with counted.counting():
        fit(3, folder / "counted", counted)
    seconds = float(np.median(clock.laps[1 : max(2, STEPS // 2 - 1)]))  # warm, before the last step writes a checkpoint
    return Row(name, "training step", batch, seconds, batch / seconds, clock.peak, counted.operations[0])


def _sampling(name: str, place: Place, data: Mapping[str, Dataset], fitted: Mapping[str, Path]) -> Row:
    whole: Any = _arm(name, place, STEPS).method.config
    if name == "stylegan2":
        n = min(whole.render_batch, 32)

        def draw(times: int, clock: Clock) -> None:
            _draw(_arm(name, place, STEPS), times * n, place, data, fitted, clock)

        return _difference(f"{name}: drawing", place, draw, images=n)
    n, steps = whole.sampler.batch_size, whole.sampler.steps

    def sample(times: int, clock: Clock) -> None:
        _draw(_arm(name, place, STEPS, {"sampler": {"steps": times}}), n, place, data, fitted, clock)

    row = _difference(f"{name}: sampling step", place, sample, images=n)
    if row.note:
        return row
    return row._replace(per_second=n / (steps * row.seconds), note=f"images/s with {steps} steps")


def _difference(name: str, place: Place, work: Any, images: int) -> Row:
    """Measure one unit of work as the difference between several units and few, so that loading does not count."""
    work(SHORT, Clock(place.device))  # warm
    clocks = [Clock(place.device), Clock(place.device)]
    for units, clock in zip((SHORT, LONG), clocks, strict=True):
        clock.start()
        work(units, clock)
        clock.advance()
    counted = [Clock(place.device, count=True), Clock(place.device, count=True)]
    for units, clock in zip((SHORT, SHORT + 1), counted, strict=True):
        with clock.counting():
            work(units, clock)
    seconds = (sum(clocks[1].laps) - sum(clocks[0].laps)) / (LONG - SHORT)
    if seconds <= 0:  # noise: only at the smallest sizes
        return Row(name, "of drawing", images, 1e-9, 0.0, clocks[1].peak, 1.0, "too short to measure")
    operations = counted[1].total - counted[0].total
    return Row(name, "of drawing", images, seconds, images / seconds, clocks[1].peak, operations)


def _draw(
    arm: Arm, n: int, place: Place, data: Mapping[str, Dataset], fitted: Mapping[str, Path], clock: Clock
) -> None:
    conditions = list(islice(arm.method.plan(data, n, np.random.default_rng(0)), n))
    for _ in arm.method.render(conditions, data, fitted, _run(place, clock, Path())):
        pass


def _arm(name: str, place: Place, steps: int, more: Mapping[str, Any] | None = None) -> Arm:
    own = {"training": {"steps": steps}} if name == "stylegan2" else OFFLINE.get(name, {})
    return make_arm(name, place.scale, {**own, **(more or {})})


def _shortened(part: Part, steps: int) -> Part:
    """Return a part that trains for some steps; what is released or has no training stays as it is."""
    config: Any = part.config
    if "training" not in type(config).model_fields:
        return part
    training = config.training.model_copy(update={"steps": steps})
    return part._replace(config=config.model_copy(update={"training": training}))


def _images_per_step(part: Part) -> int:
    training: Any = getattr(part.config, "training", None)
    return 0 if training is None else int(training.batch_size * getattr(training, "accumulate", 1))


def _data(name: str, place: Place) -> dict[str, Dataset]:
    size = place.scale.patch
    if name in ("histodiffusion", "stylegan2"):
        images = toy_tissue.TissueDataset(24, size)
        return {"train": images, "pool": images}
    return {"train": toy.NucleiDataset(8, size), "text": toy.NucleiDataset(8, size, seed=1)}


def _run(place: Place, clock: Clock, folder: Path) -> Watched:
    return Watched(device=place.device, precision=place.precision, threads=2, clock=clock, folder=folder)
