"""Stand-ins for outputs of steps that a plan does not do: what the program reads of them to know which steps follow."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bench.digest import digest, write_json
from bench.engine.step import Step
from bench.evaluation.captions import RenderCaptions
from bench.evaluation.masks import RenderMasks
from bench.stages.adapt import Adapt
from bench.stages.judge import FEATURES, SCORES, See
from bench.stages.select import Select
from bench.stages.subset import Subset
from bench.stages.synthesize import Render, Synthesize
from bench.synthetic import EVALUATION, MANIFEST, METADATA, SCHEMA_VERSION, TRAINING, SyntheticRecord


class SeenBefore(NamedTuple):
    """Images that a judge has seen, and the folder of what it saw: stand-ins for other images are made of these."""

    step: See
    folder: Path


def fill(step: Step, key: str, folder: Path, before: SeenBefore | None = None) -> None:
    """Write into a folder what the program reads of the output of a step, as if all images were acceptable.

    Args:
        step: the step.
        key: its key, which is part of what is written.
        folder: where to write.
        before: what the judge of the step has seen in the store, to which its stand-ins must fit.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if isinstance(step, See):
        _fill_seen(step, folder, before)
    elif step.stage == "leakage":  # a plugin
        none = {"copies": [], "share": 0.0, "n": 1, "n_skipped": 0, "n_different": 1, "tiles": [1, 1]}
        write_json(folder / "leakage.json", none)
    elif step.stage == "sources":
        write_json(folder / "windows.json", [])
    elif step.stage == "nearness":
        write_json(folder / "leakage.json", {})
    elif isinstance(step, Adapt):  # the same images at another size
        for name in (MANIFEST, METADATA):
            shutil.copyfile(step.made.folder / name, folder / name)
    elif isinstance(step, Render | Select | Subset):
        _fill_set(step, key, folder)


def _fill_seen(step: See, folder: Path, before: SeenBefore | None) -> None:
    """Write features and scores of images that are typical of their classes."""
    labels = _labels(step)
    n_classes = max(2, labels.max(initial=0) + 1)
    features = np.eye(n_classes, dtype=np.float32)
    if before is not None:
        known, of = np.load(before.folder / FEATURES), _labels(before.step)
        n_classes = max(n_classes, np.load(before.folder / SCORES, mmap_mode="r").shape[1])
        # a class without images has the mean of all
        features = np.stack([known[of == kind if (of == kind).any() else ...].mean(0) for kind in range(n_classes)])
    np.save(folder / FEATURES, features[labels])
    np.save(folder / SCORES, np.eye(n_classes, dtype=np.float32)[labels])


def _labels(step: See) -> np.ndarray:
    records = step.pictures.data.records  # type: ignore[attr-defined]  # of a dataset or of a set
    return np.array([record.label or 0 for record in records], np.int64)


def _fill_set(step: Render | Select | Subset, key: str, folder: Path) -> None:
    """Write the manifest of a set, and the lines of the images that the program looks at."""
    use = EVALUATION if isinstance(step, RenderMasks | RenderCaptions) else TRAINING
    n, arm = _size(step), step.arm
    train = step.data["train"] if isinstance(step, Render) else step.train
    shows = arm.method.conditions
    # a pool is looked at image by image; of other sets, a line is enough to know what comes with the images
    lines = n if arm.method.selections else min(n, 1)
    n_labels = len(train.info.labels)
    wanted = getattr(step, "labels", None) or range(n_labels)
    with (folder / METADATA).open("w", encoding="utf-8") as out:
        for index in range(lines):
            record = SyntheticRecord(
                file_name=f"images/{index}.png",
                group="planned",
                sha256="",
                kind="planned",
                sources={"train": train.ids[0]} if "mask" in shows and use == TRAINING else {},
                crop=(int(key[:6], 16), 0) if "mask" in shows else None,  # of no other set
                height=arm.settings.get("patch_size", 1),
                width=arm.settings.get("patch_size", 1),
                label=wanted[index % len(wanted)] if n_labels else None,
                caption="a caption" if "text" in shows else None,
                types=(1,) if "mask" in shows else None,
                instances="mask" in shows,
            )
            out.write(json.dumps(record.model_dump(mode="json")) + "\n")
    info = {name: value for name, value in vars(train.info).items() if name != "use"} | {"split": "synthetic"}
    content = {"schema_version": SCHEMA_VERSION, "n": n, "digest": digest(["planned", key]), "info": info}
    write_json(folder / MANIFEST, {**content, "method": arm.name, "variant": arm.variant, "use": use})


def _size(step: Render | Select | Subset) -> int:
    if isinstance(step, Synthesize | Subset):
        return step.n
    if isinstance(step, RenderMasks):
        return len(step.masks)
    if isinstance(step, RenderCaptions):
        return step.captions.n
    return int(sum(step.quota)) if isinstance(step, Select) else 1
