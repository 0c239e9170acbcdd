"""Images that are drawn of captions of the test split, the papers' test columns of datasets without masks.

A method that reads captions draws them as it draws its own set, with the captions of test samples instead of those
that it planned. What else a condition shows, such as a training mask, stays. The set is sealed for evaluation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from bench.contract import Condition, Dataset
from bench.digest import digest
from bench.engine.context import Run, derive_seed
from bench.engine.session import together
from bench.errors import JobError
from bench.evaluation.masks import WINDOW_SEED
from bench.plan.roles import roles_read
from bench.plan.seeds import Under
from bench.stages.synthesize import Render
from bench.stages.trial import Trial
from bench.synthetic import EVALUATION, SyntheticSet

TEST_CAPTIONS = "test captions"
"""In the column of the split: images drawn of captions of the test split, compared with what this split shows."""


@dataclass(frozen=True)
class SplitCaptions:
    """As many captions of the test split as are drawn, each equally often, the same for every arm, seed and run."""

    test: Dataset
    n: int

    def samples(self) -> list[tuple[str, str]]:
        """Return the group and the caption of each image; none if the split has no captions."""
        records = [(record.group, (record.caption or "").strip()) for record in self.test.records]
        found = sorted((one for one in records if one[1]), key=lambda one: digest([WINDOW_SEED, *one]))
        return [found[index % len(found)] for index in range(self.n)] if found else []

    def conditions(self, planned: Iterator[Condition], seed: int) -> Iterator[Condition]:
        """Yield planned conditions with these captions instead, without sources, seeded by one generation seed."""
        for index, ((_, caption), condition) in enumerate(zip(self.samples(), planned, strict=False)):
            yield replace(
                condition,
                id=name_of(index),
                caption=caption,
                kind="test-caption",
                sources={},
                crop=None,
                # JSON readers keep 53 bits
                seed=derive_seed(seed, "test-caption", index) % 2**53,
            )


@dataclass(frozen=True, kw_only=True, eq=False)
class RenderCaptions(Render):
    """Draw images of test captions with a method that reads only training data; the set is sealed for evaluation."""

    stage: ClassVar[str] = "render-captions"

    captions: SplitCaptions

    @property
    def config(self) -> dict[str, Any]:
        """The method's settings, and how many captions are drawn."""
        return {**super().config, "n": self.captions.n, "order": WINDOW_SEED}

    @property
    def inputs(self) -> dict[str, str]:
        """The method's inputs and the test split."""
        return {**super().inputs, "test": self.captions.test.digest}

    def run(self, folder: Path, context: Run) -> None:
        """Draw images of the captions; each belongs to the group of its caption."""
        captions = self.captions
        planned = self.arm.method.plan(self.data, captions.n, context.rng("plan"))
        conditions = list(captions.conditions(iter(planned), context.seed))
        if len(conditions) != captions.n:
            raise JobError(f"{self.arm.name} planned too few patches", got=f"{len(conditions)} of {captions.n}")
        groups = {name_of(index): group for index, (group, _) in enumerate(captions.samples())}
        self.draw(conditions, folder, context, EVALUATION, groups)


def name_of(index: int) -> str:
    """Return the id of the image of a caption by its number."""
    return f"caption-{index:05d}"


def captions_of(trial: Trial) -> SplitCaptions | None:
    """Return the test captions that an arm draws; None if it draws none, or if the test split has none."""
    arm, preset, test = trial.arm, trial.bench.preset, trial.bench.data["test"]
    if arm.ready is not None or not arm.method.draws_any_caption:
        return None
    wanted = preset.reference_samples if preset.faithfulness_samples is None else preset.faithfulness_samples
    captions = SplitCaptions(test, wanted)
    return captions if captions.samples() else None


async def draw_captions(trial: Trial, captions: SplitCaptions) -> list[tuple[Under, SyntheticSet]]:
    """Draw images of test captions with an arm's method under every generation seed, and return the sealed sets."""
    session, arm, replicates = trial.bench.session, trial.arm, trial.bench.replicates
    parts = [await trial.parts(under) for under in replicates.sets]
    steps = [
        RenderCaptions(
            place=session.torch if fitted else session.numeric,
            seed=under.generation,
            title=f"{arm.title}, {captions.n} test captions, {replicates.title_of_set(under)}",
            arm=arm,
            data={role: trial.bench.data[role] for role in roles_read(arm.method, trial.bench.data)},
            fitted=fitted,
            captions=captions,
        )
        for under, fitted in zip(replicates.sets, parts, strict=True)
    ]
    done = await together(*(session.do(step) for step in steps))
    return [(under, SyntheticSet(one.path)) for under, one in zip(replicates.sets, done, strict=True)]
