"""`bench store push` and `pull` of results: rows, documents and folders, verified, the document last."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import time
from pathlib import Path

import pytest
from fsspec.implementations.local import LocalFileSystem

from bench.cli import app
from bench.digest import digest_file, write_json
from bench.engine.step import Place
from bench.engine.store import Store
from bench.engine.store.lease import Lease
from bench.results.document import RunDocument
from bench.results.table import ResultsStore
from bench.run.publishing import publishing
from tests import toy_results
from tests.bench.cli.typed import typed
from tests.bench.engine.toy_steps import Toy

RUN = "r0"
STEP = Toy(place=Place(), seed=1)


def work(folder: Path) -> None:
    (folder / "result.txt").write_text("42")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A store with a step and the results of a run that refers to it."""
    root = tmp_path / "store"
    Store(root).run(STEP, work)
    results = ResultsStore(root)
    (results.folder(RUN) / "evidence").mkdir(parents=True)
    (results.folder(RUN) / "evidence" / "a.json").write_text("{}")
    document = RunDocument(dataset="phantom", method="diffmix", preset="smoke", steps={STEP.key: STEP.stage})
    results.write(RUN, toy_results.rows(RUN), document)
    return root


@pytest.fixture
def far(tmp_path: Path) -> Path:
    return tmp_path / "far"


@pytest.fixture
def other(tmp_path: Path) -> Path:
    return tmp_path / "other"


def run(command: str, far: Path, store: Path) -> str:
    return typed(app, "store", command, f"file://{far}", "--store", store)[0]


def test_the_leaderboard_of_a_store_that_was_pulled_shows_the_rows(root: Path, far: Path, other: Path) -> None:
    assert "results of runs: sent: 1" in run("push", far, root)
    assert "results of runs: there: 1" in run("push", far, root)
    assert "results of runs: fetched: 1" in run("pull", far, other)
    assert "results of runs: there: 1" in run("pull", far, other)
    boards = [typed(app, "leaderboard", "--store", store)[0] for store in (root, other)]
    assert "diffmix" in boards[0]
    assert boards[0] == boards[1]
    for name in (f"{RUN}.json", f"{RUN}.parquet", f"{RUN}/evidence/a.json"):
        assert digest_file(other / "results" / name) == digest_file(root / "results" / name)
    assert sorted(path.name for path in (other / "results").iterdir()) == [RUN, f"{RUN}.json", f"{RUN}.parquet"]
    entry, then = Store(other).path(STEP), time.time() - 1e6
    for path in (entry, entry / "job.json", other / "checked" / STEP.stage / STEP.key):
        os.utime(path, (then, then))
    typed(app, "store", "gc", "--store", other, "--yes")
    assert Store(other).find(STEP) is not None


@pytest.mark.parametrize("name", [f"{RUN}.json", f"{RUN}.parquet", f"{RUN}.sums", f"{RUN}/evidence/a.json"])
@pytest.mark.parametrize("damage", ["changed", "lost"])
def test_results_that_arrive_changed_are_refused(root: Path, far: Path, other: Path, name: str, damage: str) -> None:
    run("push", far, root)
    if damage == "changed":
        (far / "results" / name).write_bytes((far / "results" / name).read_bytes()[:-1] + b" ")
    else:
        (far / "results" / name).unlink()
    if (name, damage) == (f"{RUN}.json", "lost"):
        run("pull", far, other)  # without its document, a run does not count
    else:
        with pytest.raises(SystemExit) as caught:
            run("pull", far, other)
        assert caught.value.code == 1
        assert list((other / "results").iterdir()) == []
    assert ResultsStore(other).runs() == ()
    if damage == "lost":
        assert "results of runs: sent: 1" in run("push", far, root)
        assert "results of runs: fetched: 1" in run("pull", far, other)


def test_sums_cannot_name_files_outside_or_another_run(root: Path, far: Path, other: Path) -> None:
    run("push", far, root)
    sums = far / "results" / f"{RUN}.sums"
    whole = json.loads(sums.read_text())
    for name in (f"{RUN}/../../../escaped", "/escaped", f"{RUN}/", "r1/x"):
        write_json(sums, {**whole, name: [1, "0" * 64]})
        with pytest.raises(SystemExit):
            run("pull", far, other)
        assert list((other / "results").iterdir()) == []
    shutil.rmtree(far)
    ResultsStore(root).write("r1", toy_results.rows(RUN), RunDocument(dataset="d", method="m", preset="smoke"))
    run("push", far, root)
    with pytest.raises(SystemExit):
        run("pull", far, other)
    assert ResultsStore(other).runs() == (RUN,)


def in_place_of_a_file(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("name", [f"results/{RUN}.parquet", f"results/{RUN}.sums", f"jobs/fit/{STEP.key}/result.txt",
                                  f"jobs/fit/{STEP.key}/job.json"])  # fmt: skip
def test_a_folder_in_the_place_of_a_file_stops_nothing_else(root: Path, far: Path, other: Path, name: str) -> None:
    run("push", far, root)
    in_place_of_a_file(far / name)
    (far / "results" / f"{'q' * 240}.json").write_text("{}")  # no run of ours
    with pytest.raises(SystemExit):
        run("pull", far, other)
    assert ResultsStore(other).has(RUN) is name.startswith("jobs")
    assert (Store(other).find(STEP) is not None) is name.startswith("results")
    assert [path.name for path in other.rglob(".*")] == []


@pytest.mark.parametrize("name", [f"{RUN}/evidence", f"{RUN}/evidence/a.json/b", f"{RUN}/{'x' * 300}"])
def test_names_that_no_files_can_have_together_are_broken(root: Path, far: Path, other: Path, name: str) -> None:
    run("push", far, root)
    sums = far / "results" / f"{RUN}.sums"
    write_json(sums, {**json.loads(sums.read_text()), name: [1, "0" * 64]})
    with pytest.raises(SystemExit):
        run("pull", far, other)
    assert list((other / "results").iterdir()) == []
    assert Store(other).find(STEP) is not None


def test_an_interrupted_transfer_leaves_no_run_that_seems_whole(
    root: Path, far: Path, other: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = LocalFileSystem.cp_file

    def interrupted(self: LocalFileSystem, source: str, target: str, **rest: object) -> None:
        if f"{RUN}.json" in source:
            raise ConnectionError("the line is dead")
        copy(self, source, target, **rest)

    with monkeypatch.context() as patch:
        patch.setattr(LocalFileSystem, "put_file", interrupted)
        with pytest.raises(ConnectionError):
            run("push", far, root)
    assert not (far / "results" / f"{RUN}.json").exists()
    run("push", far, root)
    with monkeypatch.context() as patch:
        patch.setattr(LocalFileSystem, "get_file", interrupted)
        with pytest.raises(ConnectionError):
            run("pull", far, other)
    assert list((other / "results").iterdir()) == []
    run("pull", far, other)
    assert ResultsStore(other).has(RUN)


def test_results_that_are_broken_here_are_made_good_and_not_sent(root: Path, far: Path, other: Path) -> None:
    run("push", far, root)
    run("pull", far, other)
    (other / "results" / f"{RUN}.parquet").write_bytes(b"")
    assert "skipped: results r0" in run("push", far.with_name("third"), other)
    assert not (far.with_name("third") / "results").exists()
    assert "results of runs: fetched: 1" in run("pull", far, other)
    assert ResultsStore(other).has(RUN)


def test_results_are_published_on_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with publishing(tmp_path, RUN):
        assert not Lease(tmp_path, f"results-{RUN}").acquire_now(lambda path: False)
    assert list((tmp_path / "leases").iterdir()) == []
