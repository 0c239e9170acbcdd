"""Stages *render-masks* and *faithfulness*: does a method draw what a mask asks for, as a segmenter sees it?

Test masks are drawn without their images. The segmenter is the network that the run trained on real data alone, so
nothing is trained for this; what it finds in the real images of those masks is the anchor.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int, UInt8

from bench.config import Preset
from bench.contract import Condition, Dataset, Prediction, Sample
from bench.engine.context import Run, derive_seed
from bench.engine.job import Finished
from bench.engine.session import Session
from bench.errors import SealError
from bench.evaluation.evidence import Faithful, Judge
from bench.evaluation.statistics import write_statistics
from bench.formats.parallel import ordered_map
from bench.plan.arms import Arm
from bench.stages.patches import cut, cut_rectangle, random_windows
from bench.stages.synthesize import chunk_of, render_set, settings_of
from bench.stages.train import predict, read_prediction
from bench.synthetic import EVALUATION, SyntheticSet

# Every arm, seed and run of a dataset is asked for the same masks.
WINDOW_SEED = 0
NEEDS_RENDERINGS = "a set made elsewhere: bring renderings of test masks in with `bench import --rendered-from test`"
NEEDS_SOURCE = "shows no mask without the real patch it is from (a method that can has the attribute draws_any_mask)"


def faithfulness(
    session: Session,
    arm: Arm,
    data: Mapping[str, Dataset],
    fitted: Mapping[str, Finished],
    sets: Sequence[tuple[Finished, SyntheticSet] | None],
    segmenter: Judge,
    preset: Preset,
) -> Faithful | None:
    """Score one arm under every seed; None for an arm without images or masks, a reason where it cannot be asked."""
    first = sets[0] if sets else None
    if first is None or data["test"].info.task != "nuclei":
        return None
    if arm.ready is not None:
        return _of_ready(session, arm, data["test"], first[1], segmenter)
    if "mask" not in arm.method.conditions:
        return None
    if not getattr(arm.method, "draws_any_mask", False):
        return Faithful(segmenter.network.name, reason=f"{arm.name} {NEEDS_SOURCE}")
    wanted = preset.reference_samples if preset.faithfulness_samples is None else preset.faithfulness_samples
    masks = MaskPatches(data["test"], wanted, first[1].records[0].height)
    real = masks.segment_real(session, segmenter)
    done = []
    for seed in range(len(sets)):
        drawn = render_masks(session, arm, data, fitted, masks, seed)
        found = _segment_drawn(session, segmenter, drawn, f"{arm.title} of test masks, seed {seed}")
        done.append(masks.score(session, real, found, f"{arm.title}, seed {seed}"))
    return Faithful(segmenter.network.name, done)


def _of_ready(session: Session, arm: Arm, test: Dataset, drawn: SyntheticSet, segmenter: Judge) -> Faithful:
    """Score renderings of test masks that were made elsewhere; a set to train on shows no test mask."""
    if drawn.use != EVALUATION:
        return Faithful(segmenter.network.name, reason=NEEDS_RENDERINGS)
    masks = GivenMasks(test, drawn)
    real = masks.segment_real(session, segmenter)
    found = _segment_drawn(session, segmenter, drawn, f"{arm.title} of test masks")
    return Faithful(segmenter.network.name, [masks.score(session, real, found, arm.title)])


class MaskPatches:
    """Patches of the test split, each tile equally often, at places that are the same for every arm."""

    def __init__(self, test: Dataset, n: int, size: int) -> None:
        """Choose `n` patches of `size` pixels; nothing is read yet."""
        self.test, self.n, self.size = test, n, size

    def samples(self) -> Iterator[Sample]:
        """Yield the patches, tile by tile; a sample's id is that of its tile."""
        return map(cut, random_windows(self.test, range(len(self.test)), self.n, self.size, WINDOW_SEED))

    def key(self) -> dict[str, str | int]:
        """Return what the patches depend on beside the split."""
        return {"n": self.n, "size": self.size, "window_seed": WINDOW_SEED}

    def conditions(self, seed: int) -> Iterator[Condition]:
        """Yield the patches as conditions without their images, with seeds of one generation seed."""
        for index, sample in enumerate(self.samples()):
            yield Condition(
                id=f"test-{index:05d}",
                instances=sample.instances,
                types=sample.types,
                label=sample.label,
                caption=sample.caption,
                tissue=sample.tissue,
                kind="test-mask",
                # JSON readers keep 53 bits
                seed=derive_seed(seed, "test-mask", index) % 2**53,
            )

    def segment_real(self, session: Session, segmenter: Judge) -> Finished:
        """Segment the real patches."""
        inputs = {"test": self.test.digest, **{name: str(value) for name, value in self.key().items()}}
        title = f"{segmenter.network.name} on {self.n} real patches of {self.test.info.split}"

        def images() -> Iterator[UInt8[np.ndarray, "h w 3"]]:
            return (sample.image for sample in self.samples())

        return predict(session, segmenter.network, segmenter.model, images, self.n, inputs, title)

    def score(self, session: Session, real: Finished, drawn: Finished, title: str) -> Finished:
        """Compare what was asked for with what is seen in the drawn and in the real patches."""
        from metrics.table import metric

        n_classes = len(self.test.info.classes)
        config = {**self.key(), "classes": n_classes, "protocol": metric("fs1/image").protocol_version}
        inputs = {"test": self.test.digest, "real": real.key, "drawn": drawn.key}
        job = session.numeric("faithfulness", config, inputs, title)

        def work(folder: Path, run: Run) -> None:
            rows = []
            with run.progress("faithfulness", self.n, unit="image") as progress:
                for index, sample in enumerate(self.samples()):
                    of_drawn, of_real = (read_prediction(done.path / f"{index:05d}.npz") for done in (drawn, real))
                    rows.append(mask_statistics(sample, of_drawn, of_real, n_classes))
                    progress.advance(1)
            write_statistics(folder, rows)

        return session.do(job, work)


class GivenMasks(MaskPatches):
    """The windows of the test split that the images of an imported set show."""

    def __init__(self, test: Dataset, drawn: SyntheticSet) -> None:
        """Look the windows up; nothing is read yet."""
        super().__init__(test, len(drawn), 0)
        self._drawn = drawn

    def samples(self) -> Iterator[Sample]:
        """Yield the windows, in the order of the set.

        Raises:
            SealError: a window reaches beyond its test sample.
        """
        places = {name: index for index, name in enumerate(self.test.ids)}
        for line, drawn in zip(self._drawn.metadata, self._drawn.records, strict=True):
            sample = self.test[places[str(line.tile)]]
            (h, w), (y, x) = (drawn.height, drawn.width), line.crop or (0, 0)
            if y + h > sample.image.shape[0] or x + w > sample.image.shape[1]:
                raise SealError(
                    f"expected {line.file_name} to show a window of {sample.id} of {sample.image.shape[:2]} px",
                    got=f"{h} x {w} px at row {y}, column {x}, at {self.test.info.mpp} um a pixel",
                    fix="import it again with y and x of the window in the table, or with its own --mpp",
                )
            yield cut_rectangle(sample, y, x, h, w)

    def key(self) -> dict[str, str | int]:
        """Return what the windows depend on beside the split."""
        return {"n": self.n, "set": self._drawn.digest}


def render_masks(
    session: Session,
    arm: Arm,
    data: Mapping[str, Dataset],
    fitted: Mapping[str, Finished],
    masks: MaskPatches,
    seed: int,
) -> SyntheticSet:
    """Have a method draw the test masks, seeing training data alone; the set is sealed for evaluation."""
    roles = {role: data[role] for role in sorted(arm.method.roles)}
    inputs = {f"data:{role}": dataset.digest for role, dataset in roles.items()}
    inputs |= {f"part:{name}": finished.key for name, finished in fitted.items()}
    inputs |= {"test": masks.test.digest}
    config = {"method": arm.name, "config": settings_of(arm), "chunk": chunk_of(arm), **masks.key()}
    describe = session.torch if fitted else session.numeric
    job = describe("render-masks", config, inputs, f"{arm.title}, {masks.n} test masks, seed {seed}", seed)

    def work(folder: Path, run: Run) -> None:
        render_set(arm, list(masks.conditions(run.seed)), roles, fitted, folder, run, use=EVALUATION)

    return SyntheticSet(session.do(job, work).path)


def mask_statistics(sample: Sample, drawn: Prediction, real: Prediction, n_classes: int) -> dict[str, object]:
    """Score one patch: its mask, and what the segmenter finds in the drawn and in the real image of it."""
    from metrics.faithfulness import faithfulness as score

    asked, seen, seen_real = (
        type_map(side.instances, side.types, n_classes, sample.ignore) for side in (sample, drawn, real)
    )
    return {"id": sample.id, "group": sample.group, **vars(score(asked, seen, seen_real, n_classes))}


def type_map(
    instances: Int[np.ndarray, "h w"] | None,
    types: UInt8[np.ndarray, " n"] | None,
    n_classes: int,
    ignore: Bool[np.ndarray, "h w"] | None,
) -> UInt8[np.ndarray, "h w"]:
    """Return the class of each pixel: 0 background and ignored pixels, C + 1 nuclei of no class."""
    assert instances is not None
    assert types is not None
    classes = np.concatenate([[0], np.where(types == 0, n_classes + 1, types)]).astype(np.uint8)[instances]
    return classes if ignore is None else np.where(ignore, np.uint8(0), classes)


def _segment_drawn(session: Session, segmenter: Judge, drawn: SyntheticSet, title: str) -> Finished:
    def images() -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        return ordered_map(drawn.image, range(len(drawn)), session.threads)

    network = segmenter.network
    inputs = {"images": drawn.digest}
    return predict(session, network, segmenter.model, images, len(drawn), inputs, f"{network.name} on {title}")
