"""`bench suite` as a person meets it: the plan, the summary, exit codes, and that a finished suite does no work."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench import cli
from methods.controls import Copy
from tests.bench.suite.suites import TINY, write

LINES = ({"method": "copy"}, {"label": "half", "method": "copy", "set": {"method.ratio": 0.5}})


def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str | Path
) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["bench", *map(str, arguments)])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    said = capsys.readouterr()
    return int(caught.value.code or 0), said.out, said.err


def options(folder: Path) -> tuple[str | Path, ...]:
    return ("--threads", "1", "--no-tracking", "--store", folder / "store")


@pytest.mark.slow
def test_a_suite_from_plan_to_summary(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    published = {"layout": "diffmix-table1", "stand_in": {"consep": "phantom"}}
    path = write(tmp_path, *LINES, published=published)
    code, out, _ = run(monkeypatch, capsys, "suite", path, "--dry-run", *options(tmp_path))
    assert code == 0
    assert "Mine: 2 runs" in out
    for said in ("copy (ratio=0.5)", "real-only, copy", "prepare phantom, train", "estimate:"):
        assert said in " ".join(out.split()), said
    assert not (tmp_path / "store").exists()

    with monkeypatch.context() as patch:
        patch.setattr(Copy, "render", lambda *_: (_ for _ in ()).throw(ValueError("no ink")))
        code, out, err = run(monkeypatch, capsys, "suite", path, "--only", "half", *options(tmp_path))
    assert code == 1
    assert "no ink" in err
    assert "1 run: 1 failed" in out
    for said in ("step: synthesize: copy", "/failures/", "/logs/"):
        assert said in " ".join(out.split()), said

    code, out, err = run(monkeypatch, capsys, "suite", path, *options(tmp_path))
    assert code == 0
    assert "run 2 of 2: half" in err
    assert "2 runs: 2 done" in out
    assert "DiffMix, table 1" in out
    assert "phantom stands for CoNSeP" in out
    assert (
        out.count("phantom · tiny+budget.amount=2 budget.unit=steps · steps:2  random") == 1
    )  # one leaderboard for both runs

    # tests/benchmarks/bench_startup.py measures the seconds; here is what would make them many
    command = [sys.executable, "-X", "importtime", "-m", "bench", "suite", path, *options(tmp_path)]
    again = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "2 runs: 2 found" in again.stdout
    imported = {line.rpartition("|")[2].strip() for line in again.stderr.splitlines() if line.startswith("import time")}
    assert "pandas" in imported
    assert not imported & {"torch", "mlflow", "requests", "lightning_fabric", "skimage"}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({"metod": "copy"}, "did you mean 'method'"),
        ({"method": "cpoy"}, "did you mean 'copy'"),
        ({"method": "copy", "set": {"method.grd": 3}}, "grid"),
        ({"method": "copy", "dataset": "glysac"}, "--data-root"),
    ],
)
def test_a_wrong_file_ends_in_three_lines_and_code_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, line: dict, said: str
) -> None:
    path = write(tmp_path, line, defaults=TINY)
    code, _, err = run(monkeypatch, capsys, "suite", path, *options(tmp_path))
    lines = err.splitlines()
    assert code == 2
    assert [text[:6] for text in lines] == ["error:", "got:  ", "fix:  "]
    assert said in lines[2]
    assert not (tmp_path / "store").exists()


def test_a_dry_run_lists_what_is_missing_and_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = write(tmp_path, {"method": "copy"}, {"label": "far", "method": "copy", "dataset": "glysac"})
    code, out, _ = run(monkeypatch, capsys, "suite", path, "--dry-run", *options(tmp_path))
    assert code == 0
    said = " ".join(out.split())
    assert "prepare glysac, train" in said
    assert "missing on this machine: 1. run 'far': GLySAC" in said
    assert not (tmp_path / "store").exists()
    code, out, _ = run(monkeypatch, capsys, "suite", path, "--dry-run", "--json", *options(tmp_path))
    plan = json.loads(out)
    assert code == 0
    assert (plan["paper"] + plan["controls"], plan["cached"]) == (len(plan["steps"]), 0)
    assert [one["what"][:10] for one in plan["missing"]] == ["run 'far':"]
    code, _, err = run(monkeypatch, capsys, "suite", path, "--json", *options(tmp_path))
    assert (code, "add --dry-run" in err) == (2, True)


def test_suites_are_listed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(monkeypatch, capsys, "list", "suites")
    assert code == 0
    assert "histodiffusion_table1_smoke" in out
