"""How close are synthetic images to real ones, how varied, and are they copies? Distances between sets of images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from bench.engine.session import together
from bench.engine.step import Finished
from bench.evaluation.base import Evaluation, Measured, Output
from bench.evaluation.captions import TEST_CAPTIONS, captions_of, draw_captions
from bench.evaluation.distances.features import (
    Colours,
    Embed,
    Extractor,
    Images,
    RealPatches,
    SetImages,
    embed_step,
)
from bench.evaluation.distances.memory import CompareWithMemory
from bench.evaluation.distances.result import COLOUR, OF_FEATURES, OF_MEMORY, Result, Scored, distance_over_seeds
from bench.evaluation.distances.sources import source_patches
from bench.evaluation.distances.steps import POOL, Compare, CompareColour
from bench.evaluation.masks import GivenMasks, draw_masks, masks_of
from bench.evaluation.pictures.arms import subjects
from bench.evaluation.pictures.copies import Memory, nearest_to_training
from bench.evaluation.pictures.shown import Shown
from bench.evaluation.row_maker import Rows, metric_columns
from bench.plan.seeds import Under
from bench.results.table import ScoreRow
from bench.stages.trial import Trial
from bench.synthetic import EVALUATION, SyntheticSet
from bench.track import track_of

if TYPE_CHECKING:
    from metrics.entry import Metric

TEST_MASKS = "test masks"
"""In the column of the split: images drawn of masks of the test split are compared with images of this split."""
DRAWN = (TEST_MASKS, TEST_CAPTIONS)
OF_DRAWN = ("fd", "kd")
FEWEST_DRAWN = 64


class Distance(NamedTuple):
    """One synthetic set compared with one split in the features of one encoder; colour has no encoder.

    If they could not be compared, there is a `reason`. `memory` is what a comparison with the training split, which
    also looks for copies, has read.
    """

    under: Under
    split: str
    encoder: str
    identity: str
    finished: Finished | None
    reason: str = ""
    memory: Memory | None = None


class Distances(Evaluation):
    """Fréchet and kernel distances, precision, recall, density, coverage, authenticity, copies, and colour."""

    name: ClassVar[str] = "distances"
    version: ClassVar[int] = 2

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The families of scores on features, and the distance of colours."""
        from metrics.table import FAMILIES, METRICS

        return (*(FAMILIES[kind] for kind in (*OF_FEATURES, *OF_MEMORY)), METRICS[COLOUR])

    async def applies(self, trial: Trial) -> str:
        """Return why no network is trained on a dataset, if none is; distances are measured in any case."""
        return track_of(trial.bench.data["train"].info).untrained

    async def measure(self, trial: Trial) -> list[Distance]:
        """Compare every set with both splits in the features of every encoder, and by colour."""
        sets = await trial.compared()
        compared = (_compare(trial, made.set, under) for under, made in sets)
        found = await together(*compared, _of_test_masks(trial), _of_test_captions(trial))
        return [distance for one in found for distance in one]

    def rows(self, measured: Sequence[Measured], rows: Rows) -> Iterator[ScoreRow]:
        """Yield rows of every seed's set, and the mean and spread over seeds."""
        for each in measured:
            groups: dict[tuple[str, str, str], list[Scored]] = {}
            for distance in each.evidence:
                for scored in _of_set(distance):
                    columns = scored.columns
                    if distance.split not in DRAWN:
                        columns["set_digest"] = each.digest(distance.under.generation)
                    if not each.trial.bench.networks:  # there are no rows of test scores with this reason
                        columns["reason"] = "; ".join(filter(None, [columns.get("reason", ""), each.reason]))
                    groups.setdefault((columns["metric"], distance.split, distance.identity), []).append(scored)
                    yield rows.row(each.trial.arm, columns)
            for group in groups.values():
                if len(group) > 1 and all(scored.columns["value"] is not None for scored in group):
                    yield rows.row(each.trial.arm, distance_over_seeds(group))

    def outputs(self, evidence: Sequence[Distance]) -> Iterator[Output]:
        """Yield the scores of each comparison."""
        for distance in evidence:
            if distance.finished is not None:
                yield Output("statistics", distance.finished, distance.under, "", distance.split, distance.identity)

    def pictures(self, measured: Sequence[Measured]) -> Iterator[Shown]:
        """Yield the images of the main arm's first set that are nearest to training patches, by the first encoder."""
        for each in subjects(measured):
            memory = next((one.memory for one in each.evidence if one.memory is not None), None)
            if memory is not None:
                yield from nearest_to_training(each, memory)
                return


async def _compare(trial: Trial, made: SyntheticSet, under: Under) -> list[Distance]:
    """Embed all images that are needed, then compare one set with the real images."""
    title = f"{trial.arm.title}, {trial.bench.replicates.title_of_set(under)}"
    comparison = _Comparison(trial, made, title, trial.bench.preset.patch)
    asked: list[tuple[Extractor, str, str]] = []
    for split in ("train", "test"):
        asked += [(handle, split, handle.metric_name) for handle in trial.bench.encoders]
        asked.append((Colours(), split, ""))
    done = await together(*(comparison.compare(extractor, split, encoder) for extractor, split, encoder in asked))
    return [
        Distance(under, split, encoder, extractor.identity, finished, memory=memory)
        for (extractor, split, encoder), (finished, memory) in zip(asked, done, strict=True)
    ]


async def _of_test_masks(trial: Trial) -> list[Distance]:
    """Compare images that were drawn of test masks with test images, in the features of every encoder."""
    encoders, first = trial.bench.encoders, next(iter((await trial.sets()).made), None)
    if first is None or trial.bench.data["test"].info.task != "nuclei":
        return []
    given = trial.arm.ready is not None
    if first.set.use != EVALUATION if given else not trial.arm.method.draws_any_mask:
        return []
    masks = GivenMasks(trial.bench.data["test"], first.set) if given else masks_of(trial, first)
    sizes = {(record.height, record.width) for record in first.set.records}
    reason = ""
    if masks.n < FEWEST_DRAWN:
        more = "import more" if given else "raise faithfulness_samples of the preset"
        reason = f"only {masks.n} images of test masks; {FEWEST_DRAWN} are needed: {more}"
    elif len(sizes) > 1 or any(height != width for height, width in sizes):
        reason = "images of test masks must be squares of one size to be compared"
    if reason:
        return [Distance(Under(0, 0), TEST_MASKS, one.metric_name, one.identity, None, reason) for one in encoders]
    seeds = [Under(0, 0)] if given else trial.bench.replicates.sets
    sets = [first.set] if given else await together(*(draw_masks(trial, masks, under) for under in seeds))
    found = [await _compare_drawn(trial, made, under) for under, made in zip(seeds, sets, strict=True)]
    return [distance for one in found for distance in one]


async def _of_test_captions(trial: Trial) -> list[Distance]:
    """Compare images that were drawn of test captions with test images, in the features of every encoder."""
    captions, encoders = captions_of(trial), trial.bench.encoders
    if captions is None:
        return []
    if captions.n < FEWEST_DRAWN:
        more = "raise faithfulness_samples of the preset"
        reason = f"only {captions.n} images of test captions; {FEWEST_DRAWN} are needed: {more}"
        at = Under(0, 0)
        return [Distance(at, TEST_CAPTIONS, one.metric_name, one.identity, None, reason) for one in encoders]
    sets = await draw_captions(trial, captions)
    found = [await _compare_drawn(trial, made, under, TEST_CAPTIONS) for under, made in sets]
    return [distance for one in found for distance in one]


async def _compare_drawn(trial: Trial, drawn: SyntheticSet, under: Under, split: str = TEST_MASKS) -> list[Distance]:
    """Compare as many of the drawn images as the preset has reference images with random test patches."""
    title = f"{trial.arm.title}, {trial.bench.replicates.title_of_set(under)}, images of {split}"
    comparison = _Comparison(trial, drawn, title, drawn.records[0].height)
    encoders = trial.bench.encoders
    done = await together(*(comparison.compare(one, "test", one.metric_name) for one in encoders))
    return [
        Distance(under, split, one.metric_name, one.identity, finished)
        for one, (finished, _) in zip(encoders, done, strict=True)
    ]


class _Comparison:
    """Compares one synthetic set with as many real patches of the training and of the test split."""

    def __init__(self, trial: Trial, made: SyntheticSet, title: str, patch: int) -> None:
        self._session, self._data = trial.bench.session, trial.bench.data
        self._patch, self._made, self._title = patch, made, title
        self._n = min(len(made), trial.bench.preset.reference_samples)
        self._trusted = trial.arm.ready is None

    async def compare(self, extractor: Extractor, split: str, encoder: str) -> tuple[Finished, Memory | None]:
        """Return the comparison with one split; with the training split it also looks for copies."""
        kind = CompareColour if not encoder else Compare if split == "test" else CompareWithMemory
        real, made = await together(
            self._embed(extractor, self._real(split)), self._embed(extractor, SetImages(self._made))
        )
        more: dict[str, Any] = {}
        memory = None
        if kind is CompareWithMemory:
            sources = await source_patches(self._session, self._made, self._data["train"], trusted=self._trusted)
            more = {"test": self._data["test"], "sources": sources, "behind": None}
            more["unseen"] = await self._embed(extractor, self._real("test"))
            if sources is not None:
                more["behind"] = await self._embed(extractor, sources)
            of_train = real, more["behind"], more["unseen"]
            memory = Memory(self._made, self._data["train"], encoder, made, *of_train)
        step = kind(
            place=self._session.torch,
            title=f"{self._title}, {extractor.name}, against {split}",
            extractor=extractor,
            asked=Distances.version,
            metrics=_metrics(encoder, kind),
            n=self._n,
            patch=self._patch,
            data=self._data[split],
            synthetic=self._made,
            real=real,
            made=made,
            **more,
        )
        return await self._session.do(step), memory

    def _real(self, split: str) -> RealPatches:
        return RealPatches(self._data[split], POOL * self._n, self._patch)

    async def _embed(self, extractor: Extractor, images: Images) -> Finished:
        step: Embed = embed_step(self._session, extractor, images)
        return await self._session.do(step)


def _metrics(encoder: str, kind: type[Compare]) -> tuple[Metric, ...]:
    """Return the metrics that a comparison computes."""
    from metrics.table import distance_name, metric

    if not encoder:
        return (metric(COLOUR),)
    kinds = (*OF_FEATURES, *(OF_MEMORY if kind is CompareWithMemory else ()))
    return tuple(metric(distance_name(one, encoder)) for one in kinds)


def _of_set(distance: Distance) -> Iterator[Scored]:
    """Yield each score of one comparison."""
    from metrics.table import distance_name, metric

    kinds = OF_DRAWN if distance.split in DRAWN else OF_FEATURES if distance.encoder else (COLOUR,)
    if distance.encoder and distance.split == "train":
        kinds = (*kinds, *OF_MEMORY)
    result = None if distance.finished is None else Result(distance.finished.path)
    for kind in kinds:
        name = distance_name(kind, distance.encoder) if distance.encoder else kind
        about = {**distance.under.columns, "split": distance.split, "encoder": distance.identity}
        scored = Scored({"value": None, "reason": distance.reason}) if result is None else result.scored(kind)
        yield scored._replace(columns={**about, **metric_columns(metric(name)), **scored.columns})
