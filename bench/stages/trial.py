"""One arm of a run: the output of its stages, each made when it is first needed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from bench.config import Preset
from bench.contract import Dataset
from bench.engine.session import Session, start, together
from bench.engine.step import Finished
from bench.plan.arms import Arm, Network
from bench.plan.encoders import EncoderHandle
from bench.plan.imported import untrainable
from bench.plan.ratios import Cumulative, sizes
from bench.plan.seeds import Replicates, Under
from bench.stages.adapt import adapt
from bench.stages.fit import fit_parts
from bench.stages.judge import Judge
from bench.stages.predict import DatasetPictures, predict
from bench.stages.select import choose_set
from bench.stages.subset import first_of
from bench.stages.synthesize import Made, real_patches, set_size, synthesize
from bench.stages.train import train_network
from bench.synthetic import TRAINING
from bench.track import track_of

Result = TypeVar("Result")
RELEASED = "the run's networks are released: they are trained on no arm"


@dataclass(frozen=True)
class Bench:
    """What all arms of a run share: session, data, networks, encoders and the numbers of seeds.

    `generations` is the number of sets that each training seed is used with, None if a seed has a set of its own;
    `own_generators` says whether each of these sets is drawn by a generator of its own; `subjects` are the arms
    that the run is about; `text_encoder` is None if no arm is about captions; `weights` is the folder of published
    weights.
    """

    session: Session
    preset: Preset
    data: Mapping[str, Dataset]
    networks: Sequence[Network]
    encoders: Sequence[EncoderHandle]
    seeds: int
    subjects: Sequence[Arm]
    text_encoder: EncoderHandle | None = None
    weights: Path | None = None
    generations: int | None = None
    own_generators: bool = False

    @property
    def replicates(self) -> Replicates:
        """The seeds of generators, sets and networks."""
        return Replicates(self.seeds, self.generations, self.own_generators)


class Sets(NamedTuple):
    """An arm's set of each generation seed, None if it adds nothing; empty, with the reason, if one is lacking."""

    made: Sequence[Made | None]
    reason: str = ""


class Tested(NamedTuple):
    """One network trained on one set of an arm under one seed, and its predictions for the test images."""

    under: Under
    network: str
    model: Finished
    predictions: Finished


class Trial:
    """One arm of a run; an output that several callers need is made once.

    `baseline` is the arm of real images only, whose networks judge this arm's images; None for the baseline itself.
    """

    def __init__(self, bench: Bench, arm: Arm, baseline: Trial | None = None) -> None:
        """Set up one arm; nothing is done yet."""
        self.bench, self.arm, self.baseline = bench, arm, baseline
        self._made: dict[tuple[object, ...], asyncio.Task[Any]] = {}

    async def parts(self, under: Under) -> dict[str, Finished]:
        """Return the trained parts, by name, of a set's generator."""
        return await self._once(self._fit, self.bench.replicates.generator(under))

    async def generators(self) -> list[dict[str, Finished]]:
        """Return the arm's trained parts by name, for each seed that its generator is trained under."""
        return await together(*(self.parts(under) for under in self.bench.replicates.generators))

    async def sets(self) -> Sets:
        """Return the arm's set of every generation seed."""
        return await self._once(self._make_sets)

    async def tested(self) -> list[Tested]:
        """Train every network under all seeds and predict the test split; empty for an untested arm."""
        return await self._once(self._test_all)

    async def untested(self) -> str:
        """Return why no network is trained on this arm; empty if one is."""
        track = track_of(self.bench.data["train"].info)
        if self.baseline is not None and self._released:
            return RELEASED
        if self.arm.ready is not None:
            return untrainable(self.arm.ready, track)
        if track.untrained:
            return track.untrained
        sets = await self.sets()
        made = sets.made[0] if sets.made else None  # the sets of all seeds come with the same labels
        return sets.reason if made is None else untrainable(made.set, track)

    async def compared(self) -> list[tuple[Under, Made]]:
        """Return the sets that are compared with real images, each with its seeds.

        Sets of test masks are left out. A set made elsewhere is the same under every seed and is returned once.
        """
        sets = zip(self.bench.replicates.sets, (await self.sets()).made, strict=False)  # there may be none
        made = [(under, one) for under, one in sets if one is not None and one.set.use == TRAINING]
        return made[:1] if self.arm.ready is not None else made

    async def model(self, network: Network, seed: int) -> Finished:
        """Return a network trained under a seed on this arm, which draws no set."""
        return await self._train(network, (await self.sets()).made[0], Under(seed, 0))

    async def judge(self) -> Judge | None:
        """Return the run's first network, trained on real data under the first seed; None if the run has no network."""
        if self.baseline is None or not self.bench.networks:
            return None
        network = self.bench.networks[0]
        return Judge(network, await self.baseline.model(network, 0))

    @property
    def _released(self) -> bool:
        return any(network.plugin.released for network in self.bench.networks)

    async def _once(self, make: Callable[..., Coroutine[Any, Any, Result]], *about: object) -> Result:
        asked = (make.__name__, *about)
        task = self._made.get(asked)
        if task is None:
            task = start(make(*about))
            self._made[asked] = task
        result: Result = await task
        return result

    async def _fit(self, seed: int) -> dict[str, Finished]:
        return await fit_parts(self.bench.session, self.arm, self.bench.data, seed)

    async def _make_sets(self) -> Sets:
        found = await together(*(self._set(under) for under in self.bench.replicates.sets))
        reasons = [reason for _, reason in found if reason]
        if reasons:  # an arm that lacks the set of one seed has no sets at all
            self.bench.session.reporter.warn(f"{self.arm.title}: {reasons[0]}")
            return Sets([], reasons[0])
        return Sets([made for made, _ in found])

    async def _test_all(self) -> list[Tested]:
        if await self.untested():
            return []
        made, networks = (await self.sets()).made, self.bench.networks
        seeds = self.bench.replicates.networks(drawn=self.arm.draws)
        if self._released:  # the same under every seed
            seeds = seeds[:1]
        return await together(
            *(self._test(network, made[under.generation], under) for under in seeds for network in networks)
        )

    async def _set(self, under: Under) -> tuple[Made | None, str]:
        fitted = await self.parts(under)
        session, data, arm = self.bench.session, self.bench.data, self.arm
        if isinstance(arm.selection, Cumulative):
            return await self._part(arm.selection, await self._whole(fitted, under), under), ""
        judge = await self.judge() if arm.selection is not None else None
        if judge is not None:
            return await choose_set(session, arm, data, fitted, under.generation, judge)
        return await self._whole(fitted, under), ""

    async def _whole(self, fitted: Mapping[str, Finished], under: Under) -> Made | None:
        """Return all that the arm's method draws under a generation seed, or a set made elsewhere."""
        session, data, arm = self.bench.session, self.bench.data, self.arm
        if arm.ready is not None:
            return await adapt(session, arm.ready, data["train"], self.bench.preset)
        n = set_size(arm, data["train"], self.bench.preset)
        if n == 0:
            return None
        title = self.bench.replicates.title_of_set(under)
        return await synthesize(session, arm, data, fitted, n, under.generation, title)

    async def _part(self, selection: Cumulative, whole: Made | None, under: Under) -> Made | None:
        """Return the part of a set that a ratio asks for."""
        if whole is None:
            return None
        train, preset = self.bench.data["train"], self.bench.preset
        n = sizes([selection.ratio], real_patches(train, preset), len(whole.set))[0]
        seed = 0 if self.arm.ready is not None else under.generation  # a set made elsewhere has one order
        title = self.bench.replicates.title_of_set(under)
        return await first_of(self.bench.session, self.arm, train, whole, n, seed, title)

    async def _train(self, network: Network, made: Made | None, under: Under) -> Finished:
        synthetic = None if made is None else made.set
        train, preset = self.bench.data["train"], self.bench.preset
        title, validation = self.title(network.name, under), self.bench.data.get("validation")
        return await train_network(
            self.bench.session, network, self.arm, train, synthetic, preset, under.seed, title, validation
        )

    async def _test(self, network: Network, made: Made | None, under: Under) -> Tested:
        model = await self._train(network, made, under)
        pictures = DatasetPictures("test", self.bench.data["test"])
        predictions = await predict(self.bench.session, network, model, pictures, self.title(network.name, under))
        return Tested(under, network.name, model, predictions)

    def title(self, network: str, under: Under) -> str:
        """Return a network of this arm and its seeds as users see them."""
        return f"{network} on {self.arm.title}, {self.bench.replicates.title(under, drawn=self.arm.draws)}"
