"""What a step keeps of its times and of the machine, over several attempts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.engine.step import Place
from bench.engine.store import Store
from bench.engine.usage import LIMIT, Usage
from tests.bench.engine.toy_steps import Toy


def test_a_step_starts_with_its_first_attempt_and_ends_with_its_last(tmp_path: Path) -> None:
    store, step = Store(tmp_path), Toy(place=Place(), seed=3)

    def fail(folder: Path) -> None:
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        store.run(step, fail)
    kept = store.path(step).with_suffix(".partial") / "cost.json"
    known = json.loads(kept.read_text())
    sample = {"time": 1.0, "cpu_utilization_percentage": 7.0}
    kept.write_text(json.dumps({**known, "started": "2020-01-01T00:00:00.000+00:00", "usage": [sample]}))
    done = store.run(step, lambda folder: (folder / "x").touch())
    document = json.loads((done.path / "job.json").read_text())
    assert document["started"] == "2020-01-01T00:00:00.000+00:00"
    assert document["ended"] > known["started"]
    assert document["usage"] == [sample]


def test_samples_have_times_and_stay_few(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("bench.engine.usage.time.time", lambda: now)
    usage = Usage("cpu", 2.0)
    for _ in range(10 * LIMIT):
        usage.look()
        now += 1.0
    times = [sample["time"] for sample in usage.samples]
    assert LIMIT / 4 < len(times) < LIMIT
    assert times == sorted(times)
    assert times[-1] - times[0] > 8 * LIMIT  # the whole step, not its end
    assert 0 < usage.samples[0]["system_memory_usage_percentage"] <= 100
