"""`bench run`: how the data of roles and ratios are given."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bench import cli
from methods.controls import Copy


@pytest.mark.parametrize(
    ("options", "error", "got"),
    [
        (["--data", "text"], "--data does not have the form ROLE=NAME", "text"),
        (["--data", "=pathcap"], "--data does not have the form ROLE=NAME", "=pathcap"),
        (["--data", "text=a", "--data", "text=b"], "Two datasets are given for the role 'text'", "a and b"),
        (["--data", "pool=a", "--pool-dataset", "b"], "Two datasets are given for the role 'pool'", "a and b"),
        (["--ratios", "1,two"], "--ratios is not a list of numbers", "1,two"),
        (
            ["--ratios", "1,2", "--set", "method.ratio=3"],
            "The ratio is given twice, by --ratios and as a setting",
            "method.ratio=3",
        ),
        (["--data", "txet=phantom"], "No method of this run reads data of the role that --data names", "'txet'"),
    ],
)
def test_what_is_wrong_is_refused_in_three_lines(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    error: str,
    got: str,
) -> None:
    asked = ["run", "--method", "copy", "--dataset", "phantom", "--preset", "tiny", *options]
    monkeypatch.setattr(sys, "argv", ["bench", *asked])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == f"error: {error}"
    assert lines[1].split(maxsplit=1) == ["got:", got]
    assert lines[2].startswith("fix:")


def test_a_dry_run_says_what_could_be_found_and_does_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    asked = [
        "--method",
        "gradmix",
        "--dataset",
        "phantom",
        "--preset",
        "tiny",
        "--seeds",
        "3",
        "--generator-seeds",
        "2",
    ]
    monkeypatch.setattr(sys, "argv", ["bench", "run", *asked, "--dry-run", "--store", str(tmp_path / "store")])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert not caught.value.code
    said = capsys.readouterr().out
    assert "gradmix on phantom" in said
    assert "phantom: 0.0" in said
    assert "8 test groups: slide; 3 seeds" in said
    assert "changes only what gradmix draws" in said
    assert not (tmp_path / "store").exists()


def test_two_numbers_of_generators_and_sets_are_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["--method", "copy", "--dataset", "phantom", "--generator-seeds", "3", "--generation-seeds", "2"]
    monkeypatch.setattr(sys, "argv", ["bench", "run", *asked])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == 2
    error, got, fix = capsys.readouterr().err.splitlines()[:3]
    assert "the numbers differ" in error
    assert "generator_seeds=3, generation_seeds=2" in got
    assert "give only --generator-seeds 3" in fix


def test_ctrl_c_says_how_to_continue(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Copy, "render", interrupted)
    code, said = bench(monkeypatch, capsys, "-q", *COPY, "--store", str(tmp_path))
    assert code == 130
    assert said == ["interrupted; the same command goes on from here"]


def test_an_error_of_a_run_names_its_log_which_has_the_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def render_nothing(*_: object) -> None:
        raise ValueError("no ink")

    monkeypatch.setattr(Copy, "render", render_nothing)
    code, said = bench(monkeypatch, capsys, *COPY, "--quiet", "--store", str(tmp_path))
    assert code == 1
    assert [line[:6] for line in said] == ["error:", "got:  ", "fix:  ", "step: ", "log:  "]
    assert "the traceback is in the log" in said[2]
    (record,) = (tmp_path / "failures").iterdir()
    assert said[3] == f"step:  synthesize: copy, 8 patches, seed 0 (see {record})"
    assert "ValueError: no ink" in (record / "error.txt").read_text(encoding="utf-8")
    (log,) = (tmp_path / "logs").glob("*-copy-phantom.log")
    assert said[4] == f"log:   {log}"
    text = log.read_text(encoding="utf-8")
    assert "command: bench --quiet run" in text or "command: bench run" in text
    for part in (
        "python 3.",
        "preset: tiny",
        "step 1 of ",
        "prepare: phantom, train",
        "Traceback",
        "ValueError: no ink",
    ):
        assert part in text


COPY = ("run", "--method", "copy", "--controls", "", "--dataset", "phantom", "--preset", "tiny", "--no-tracking")


def bench(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> tuple[object, list[str]]:
    monkeypatch.setattr(sys, "argv", ["bench", *arguments])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    return caught.value.code, capsys.readouterr().err.splitlines()
