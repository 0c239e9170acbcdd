"""Renders conditions to images, chunk by chunk, and seals them as a set."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.contract import Condition, Dataset
from bench.engine.context import Run, derive_seed
from bench.engine.step import Finished
from bench.engine.versions import package_versions
from bench.errors import JobError, within_memory
from bench.plan.arms import Arm
from bench.plugin_version import version_of
from bench.synthetic import SyntheticSetWriter

LESS_MEMORY = (
    "draw fewer images together, for example with --set method.sampler.batch_size=8, or choose a smaller patch, a "
    "smaller preset or a device with more memory; each is part of the key, because it changes the last bits"
)


@dataclass(frozen=True)
class Rendering:
    """What an arm's method draws with: the data that it reads and its trained parts."""

    arm: Arm
    data: Mapping[str, Dataset]
    fitted: Mapping[str, Finished]


def render_set(
    how: Rendering,
    conditions: Sequence[Condition],
    folder: Path,
    context: Run,
    *,
    use: str,
    groups: Mapping[str, str] | None = None,
) -> None:
    """Render conditions, continuing after a killed attempt, and seal the set for one use.

    `groups` are those of conditions without a source, by id; without one, an image is its own group.
    """
    train, n, size = how.data["train"], len(conditions), how.arm.method.chunk
    begun = time.perf_counter()
    writer = SyntheticSetWriter(folder, train.info, dict(zip(train.ids, train.groups, strict=True)))
    chunks = [range(start, min(start + size, n)) for start in range(0, n, size)]
    open_chunks = [chunk for chunk in chunks if not all(writer.has(index) for index in chunk)]
    done = n - sum(len(chunk) for chunk in open_chunks)
    with context.progress(f"render {how.arm.name}", n, done=done, unit="image") as progress:
        for chunk in open_chunks:
            _render_chunk(how, [conditions[i] for i in chunk], chunk, writer, context, groups or {})
            progress.advance(len(chunk))
    cost = {
        "seconds": time.perf_counter() - begun,
        "fit_seconds": sum(finished.cost["seconds"] for finished in how.fitted.values()),
    }
    writer.seal(n, {**_provenance(how), "seed": context.seed, "use": use, "cost": cost})


def _provenance(how: Rendering) -> dict[str, object]:
    """Return what a manifest records about the method that made a set and the data it was made from."""
    arm, train = how.arm, how.data["train"]
    return {
        "method": arm.name,
        "method_version": version_of(arm.method),
        "distribution": arm.distribution,
        "variant": arm.variant,
        "config": arm.settings,
        "dataset": train.info.name,
        "dataset_digest": train.digest,
        "parts": {name: finished.key for name, finished in how.fitted.items()},
        "versions": package_versions(arm.distribution),
    }


def _render_chunk(
    how: Rendering,
    conditions: list[Condition],
    chunk: range,
    writer: SyntheticSetWriter,
    context: Run,
    groups: Mapping[str, str],
) -> None:
    """Render one chunk with its own seed and write its samples."""
    inside = replace(context, seed=derive_seed(context.seed, "render", chunk.start))
    paths = {name: finished.path for name, finished in how.fitted.items()}
    with within_memory(f"Drawing with {how.arm.name}", LESS_MEMORY):
        images = how.arm.method.render(conditions, how.data, paths, inside)
        for index, condition, image in zip(chunk, conditions, images, strict=True):
            _check_image(how.arm, condition, image)
            writer.write(index, condition, image, groups.get(condition.id))


def _check_image(arm: Arm, condition: Condition, image: object) -> None:
    shape, dtype = getattr(image, "shape", None), str(getattr(image, "dtype", type(image).__name__))
    wanted = None if condition.instances is None else (*condition.instances.shape, 3)
    if dtype != "uint8" or shape is None or len(shape) != 3 or (wanted is not None and shape != wanted):
        raise JobError(
            f"{arm.name} did not render uint8 RGB of {wanted or '(h, w, 3)'} for {condition.id}",
            got=f"{dtype} {shape}",
        )
