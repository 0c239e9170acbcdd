"""Writers of the official folder layouts, from toy tiles."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.io import savemat

from bench.config.files import folder
from bench.datasets.card import DatasetCard, SplitCounts, read_card
from bench.datasets.checks.verify import VerifyReport
from bench.datasets.source import Finding
from tests.toy import tile

# merged id of the toy -> raw ids of the publication
CONSEP_RAW = {1: (1,), 2: (2,), 3: (3, 4), 4: (5, 6, 7)}
GLYSAC_RAW = {1: (1, 2, 9, 10), 2: (4, 5, 6, 7), 3: (3, 8)}


@dataclass(frozen=True)
class Written:
    """What a tile must come back as."""

    image: np.ndarray
    instances: np.ndarray
    types: np.ndarray


def others(report: VerifyReport) -> list[Finding]:
    """Return the findings that are not about the groups of the test split, which toys have few of."""
    return [item for item in report.findings if "intervals" not in item.message]


def shipped_card(name: str) -> DatasetCard:
    return read_card(folder() / "datasets" / f"{name}.yaml")


def toy_card(name: str, truth: dict[str, dict[str, Written]], **changes: object) -> DatasetCard:
    """Return a shipped card whose published counts are those of toy tiles."""
    card = shipped_card(name)
    expected = {}
    for split, tiles in truth.items():
        counts = Counter(int(kind) for item in tiles.values() for kind in item.types)
        nuclei = {card.classes[index]: counts[index] for index in card.classes}
        expected[split] = SplitCounts(tiles=len(tiles), nuclei=nuclei)
    return card.model_copy(update={"expected": expected, **changes})


def write_split(
    root: Path,
    split: str,
    stems: list[str],
    *,
    raw: dict[int, tuple[int, ...]] | None = None,
    n_classes: int = 4,
    suffix: str = ".png",
    alpha: bool = False,
    size: int = 64,
) -> dict[str, Written]:
    """Write one split; `raw` gives the ids to store for each merged class, in turn (None: merged ids)."""
    truth = {}
    for number, stem in enumerate(stems):
        image, instances, types = tile(100 * len(split) + number, size, density=0.01)
        types = np.minimum(types, n_classes).astype(np.uint8)
        stored = types if raw is None else np.array([raw[k][i % len(raw[k])] for i, k in enumerate(types)])
        write_image(root / split / "Images" / f"{stem}{suffix}", image, alpha=alpha)
        write_mat(root / split / "Labels" / f"{stem}.mat", instances, stored)
        truth[stem] = Written(image, instances, types)
    return truth


def write_image(path: Path, image: np.ndarray, *, alpha: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if alpha:
        # transparent everywhere: compositing instead of dropping alpha would blank the image
        image = np.dstack([image, np.full(image.shape[:2], 7, np.uint8)])
    Image.fromarray(image).save(path)


def write_mat(path: Path, instances: np.ndarray, stored: np.ndarray, step: int = 3, **changes: object) -> None:
    """Write the four official keys as float64; ids go up in steps, to be renumbered."""
    path.parent.mkdir(parents=True, exist_ok=True)
    type_map = np.concatenate([[0], stored])[instances]
    ids = range(1, len(stored) + 1)
    centres = [[np.nonzero(instances == i)[1].mean(), np.nonzero(instances == i)[0].mean()] for i in ids]
    content = {
        "inst_map": (instances * step).astype(np.float64),
        "type_map": type_map.astype(np.float64),
        "inst_type": np.asarray(stored, np.float64)[:, None],
        "inst_centroid": np.array(centres).reshape(-1, 2),
        **changes,
    }
    savemat(path, {key: value for key, value in content.items() if value is not None}, do_compression=True)


def write_consep(root: Path, *, raw: bool = True, **options: object) -> dict[str, dict[str, Written]]:
    """Write a toy CoNSeP: 12 training tiles (so that order matters) and 3 test tiles."""
    ids = CONSEP_RAW if raw else None
    return {
        name: write_split(root, name.capitalize(), [f"{name}_{i}" for i in range(1, n + 1)], raw=ids, **options)
        for name, n in (("train", 12), ("test", 3))
    }


def write_glysac(root: Path, *, raw: bool = True, **options: object) -> dict[str, dict[str, Written]]:
    """Write a toy GLySAC: two slides to train, one to test."""
    ids = GLYSAC_RAW if raw else None
    stems = {
        "train": ["AGC1_tumor_1", "AGC1_tumor_2", "EGC1_new_tumor_1", "EGC1_normal_2"],
        "test": ["AGC2_tumor_1", "AGC2_tumor_10"],
    }
    options = {"suffix": ".tif", **options}
    return {
        name: write_split(root, name.capitalize(), names, raw=ids, n_classes=3, **options)
        for name, names in stems.items()
    }


class Counted:
    """A progress that counts what was advanced."""

    def __init__(self) -> None:
        self.stages: dict[str, tuple[int, int]] = {}

    @contextmanager
    def __call__(self, stage: str, total: int, /, *, done: int = 0, unit: str = "step"):
        self.stages[stage] = (done, total)
        owner = self

        class Running:
            def advance(self, n: int = 1, **values: float) -> None:
                owner.stages[stage] = (owner.stages[stage][0] + n, total)

        yield Running()
