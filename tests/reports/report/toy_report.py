"""Hand-made runs with evidence, as a store keeps them: any number of methods and seeds, pictures of realistic size."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from bench.results.artefacts import Artefact
from bench.results.document import RunDocument
from bench.results.evidence import FOLDER, Balance, Confusion, Evidence, Gallery, Picture
from bench.results.table import ResultsStore, ScoreRow
from reports.leaderboard import leaderboard
from reports.report.material import Card, Material, read_runs
from tests import toy_results

CLASSES = ("miscellaneous", "inflammatory", "epithelial", "spindle")
COLOURS = dict(zip(CLASSES, ("#0072b2", "#d55e00", "#009e73", "#cc79a7"), strict=True))
METHODS = ("diffmix", "diffmix-b", "diffmix-e", "gradmix", "sdm", "controlnet-m", "pathdiff-m", "pathdiff-mt")
PATCH, TILE = 192, 384


@dataclass
class Run:
    """One run of a toy store: its method, how much better than the others it is, and how much evidence it keeps."""

    method: str = "diffmix"
    variant: str = ""
    seeds: int = 3
    shift: float = 0.0
    rows: int = 3
    steps: int = 60
    extra: Sequence[ScoreRow] = ()
    fixed: dict[str, object] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return sha256(f"{self.method}{self.variant}{self.fixed}".encode()).hexdigest()[:16]

    @property
    def title(self) -> str:
        return f"{self.method} ({self.variant})" if self.variant else self.method


def fill(store: Path, runs: Sequence[Run], *, evidence: bool = True) -> ResultsStore:
    """Write runs into a store."""
    results = ResultsStore(store)
    for number, run in enumerate(runs):
        results.write(run.key, [*rows(run), *run.extra], document(run, number))
        folder = results.folder(run.key)
        with (folder / "curves.jsonl").open("w") as lines:
            lines.writelines(json.dumps(one) + "\n" for one in curves(run))
        if evidence:
            keep(folder, run)
    return results


def material(results: ResultsStore, **cards: dict[str, Card]) -> Material:
    """Read a store as the command does."""
    table = results.table()
    boards = leaderboard(table, costs=True, rare={"phantom": ("miscellaneous",)})
    return Material(boards, read_runs(results), table, version="0.1.0", **cards)


def rows(run: Run) -> list[ScoreRow]:
    """The rows of a run: scores and distances, with faithfulness, groups, and digests of sets."""
    made = toy_results.rows(run.key, run.method, run.seeds, run.shift, n_groups=14, n_effective=12.0, **run.fixed)
    made = toy_results.changed(made, lambda row: row.method == run.method, variant=run.variant)
    made = [row.model_copy(update={"group_kind": "slide", "n_distinct": row.seeds}) for row in made]
    made = toy_results.changed(made, lambda row: row.kind == "difference", detectable=0.021)
    # copies are below the floor of the split that they are copied from
    made = [
        row.model_copy(update={"standing": "below" if row.method == "copy" else "above"}) if row.floor else row
        for row in made
    ]
    faithful = {"noise": 0.21, run.method: 0.64 + run.shift}
    common = {"run": run.key, "dataset": "phantom", "preset": "smoke", "split": "test", "downstream": "", **run.fixed}
    for arm, value in faithful.items():
        places = [(seed, 1) for seed in range(run.seeds)] + ([(-1, run.seeds)] if run.seeds > 1 else [])
        for seed, seeds in places:
            at = {"generation": seed, "generations": seeds, "method": arm, "seed": 0}
            at |= {"variant": run.variant if arm == run.method else ""}
            interval = {"value": value, "ci_low": value - 0.05, "ci_high": value + 0.04, "ci_method": "groups", "n": 14}
            made.append(ScoreRow(**common, **at, **interval, metric="fs1/image", direction="higher"))
    made.append(toy_results.leak(value=0.0, method=run.method, run=run.key, variant=run.variant, **run.fixed))
    return made


def document(run: Run, number: int = 0) -> RunDocument:
    """The document of a run."""
    request = {"method": run.method, "dataset": "phantom", "preset": "smoke", "seeds": run.seeds, "threads": 2}
    kept = {"dataset": "phantom", "preset": "smoke"} | {
        k: v for k, v in run.fixed.items() if k in ("dataset", "preset")
    }
    return RunDocument(
        **kept,
        method=run.method,
        variant=run.variant,
        seeds=run.seeds,
        created=f"2026-11-{number + 1:02d}T10:00:00+00:00",
        request=request | kept,
        config={"device": "cpu", "precision": "32-true", "method": {"guidance_scale": 1.5}},
        device_name="CPU",
        plugins={f"methods:{run.method}": 1, "downstream:hovernet": 2},
        evaluations={"nuclei": 2, "distances": 2},
        digests={"train": "e1f1fbc6" * 8, "test": "9c116da5" * 8},
        versions={"augbench": "0.1.0", "torch": "2.12.1"},
        artefacts=tuple(
            Artefact(
                kind="set",
                method=run.method,
                variant=run.variant,
                generation=seed,
                stage="synthesize",
                key="0" * 64,
                digest=sha256(f"{run.key}{seed}".encode()).hexdigest(),
            )
            for seed in range(run.seeds)
        ),
    )


def curves(run: Run) -> Iterator[dict[str, object]]:
    """Yield the training curves of the run's networks and of its generator."""
    for number, arm in enumerate(("real-only", "copy", "noise", run.method)):
        for seed in range(run.seeds):
            for term in ("loss", "hv_mse"):
                for step in range(run.steps):
                    value = 2.0 * (1 + 0.1 * number + 0.05 * seed) / (1 + step / 12) + 0.02 * ((step * 7919 + seed) % 5)
                    yield {"name": f"hovernet/{arm}/{seed}/{term}", "step": step, "value": value}
    for step in range(run.steps):
        yield {"name": f"fit/{run.method}/loss", "step": step, "value": 1 / (1 + step / 20)}


def keep(folder: Path, run: Run) -> None:
    """Write the evidence of a run."""
    (folder / FOLDER).mkdir(parents=True, exist_ok=True)
    shown = list(_pictures(folder / FOLDER, run))
    counts = ((0, 12, 30, 25, 9), (4, 60, 9, 3, 1), (11, 4, 410, 33, 6), (9, 2, 28, 690, 14), (12, 1, 5, 21, 350))
    balance = {"miscellaneous": 90, "inflammatory": 900, "epithelial": 1500, "spindle": 700}
    Evidence(
        dataset="phantom",
        method=run.method,
        variant=run.variant,
        pictures=tuple(shown),
        confusions=tuple(
            Confusion(arm=arm, downstream="hovernet", classes=("background", *CLASSES), counts=counts)
            for arm in ("real-only", "copy", "noise", run.title)
        ),
        balances=tuple(
            Balance(arm=arm, unit="nuclei", real=balance, synthetic=dict(zip(CLASSES, added, strict=True)))
            for arm, added in (("copy", (90, 900, 1500, 700)), (run.title, (700, 800, 900, 750)))
        ),
        colours=COLOURS,
    ).write(folder)


def _pictures(folder: Path, run: Run) -> Iterator[Picture]:
    def picture(gallery: Gallery, row: str, column: str, **more: object) -> Picture:
        own = column in (run.title, "nearest training patch", "mask", "found by hovernet") or run.method in column
        side = TILE if gallery == "predictions" else PATCH
        words = f"{gallery}{row}{column}{run.title if own else ''}"
        name = f"{sha256(words.encode()).hexdigest()[:24]}.webp"
        (folder / name).write_bytes(_image(side, int(name[:4], 16) % 12))
        alt = f"{column}: 8 nuclei, 5 epithelial, 3 spindle"
        return Picture(gallery=gallery, row=row, column=column, file=name, alt=alt, **more)  # type: ignore[arg-type]

    arms = ("real-only", run.title)
    for n in range(run.rows):
        patch = f"t{n}, row {40 * n}, column {32 * n}"
        for column in ("real", f"{run.title}: enlarging", f"{run.title}: balancing"):
            yield picture("labels", patch, column, outlines=True)
        for column in ("real", "noise", run.title):
            yield picture("same-mask", patch, column, note="" if column == "real" else "FS1 .64")
        for column in ("test tile", "truth", *arms, "copy", "noise"):
            yield picture("predictions", f"t{n}", column, outlines=column != "test tile", note="PQ .41")
        for column in ("real", run.title):
            words = "Sheets of epithelial cells around a gland, with scattered lymphocytes in the stroma."
            yield picture("captions", f"cap-{n}", column, caption=words)
        for column in (run.title, "nearest training patch"):
            yield picture("copies", f"s{n}", column, value=-0.9 + 0.1 * n, note=f"correlation .{9 - n}0")
        for column in (run.title, "mask", "found by hovernet"):
            yield picture(
                "faithfulness", f"s{n}", column, value=0.1 * n, outlines=column != run.title, note=f"FS1 .{n}0"
            )
    for kind in CLASSES:
        for column in ("real", run.title):
            yield picture("classes", kind, column)
    for pair in ("miscellaneous taken for epithelial", "spindle taken for epithelial"):
        for column in arms:
            yield picture("confusions", pair, column, note="41 nuclei")


@cache
def _image(side: int, seed: int) -> bytes:
    """A picture as busy as tissue: texture, noise, and dark ellipses."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(0, 1, (side // 6, side // 6, 1)) * np.array([18, 26, 12])
    base = np.clip(np.array([226, 170, 204]) + noise, 0, 255).astype(np.uint8)
    image = Image.fromarray(base).resize((side, side), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(image)
    for _ in range(side * side // 900):
        x, y, w, h = *rng.uniform(0, side, 2), *rng.uniform(8, 18, 2)
        shade = rng.uniform(0.8, 1.25)
        draw.ellipse((x, y, x + w, y + h), fill=tuple(int(min(255, shade * c)) for c in (96, 62, 132)))
    image = image.filter(ImageFilter.GaussianBlur(0.7))
    grained = np.clip(np.asarray(image, float) + rng.normal(0, 5, (side, side, 3)), 0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(grained).save(buffer, format="WEBP", quality=90, method=2)
    return buffer.getvalue()
