"""A store with the results of toy runs, as a tracking server is told of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bench.results.artefacts import Artefact
from bench.results.document import RunDocument
from bench.results.table import USAGE, ResultsStore
from bench.results.timing import Timing
from tests import toy_results

DOCUMENT: dict[str, Any] = {
    "created": "2026-01-02T03:04:05+00:00",
    "started": "2026-01-02T03:00:00+00:00",
    "ended": "2026-01-02T03:04:05+00:00",
    "dataset": "phantom",
    "method": "diffmix",
    "variant": "guidance_scale=2.0",
    "preset": "smoke",
    "harness": 1,
    "seeds": 3,
    "request": {"seeds": 3, "store": "/somewhere", "fold": None, "data": {"text": "pathcap"}},
    "config": {"method": {"guidance_scale": 2.0, "sdm": {"width": 32}}},
    "digests": {"train": "a" * 64, "test": "b" * 64, "text": "c" * 64},
    "versions": {"augbench": "0.1.0"},
    "steps": {"old": "train", "fit": "fit", "set": "synthesize"},
    "timings": {
        "old": Timing(
            stage="train",
            started="2026-01-01T00:00:00+00:00",
            ended="2026-01-01T00:01:00+00:00",
            seconds=60,
            reused=True,
        ),
        "fit": Timing(stage="fit", started="2026-01-02T03:00:10+00:00", ended="2026-01-02T03:03:10+00:00", seconds=150),
        "set": Timing(
            stage="synthesize", started="2026-01-02T03:03:10+00:00", ended="2026-01-02T03:04:00+00:00", seconds=50
        ),
    },
    "artefacts": (
        Artefact(kind="part", method="diffmix", stage="fit", key="fit"),
        Artefact(kind="set", method="diffmix", stage="synthesize", key="set", digest="d" * 64),
        Artefact(kind="model", method="real-only", network="hovernet", stage="train", key="old"),
    ),
}


def document(**changes: Any) -> RunDocument:
    return RunDocument.model_validate({**DOCUMENT, **changes})


def make_store(folder: Path, run: str = "run-1", seeds: int = 3, shift: float = 0.0, **changes: Any) -> ResultsStore:
    """Write the results of one run, with curves, usage, and the folder of a trained part."""
    store = ResultsStore(folder)
    store.write(run, toy_results.rows(run=run, seeds=seeds, shift=shift), document(**changes))
    arm = {"method": "diffmix", "variant": "", "fold": "", "network": "hovernet", "seed": 0, "generation": 0}
    lines = [{"name": "hovernet/diffmix/0/loss", "step": step, "value": 1 / (1 + step), **arm} for step in range(1000)]
    lines += [{**lines[0], "value": 7.0}]
    part = {"method": "diffmix", "variant": "", "fold": ""}
    lines += [
        {"name": "fit/sdm/loss", "step": 5, "value": 0.1, **part},
        {"name": "fit/old/loss", "step": 1, "value": 2.0},
    ]
    (store.folder(run) / "curves.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (store.folder(run) / "leaderboard.md").write_text("# table")
    at = 1767322820.0  # 2026-01-02T03:00:20
    samples = [{"time": at + 2 * second, "cpu_utilization_percentage": 50.0 + second} for second in range(3)]
    usage = {"fit": samples, "old": [{"time": 1767225610.0, "cpu_utilization_percentage": 1.0}]}
    (store.folder(run) / USAGE).write_text(json.dumps(usage))
    weights = folder / "jobs" / "fit" / "fit" / "weights.safetensors"
    weights.parent.mkdir(parents=True, exist_ok=True)
    weights.write_bytes(b"weights")
    (weights.parent / "job.json").write_text("{}")
    return store
