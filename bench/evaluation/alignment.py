"""Do images show what their captions say? The similarity of each image and its own caption, in a text encoder.

Next to every set are the real pairs of the same split (`floor`), and the control: the same images with the captions of
others, which must be lower. It is measured only if an arm of the run is about captions.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from bench.contract import Dataset
from bench.digest import digest, write_json
from bench.engine.context import Run
from bench.engine.session import Session, together
from bench.engine.step import Finished, Step
from bench.evaluation.alignment_scores import SHUFFLED, SIMILARITY, alignment_rows, embed_texts, not_above
from bench.evaluation.base import Evaluation, Measured, Output, metric_versions
from bench.evaluation.captions import TEST_CAPTIONS, captions_of, draw_captions
from bench.evaluation.comparison import Scored, valued
from bench.evaluation.distances.features import Images, RealPatches, SetImages, embed_step, read_features
from bench.evaluation.pictures.arms import subjects
from bench.evaluation.pictures.captioned import of_own_captions, of_test_captions
from bench.evaluation.pictures.shown import Shown
from bench.evaluation.row_maker import Rows, metric_columns
from bench.evaluation.score import mean_score, number
from bench.evaluation.statistics import Statistics, write_statistics
from bench.plan.encoders import EncoderHandle
from bench.plan.seeds import Under
from bench.results.table import ScoreRow
from bench.stages.fit import fit_part
from bench.stages.trial import Trial
from bench.synthetic import SyntheticSet

if TYPE_CHECKING:
    from metrics.entry import Metric

NO_CAPTIONS = "no image of the set has a caption"
NO_REAL_CAPTIONS = "no image of the split has a caption"
NO_TRAINING = "the encoder cannot be trained: the run has no captioned training data"
ALL_EQUAL = "all captions are equal"


class Aligned(NamedTuple):
    """The scores of the captioned images of one split of real images, or of one `set`; a reason if there are none."""

    under: Under
    split: str
    finished: Finished | None
    reason: str = ""
    set: SyntheticSet | None = None


class Evidence(NamedTuple):
    """Scores of one arm, those of the real pairs next to each of its splits, and the encoder's name and identity."""

    scores: Sequence[Aligned]
    real: Mapping[str, Finished | None]
    encoder: str
    identity: str


class Alignment(Evaluation):
    """Similarity of images and captions, of a set under each seed or of real images, and with shuffled captions."""

    name: ClassVar[str] = "alignment"
    version: ClassVar[int] = 2

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The families of similarities."""
        from metrics.table import FAMILIES

        return FAMILIES[SIMILARITY], FAMILIES[SHUFFLED]

    async def measure(self, trial: Trial) -> Evidence | None:
        """Score the arm's sets, or real pairs of both splits for an arm without one; None in a run without captions."""
        bench = trial.bench
        if bench.text_encoder is None:
            return None
        text = bench.data.get("text", bench.data["train"])
        encoder = await _trained(bench.session, bench.text_encoder, text)
        if encoder is None:
            names = (
                [("train", NO_TRAINING), ("test", NO_TRAINING)] if trial.baseline is None else [("train", NO_TRAINING)]
            )
            return Evidence(
                [Aligned(Under(0, 0), split, None, why) for split, why in names], {}, bench.text_encoder.name, ""
            )
        train, test = await together(
            _of_real(trial, encoder, text, "train"), _of_real(trial, encoder, bench.data["test"], "test")
        )
        scores = [train, test]
        if trial.baseline is not None:
            scores = [*await _of_sets(trial, encoder), *await _of_test_captions(trial, encoder)]
        real = {"train": train.finished, TEST_CAPTIONS: test.finished}
        return Evidence(scores, real, encoder.metric_name, encoder.identity)

    def rows(self, measured: Sequence[Measured], rows: Rows) -> Iterator[ScoreRow]:
        """Yield both similarities of every arm with their intervals, or the reason why there are none."""
        for each in measured:
            evidence: Evidence | None = each.evidence
            if evidence is None:
                continue
            for split in dict.fromkeys(one.split for one in evidence.scores):
                of_split = [one for one in evidence.scores if one.split == split]
                for kind in (SIMILARITY, SHUFFLED):
                    yield from _rows(each, evidence, of_split, kind, rows)

    def outputs(self, evidence: Evidence | None) -> Iterator[Output]:
        """Yield the scores of each set."""
        for one in () if evidence is None else evidence.scores:
            if one.finished is not None and evidence is not None:
                yield Output("statistics", one.finished, one.under, "", one.split, evidence.identity)

    def pictures(self, measured: Sequence[Measured]) -> Iterator[Shown]:
        """Yield captions with the images that the run's own arms drew of them under the first seed.

        They are test captions if an arm draws these.
        """
        shown = [(each, _first_set(each.evidence, TEST_CAPTIONS)) for each in subjects(measured)]
        drawn = [(each, made) for each, made in shown if made is not None]
        if drawn:
            yield from of_test_captions(drawn, drawn[0][0].trial.bench.data["test"])
            return
        for each in subjects(measured)[:1]:
            made = _first_set(each.evidence, "train")
            if made is not None:
                yield from of_own_captions(each, made)


def _first_set(evidence: Evidence | None, split: str) -> SyntheticSet | None:
    scores = () if evidence is None else evidence.scores
    return next((one.set for one in scores if one.set is not None and one.split == split), None)


async def _trained(session: Session, handle: EncoderHandle, text: Dataset) -> EncoderHandle | None:
    """Return an encoder with its weights, which are trained first if the run must; None if it cannot be trained."""
    training = handle.plugin.training()
    if training is None:
        return handle
    if not any((record.caption or "").strip() for record in text.records):
        return None
    finished = await fit_part(session, training.part, training.trainer, {"text": text}, {})
    return replace(handle, weights=finished.path)


async def _of_real(trial: Trial, encoder: EncoderHandle, data: Dataset, split: str) -> Aligned:
    captions = {record.id: record.caption for record in data.records if record.height}
    if not any((caption or "").strip() for caption in captions.values()):
        return Aligned(Under(0, 0), split, None, NO_REAL_CAPTIONS)
    preset = trial.bench.preset
    images = RealPatches(data, preset.reference_samples, preset.patch)
    said = Captions(captions, of_window=True)
    return Aligned(
        Under(0, 0), split, await _score(trial.bench.session, encoder, images, said, f"real pairs of {split}")
    )


async def _of_sets(trial: Trial, encoder: EncoderHandle) -> list[Aligned]:
    sets = await trial.compared()
    if not sets:
        return [Aligned(Under(0, 0), "train", None, (await trial.sets()).reason or NO_CAPTIONS)]
    captions = [{record.id: record.caption for record in made.set.metadata} for _, made in sets]
    if not all(any((caption or "").strip() for caption in each.values()) for each in captions):
        return [Aligned(under, "train", None, NO_CAPTIONS) for under, _ in sets]

    return await _of_drawn(trial, encoder, [(under, made.set) for under, made in sets], "train")


async def _of_test_captions(trial: Trial, encoder: EncoderHandle) -> list[Aligned]:
    """Score images that the arm's method draws of test captions; none if it draws no caption that it is given."""
    captions = captions_of(trial)
    if captions is None:
        return []
    return await _of_drawn(trial, encoder, await draw_captions(trial, captions), TEST_CAPTIONS)


async def _of_drawn(
    trial: Trial, encoder: EncoderHandle, sets: Sequence[tuple[Under, SyntheticSet]], split: str
) -> list[Aligned]:
    def title(under: Under) -> str:
        about = f"{trial.arm.title}, {trial.bench.replicates.title_of_set(under)}"
        return about if split == "train" else f"{about}, {split}"

    said = [Captions({record.id: record.caption for record in made.metadata}) for _, made in sets]
    done = await together(
        *(
            _score(trial.bench.session, encoder, SetImages(made), captions, title(under))
            for (under, made), captions in zip(sets, said, strict=True)
        )
    )
    return [Aligned(under, split, finished, set=made) for (under, made), finished in zip(sets, done, strict=True)]


@dataclass(frozen=True)
class Captions:
    """Captions by the id of an image, or of the tile that a window (`id y x size`) is cut from."""

    by_id: Mapping[str, str | None]
    of_window: bool = False

    def of(self, names: Sequence[str]) -> list[str]:
        """Return the caption of each image by its name; empty if it has none."""
        ids = [name.rsplit(" ", 3)[0] if self.of_window else name for name in names]
        return [(self.by_id[name] or "").strip() for name in ids]

    @property
    def distinct(self) -> tuple[str, ...]:
        """The captions that are not empty, each once, in alphabetical order."""
        return tuple(sorted({caption.strip() for caption in self.by_id.values() if caption and caption.strip()}))


async def _score(session: Session, encoder: EncoderHandle, images: Images, captions: Captions, title: str) -> Finished:
    texts = EmbedTexts(
        place=session.torch,
        title=f"{encoder.name}, {len(captions.distinct)} captions",
        encoder=encoder,
        captions=captions.distinct,
    )
    seen, said = await together(session.do(embed_step(session, encoder, images)), session.do(texts))
    step = Align(place=session.numeric, title=f"{title}, {encoder.name}", images=seen, texts=said, captions=captions)
    return await session.do(step)


@dataclass(frozen=True, kw_only=True, eq=False)
class EmbedTexts(Step):
    """Compute the features of captions, one row per caption."""

    stage: ClassVar[str] = "text-features"

    encoder: EncoderHandle
    captions: tuple[str, ...]

    @property
    def config(self) -> dict[str, Any]:
        """The encoder's identity."""
        return {"encoder": self.encoder.identity}

    @property
    def inputs(self) -> dict[str, str]:
        """The digest of the captions."""
        return {"captions": digest(self.captions)}

    @property
    def versions(self) -> dict[str, int]:
        """Version of the encoder."""
        return {"encoder": self.encoder.version}

    def run(self, folder: Path, context: Run) -> None:
        """Embed the captions batch by batch and write their features."""
        encoder = self.encoder.load(context.device)
        with context.progress("embed", len(self.captions), unit="caption") as progress:
            np.save(folder / "features.npy", embed_texts(encoder, self.captions, progress.advance))
        write_json(folder / "captions.json", list(self.captions))


@dataclass(frozen=True, kw_only=True, eq=False)
class Align(Step):
    """Compare the features of images with those of their captions, and of other images' captions."""

    stage: ClassVar[str] = "alignment"

    images: Finished
    texts: Finished
    captions: Captions

    @property
    def config(self) -> dict[str, Any]:
        """The caption of each image."""
        return {"captions": digest(sorted(self.captions.by_id.items())), "of_window": self.captions.of_window}

    @property
    def inputs(self) -> dict[str, str]:
        """Keys of the features."""
        return {"images": self.images.key, "texts": self.texts.key}

    @property
    def versions(self) -> dict[str, int]:
        """Versions of the evaluation and its metrics."""
        return metric_versions(Alignment())

    def run(self, folder: Path, context: Run) -> None:
        """Write one row of statistics per image."""
        features = read_features(self.images.path)
        known = json.loads((self.texts.path / "captions.json").read_text(encoding="utf-8"))
        said = self.captions.of(features.names)
        texts = np.load(self.texts.path / "features.npy")
        found = alignment_rows(features.values, said, dict(zip(known, texts, strict=True)), context.rng("shuffle"))
        about = zip(features.names, features.groups, found, strict=True)
        write_statistics(folder, [{"id": name, "group": group, **row} for name, group, row in about])


def _rows(each: Measured, evidence: Evidence, scores: Sequence[Aligned], kind: str, rows: Rows) -> Iterator[ScoreRow]:
    from metrics.table import distance_name, metric

    entry = metric(distance_name(kind, evidence.encoder))
    split, arm = scores[0].split, each.trial.arm
    columns = {**metric_columns(entry), "split": split, "encoder": evidence.identity, "downstream": ""}
    read = [Statistics(one.finished.path) for one in scores if one.finished is not None]
    reason = scores[0].reason
    if read and all(np.isnan(one.numbers(kind)).all() for one in read):
        reason = ALL_EQUAL
    if reason:
        yield rows.row(arm, columns, reason=reason)
        return
    of_set = each.trial.baseline is not None
    real = evidence.real.get(split)
    if of_set and real is not None:
        columns["floor"] = _mean(Statistics(real.path), kind)
    remark = not_above if kind == SIMILARITY else lambda statistics: ""
    score = mean_score(entry.id, partial(number, name=kind), remark=remark)
    of_arms_set = of_set and split != TEST_CAPTIONS
    digests = [each.digest(one.under.generation) if of_arms_set else "" for one in scores]
    columns["n"] = len(read[0])
    yield from valued(Scored(arm, read, digests, [one.under for one in scores]), score, entry, columns, rows)


def _mean(statistics: Statistics, kind: str) -> float | None:
    values = statistics.numbers(kind)
    return None if np.isnan(values).all() else float(np.nanmean(values))
