"""Does a set show the test split? Copies of test images in it, and its nearness to test slides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from bench.engine.session import together
from bench.engine.step import Finished
from bench.evaluation.base import Evaluation, Measured, Output, metric_versions
from bench.evaluation.columns import over_seeds
from bench.evaluation.distances.features import Images, RealPatches, SetImages, embed_step
from bench.evaluation.distances.steps import POOL
from bench.evaluation.leakage_steps import MOST_IMAGES, Look, Near, read_found, whole_side
from bench.evaluation.row_maker import Rows, metric_columns
from bench.formats.csv_tables import some
from bench.plan.encoders import EncoderHandle
from bench.plan.seeds import Under
from bench.results.leaks import TEST_COPIES, TEST_NEARNESS, leaking
from bench.results.table import ScoreRow
from bench.stages.synthesize import Made
from bench.stages.trial import Trial

if TYPE_CHECKING:
    from metrics.entry import Metric

NO_SLIDES = "too few slides to tell nearness to test slides from chance"
OVER_SLIDES = "no interval: p is over divisions of the slides"


class Found(NamedTuple):
    """The findings about the set of some seeds; `near` is None without an encoder, whose identity is `encoder`."""

    under: Under
    digest: str
    looked: Finished
    near: Finished | None
    encoder: EncoderHandle | None


class Leakage(Evaluation):
    """Searches the sets of the arms that a run is about for test images; what it finds is also a warning."""

    name: ClassVar[str] = "leakage"
    version: ClassVar[int] = 2

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The share of copies of test images, and the nearness to test slides."""
        from metrics.table import FAMILIES, METRICS

        return (METRICS[TEST_COPIES], FAMILIES[TEST_NEARNESS])

    async def measure(self, trial: Trial) -> list[Found]:
        """Search every set for test images, and warn if it shows them."""
        if trial.arm not in trial.bench.subjects:
            return []
        sets = await trial.compared()
        return await together(*(_look(self, trial, made, under) for under, made in sets))

    def rows(self, measured: Sequence[Measured], rows: Rows) -> Iterator[ScoreRow]:
        """Yield the share of copies and the nearness of every set, and of all sets together."""
        for each in measured:
            by_metric: dict[str, list[dict[str, Any]]] = {}
            for found in each.evidence or ():
                for columns in _columns(found):
                    by_metric.setdefault(columns["metric"], []).append(columns)
                    yield rows.row(each.trial.arm, columns)
            for group in by_metric.values():
                if len(group) > 1 and all(columns["value"] is not None for columns in group):
                    yield rows.row(each.trial.arm, _over_sets(group))

    def outputs(self, evidence: Sequence[Found]) -> Iterator[Output]:
        """Yield the findings about each set."""
        for found in evidence:
            yield Output("statistics", found.looked, found.under)
            if found.near is not None and found.encoder is not None:
                yield Output("statistics", found.near, found.under, encoder=found.encoder.identity)

    def findings(self, evidence: Sequence[Found]) -> list[dict[str, Any]]:
        """Return the findings about each set: every copy with its place in a test tile."""
        return [read_found(found.looked) for found in evidence]


async def _look(evaluation: Leakage, trial: Trial, made: Made, under: Under) -> Found:
    session, data = trial.bench.session, trial.bench.data
    title = f"{trial.arm.title}, {trial.bench.replicates.title_of_set(under)}"
    look = Look(
        place=session.torch,
        title=title,
        native=made.set if trial.arm.ready is None else trial.arm.ready,
        ids=frozenset(made.set.ids),
        synthetic=made.set.digest,
        train=data["train"],
        test=data["test"],
        size=whole_side(data["train"], trial.bench.preset.patch),
        measured=metric_versions(evaluation, TEST_COPIES),
    )
    encoder = next(iter(trial.bench.encoders), None)
    near = None if encoder is None else await _near(evaluation, trial, made, encoder, title)
    found = Found(under, made.set.digest, await session.do(look), near, encoder)
    for columns in _columns(found):
        if leaking({"kind": "score", "p": None, **columns}):
            session.reporter.warn(f"{title}: {columns['reason']}")
    return found


async def _near(evaluation: Leakage, trial: Trial, made: Made, encoder: EncoderHandle, title: str) -> Finished:
    """Compare features that distances need, too."""
    session, preset = trial.bench.session, trial.bench.preset
    n = POOL * min(len(made.set), preset.reference_samples)
    real = [RealPatches(trial.bench.data[split], n, preset.patch) for split in ("train", "test")]
    seen: list[Images] = [SetImages(made.set), *real]
    of_made, train, test = await together(*(session.do(embed_step(session, encoder, one)) for one in seen))
    near = Near(
        place=session.numeric,
        title=f"{title}, {encoder.name}",
        encoder=encoder.identity,
        made=of_made,
        train=train,
        test=test,
        measured=metric_versions(evaluation, TEST_NEARNESS),
    )
    return await session.do(near)


def _columns(found: Found) -> Iterator[dict[str, Any]]:
    """Yield the columns of each number about one set."""
    from metrics.table import METRICS, distance_name, metric

    shared = {**found.under.columns, "set_digest": found.digest}
    copies = read_found(found.looked)
    yield {
        **metric_columns(METRICS[TEST_COPIES]),
        **shared,
        "split": "test",
        "value": copies["share"],
        "n": copies["n"],
        "n_skipped": copies["n_skipped"],
        "reason": _said_of_copies(copies),
    }
    if found.near is None or found.encoder is None:
        return
    near = read_found(found.near)
    described = metric_columns(metric(distance_name(TEST_NEARNESS, found.encoder.metric_name)))
    columns = {**described, **shared, "split": "test", "encoder": found.encoder.identity, "value": near.get("value")}
    said = OVER_SLIDES if near else NO_SLIDES
    if near and leaking({"kind": "score", **columns, "p": near["p"]}):
        said = (
            f"the set is nearer to test slides than chance explains (p = {near['p']:.2g} over divisions of the slides)"
        )
    yield columns | {"n": near.get("n"), "p": near.get("p"), "reason": said}


def _said_of_copies(copies: dict[str, Any]) -> str:
    """Return what a reader of the share must know: which images are copies, and what was not searched."""
    n, found = copies["n"], copies["copies"]
    if not n:
        return "no image is large enough and has enough texture to be searched for"
    said = ["no interval: these are all of the images"]
    if found:
        shown = some([f"{copy['image']} shows {copy['tile']}" for copy in found])
        said = [f"{len(found)} of {n} different images show test images: {shown}"]
    if copies["n_skipped"]:
        said.append(f"{copies['n_skipped']} images are too small or nearly blank and were not searched for")
    if copies["n_different"] > MOST_IMAGES:
        said.append(f"a random choice of {copies['n_different']} different images")
    searched, tiles = copies["tiles"]
    if searched < tiles:
        said.append(f"{searched} of {tiles} test tiles were searched")
    return "; ".join(said)


def _over_sets(group: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the mean over sets; its p-value is the smallest, multiplied by the number of sets (Bonferroni)."""
    columns = over_seeds(group)
    known = [one["p"] for one in group if one.get("p") is not None]
    p = min(1.0, min(known) * len(known)) if known else None
    said = [one["reason"] for one in group if leaking({"kind": "score", "p": None, **one})]
    return columns | {"p": p, "reason": "; ".join(filter(None, [columns["reason"], *said[:1]]))}
