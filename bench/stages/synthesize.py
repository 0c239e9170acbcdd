"""Stages *fit* and *synthesize*: parts are trained once and shared; sets are rendered in chunks and sealed."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from bench.config import Preset
from bench.contract import Condition, Dataset, Part
from bench.engine.context import Run, derive_seed
from bench.engine.job import Finished
from bench.engine.session import Session
from bench.errors import BenchError, JobError
from bench.plan.arms import Arm
from bench.stages.adapt import adapt
from bench.synthetic import TRAINING, SyntheticSet, SyntheticSetWriter
from bench.track import track_of

# Part of the key: images rendered in batches of another size differ in their last bits.
CHUNK = 32
GENERATOR_SEED = 0
_VERSIONS = ("augbench", "numpy", "torch", "opencv-python-headless", "scikit-image", "diffusers")


def fit_parts(session: Session, arm: Arm, data: Mapping[str, Dataset]) -> dict[str, Finished]:
    """Train what a method needs, each part a job whose key holds no method name."""
    fitted: dict[str, Finished] = {}
    for part in arm.method.parts():
        inputs = {f"data:{role}": data[role].digest for role in sorted(part.reads)}
        inputs |= {f"part:{name}": fitted[name].key for name in part.needs}
        config = {"part": part.name, **part.config.model_dump(mode="json")}
        job = session.torch("fit", config, inputs, part.name, GENERATOR_SEED)

        def work(folder: Path, run: Run, part: Part = part) -> None:
            needed = {name: fitted[name].path for name in part.needs}
            reads = {role: data[role] for role in part.reads}
            arm.method.fit(part, reads, needed, folder, run)

        fitted[part.name] = session.do(job, work)
    return fitted


def set_size(arm: Arm, train: Dataset, preset: Preset) -> int:
    """Return how many patches an arm adds: its ratio of the real patches, at most what the preset allows."""
    wanted = round(arm.method.ratio * len(train) * track_of(train.info).patches(preset.patches_per_tile))
    return wanted if preset.max_samples is None else min(wanted, preset.max_samples)


def synthesize(
    session: Session,
    arm: Arm,
    data: Mapping[str, Dataset],
    fitted: Mapping[str, Finished],
    preset: Preset,
    seed: int,
) -> tuple[Finished, SyntheticSet] | None:
    """Plan, render and seal the set of one seed, or adapt one that is there; None for an arm that adds nothing."""
    train = data["train"]
    if arm.ready is not None:
        return adapt(session, arm.ready, train, preset)
    n = set_size(arm, train, preset)
    if n == 0:
        return None
    return synthesize_pool(session, arm, data, fitted, n, seed, f"seed {seed}")


def synthesize_pool(
    session: Session,
    arm: Arm,
    data: Mapping[str, Dataset],
    fitted: Mapping[str, Finished],
    n: int,
    seed: int,
    title: str,
    labels: Sequence[int] | None = None,
) -> tuple[Finished, SyntheticSet]:
    """Plan, render and seal `n` images under a seed; how an arm chooses from them is no part of the key.

    With `labels`, what is planned for other classes is not drawn, and more is planned in its place.
    """
    method = arm.method
    inputs = {f"data:{role}": data[role].digest for role in sorted(method.roles)}
    inputs |= {f"part:{name}": finished.key for name, finished in fitted.items()}
    config = {"method": arm.name, "config": settings_of(arm), "n": n, "chunk": chunk_of(arm)}
    config |= {} if labels is None else {"labels": list(labels)}
    describe = session.torch if fitted else session.numeric
    job = describe("synthesize", config, inputs, f"{arm.title}, {n} patches, {title}", seed)

    def work(folder: Path, run: Run) -> None:
        read = {role: data[role] for role in method.roles}
        more = 1 if labels is None else len(data["train"].info.labels)
        planned = method.plan(read, more * n, run.rng("plan"))
        conditions = list(itertools.islice((c for c in planned if labels is None or c.label in labels), n))
        if len(conditions) != n:
            raise JobError(f"expected {arm.name} to plan {n} patches", got=str(len(conditions)))
        render_set(arm, conditions, read, fitted, folder, run, use=TRAINING)

    finished = session.do(job, work)
    return finished, SyntheticSet(finished.path)


def render_set(
    arm: Arm,
    conditions: Sequence[Condition],
    data: Mapping[str, Dataset],
    fitted: Mapping[str, Finished],
    folder: Path,
    run: Run,
    *,
    use: str,
) -> None:
    """Render conditions chunk by chunk, going on where a killed attempt stopped, and seal the set for one use."""
    train, n = data["train"], len(conditions)
    begun = time.perf_counter()
    writer = SyntheticSetWriter(folder, train.info, dict(zip(train.ids, train.groups, strict=True)))
    size = chunk_of(arm)
    chunks = [range(start, min(start + size, n)) for start in range(0, n, size)]
    open_chunks = [chunk for chunk in chunks if not all(writer.has(index) for index in chunk)]
    done = n - sum(len(chunk) for chunk in open_chunks)
    with run.progress(f"render {arm.name}", n, done=done, unit="image") as progress:
        for chunk in open_chunks:
            _render_chunk(arm, [conditions[i] for i in chunk], chunk, data, fitted, writer, run)
            progress.advance(len(chunk))
    writer.seal(
        n,
        {
            "method": arm.name,
            "variant": arm.variant,
            "config": settings_of(arm),
            "seed": run.seed,
            "dataset_digest": train.digest,
            "dataset": train.info.name,
            "parts": {name: finished.key for name, finished in fitted.items()},
            "versions": package_versions(),
            "use": use,
            "cost": {
                "seconds": time.perf_counter() - begun,
                "fit_seconds": sum(finished.cost["seconds"] for finished in fitted.values()),
            },
        },
    )


def _render_chunk(
    arm: Arm,
    conditions: list[Condition],
    chunk: range,
    data: Mapping[str, Dataset],
    fitted: Mapping[str, Finished],
    writer: SyntheticSetWriter,
    run: Run,
) -> None:
    """Render one chunk with a seed of its own and write its samples."""
    inside = Run(
        derive_seed(run.seed, "render", chunk.start),
        run.device,
        run.precision,
        run.threads,
        run.workers,
        run.folder,
        run.reporter,
    )
    paths = {name: finished.path for name, finished in fitted.items()}
    images = arm.method.render(conditions, data, paths, inside)
    for index, condition, image in zip(chunk, conditions, images, strict=True):
        _check_image(arm, condition, image)
        writer.write(index, condition, image)


def _check_image(arm: Arm, condition: Condition, image: object) -> None:
    shape, dtype = getattr(image, "shape", None), str(getattr(image, "dtype", type(image).__name__))
    wanted = None if condition.instances is None else (*condition.instances.shape, 3)
    if dtype != "uint8" or shape is None or len(shape) != 3 or (wanted is not None and shape != wanted):
        raise BenchError(
            f"expected {arm.name} to render uint8 RGB of {wanted or '(h, w, 3)'} for {condition.id}",
            got=f"{dtype} {shape}",
        )


def chunk_of(arm: Arm) -> int:
    """Return how many conditions a method is given at once: `CHUNK`, unless it says otherwise."""
    return int(getattr(arm.method, "chunk", CHUNK))


def settings_of(arm: Arm) -> object:
    """Return the settings of a method as JSON; how arms choose from its pool is no part of what it draws."""
    return arm.method.config.model_dump(mode="json", exclude={"selection"} if arm.selection is not None else None)


def package_versions() -> dict[str, str]:
    """Return the installed versions of what numbers depend on."""
    found = {}
    for name in _VERSIONS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
