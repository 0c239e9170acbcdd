"""`bench check` on runs through the command line: a broken metric and a worse model fail, a rerun passes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import metrics.classification
from tests.golden import runs

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
BUDGET = 40


def run(store: Path) -> Path:
    options = ("--preset", "tiny", "--seeds", "1", "--threads", "1", "--device", "cpu", "--no-tracking")
    settings = ("--set", f"budget.amount={BUDGET}", "--set", "reference_samples=48")
    subject = ("--method", "real-only", "--controls", "", "--dataset", str(runs.TISSUE))
    runs.bench("run", *subject, *options, *settings, "--store", str(store))
    return store


@pytest.fixture(scope="module")
def baseline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gate")
    path = folder / "baseline.csv"
    runs.bench("check", "--update", str(path), "--store", str(run(folder / "store")))
    return path


def check(baseline: Path, store: Path) -> None:
    runs.bench("check", str(baseline), "--store", str(store), "--no-github")


def test_a_rerun_passes(baseline: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check(baseline, run(tmp_path / "store"))
    assert "no change" in capsys.readouterr().out


def test_a_broken_metric_fails(
    baseline: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    right: Callable[..., Any] = metrics.classification.accuracy
    monkeypatch.setattr(metrics.classification, "accuracy", lambda flat: 0.9 * right(flat))
    store = run(tmp_path / "store")
    with pytest.raises(RuntimeError, match="ended with 3"):
        check(baseline, store)
    out = capsys.readouterr().out
    assert "| accuracy | golden-tissue, real-only, vit, test |" in out
    assert "f1\\_macro" not in out.partition("## The 10 samples")[0]


def test_a_model_that_is_trained_for_fewer_steps_fails(
    baseline: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mistake in the network's schedule: the request, and so the rows, say the same budget."""
    monkeypatch.setattr("downstream.vit.fit.steps_of", lambda budget, images, batch: 2)
    store = run(tmp_path / "store")
    with pytest.raises(RuntimeError, match="ended with 3"):
        check(baseline, store)
    out = capsys.readouterr().out
    assert "| accuracy | golden-tissue, real-only, vit, test |" in out
    assert "## The 10 samples that moved most" in out
