"""How well does a method's autoencoder give real test images back? For methods that decode latents."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
from jaxtyping import UInt8

from bench.contract import MethodBase, Weights
from bench.engine.context import Run
from bench.engine.session import together
from bench.engine.step import Finished, Step
from bench.errors import DataError, MissingError
from bench.evaluation.base import Evaluation, Measured, Output, metric_versions
from bench.evaluation.comparison import Scored, valued
from bench.evaluation.distances.features import RealPatches
from bench.evaluation.row_maker import Rows, metric_columns
from bench.evaluation.score import mean_score, number
from bench.evaluation.statistics import Statistics, write_statistics
from bench.plan.arms import Arm
from bench.plan.seeds import Under
from bench.plugin_version import version_of
from bench.results.table import ScoreRow
from bench.stages.trial import Trial

if TYPE_CHECKING:
    from torch import nn

    from metrics.entry import Metric

OF_PIXELS = ("mse", "ssim")
PERCEPTUAL = "perceptual"
FILTERS, LPIPS = "random-convnet", "lpips-alex"


class Perception(NamedTuple):
    """The network of a perceptual distance: its name, identity and folder of weights, or the `reason` for its lack."""

    network: str
    identity: str = ""
    weights: Path | None = None
    reason: str = ""

    @property
    def metric(self) -> Metric:
        """The metric; `lpips` belongs to the published weights."""
        from metrics.table import distance_name, metric

        return metric(distance_name(PERCEPTUAL, self.network))

    def load(self) -> nn.Module:
        """Return the network."""
        from metrics.perceptual import RandomMaps, load_lpips

        return RandomMaps() if self.network == FILTERS else load_lpips(self.weights)


class Evidence(NamedTuple):
    """The statistics of each of an arm's autoencoders, its seeds, and the networks that were asked for."""

    scores: Sequence[Finished]
    seeds: Sequence[Under]
    networks: Sequence[Perception]


class Reconstructions(Evaluation):
    """MSE, SSIM and perceptual distance of test patches and their reconstructions."""

    name: ClassVar[str] = "reconstruction"
    version: ClassVar[int] = 2

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Errors of pixels, and the family of perceptual distances with its published name."""
        from metrics.table import FAMILIES, METRICS

        return (*(METRICS[name] for name in OF_PIXELS), METRICS["lpips"], FAMILIES[PERCEPTUAL])

    def weights(
        self, folder: Path | None, arms: Sequence[Arm] | None = None, encoders: Collection[str] = ()
    ) -> Sequence[Weights]:
        """Return the file of LPIPS, which runs need that have other encoders than random filters."""
        decoding = arms is None or any(arm.ready is None and arm.method.first_stage for arm in arms)
        if not decoding or (arms is not None and not set(encoders) - {FILTERS}):
            return ()
        from metrics.perceptual_weights import lpips_weights

        return (lpips_weights(folder),)

    async def measure(self, trial: Trial) -> Evidence | None:
        """Compare as many test patches as the preset has reference images; None for an arm without an autoencoder."""
        arm = trial.arm
        if arm.ready is not None or not arm.method.first_stage:
            return None
        networks, seeds = perceptions(trial), trial.bench.replicates.generators
        scores = await together(*(_of_seed(trial, under, networks) for under in seeds))
        return Evidence(scores, seeds, networks)

    def rows(self, measured: Sequence[Measured], rows: Rows) -> Iterator[ScoreRow]:
        """Yield every mean with its interval over groups, of each autoencoder that was trained, and over them."""
        from metrics.table import METRICS

        for each in measured:
            if each.evidence is None:
                continue
            read, arm = [Statistics(finished.path) for finished in each.evidence.scores], each.trial.arm
            seeds = each.evidence.seeds
            digests = [each.digest(under.generation) for under in seeds]
            asked = [(METRICS[name], Perception(name)) for name in OF_PIXELS]
            asked += [(one.metric, one) for one in each.evidence.networks]
            for metric, network in asked:
                shared = {"split": "test", "encoder": network.identity, "downstream": "", "n": len(read[0])}
                columns = {**metric_columns(metric), **shared}
                if network.reason:
                    yield rows.row(arm, columns, n=None, reason=network.reason)
                    continue
                score = mean_score(metric.id, partial(number, name=metric.id))
                yield from valued(Scored(arm, read, digests, seeds), score, metric, columns, rows)

    def outputs(self, evidence: Evidence | None) -> Iterator[Output]:
        """Yield the statistics."""
        if evidence is not None:
            for under, finished in zip(evidence.seeds, evidence.scores, strict=True):
                yield Output("statistics", finished, under, "", "test")


async def _of_seed(trial: Trial, under: Under, networks: Sequence[Perception]) -> Finished:
    """Compare test patches with their reconstructions by the autoencoder of one seed."""
    arm, session, preset = trial.arm, trial.bench.session, trial.bench.preset
    step = Reconstruct(
        place=session.torch,
        title=f"{arm.title}, {preset.reference_samples} test patches",
        method=arm.method,
        part=(await trial.parts(under))[arm.method.first_stage],
        images=RealPatches(trial.bench.data["test"], preset.reference_samples, preset.patch),
        networks=tuple(one for one in networks if not one.reason),
    )
    return await session.do(step)


def perceptions(trial: Trial) -> list[Perception]:
    """Return the networks of perceptual distances: random filters if they are an encoder of the run, LPIPS if others.

    A run with weights has LPIPS, or the reason why its weights are not there.
    """
    from metrics.perceptual_weights import lpips_identity, maps_identity

    names, weights = [handle.name for handle in trial.bench.encoders], trial.bench.weights
    found = [Perception(FILTERS, maps_identity())] if FILTERS in names else []
    if set(names) - {FILTERS}:
        try:
            found.append(Perception(LPIPS, lpips_identity(weights), weights))
        except (MissingError, DataError) as error:
            found.append(Perception(LPIPS, reason=str(error)))
    return found


@dataclass(frozen=True, kw_only=True, eq=False)
class Reconstruct(Step):
    """Reconstruct real patches and compare them; methods that share the autoencoder share the step."""

    stage: ClassVar[str] = "reconstruction"

    method: MethodBase
    part: Finished
    images: RealPatches
    networks: tuple[Perception, ...]

    @property
    def config(self) -> dict[str, Any]:
        """How patches are cut and batched, and the networks that compare them."""
        networks = {one.network: one.identity for one in self.networks}
        return {**self.images.config, "chunk": self.method.chunk, "networks": networks}

    @property
    def inputs(self) -> dict[str, str]:
        """The split's digest, and the key of the autoencoder."""
        return {**self.images.inputs, "part": self.part.key}

    @property
    def versions(self) -> dict[str, int]:
        """Versions of the class whose `reconstruct` is used, of the evaluation and of its metrics."""
        wanted = {*OF_PIXELS, *("lpips" if one.network == LPIPS else PERCEPTUAL for one in self.networks)}
        return {
            "method": version_of(self.method, "reconstruct"),
            **metric_versions(Reconstructions(), *wanted),
        }

    def run(self, folder: Path, context: Run) -> None:
        """Write one row of statistics per patch."""
        networks = {one.metric.id: one.load() for one in self.networks}
        shown, asked = itertools.tee(self.images.read(context))
        fitted = {self.method.first_stage: self.part.path}
        found = self.method.reconstruct((image.pixels for image in asked), fitted, context)
        rows = []
        with context.progress("reconstruct", len(self.images), unit="image") as progress:
            for image, given_back in zip(shown, found, strict=True):
                scores = pair_statistics(image.pixels, given_back, networks, context.device)
                rows.append({"id": image.name, "group": image.group, **scores})
                progress.advance(1)
        write_statistics(folder, rows)


def pair_statistics(
    image: UInt8[np.ndarray, "h w 3"],
    given_back: UInt8[np.ndarray, "h w 3"],
    networks: dict[str, nn.Module],
    device: str,
) -> dict[str, float]:
    """Return the scores of one image and its reconstruction; `networks` are those of perceptual distances, by metric.

    Raises:
        DataError: the reconstruction is not an 8-bit image of the same shape.
    """
    from metrics.perceptual import pair_distances
    from metrics.reconstruction import reconstruction

    found = reconstruction(image, given_back)
    pair = image[None], given_back[None]
    distances = {id: float(pair_distances(network, *pair, device)[0]) for id, network in networks.items()}
    return {"mse": found.mse, "ssim": found.ssim, **distances}
