"""`bench store`: what is shown, what is swept and what stays, what is verified and what travels."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.cli import app
from bench.digest import write_json
from bench.engine.step import Place
from bench.engine.store import Store
from bench.engine.store.lease import Lease
from bench.errors import ConfigError, DataError
from bench.results.document import RunDocument
from bench.results.table import ResultsStore
from tests import toy_results
from tests.bench.cli.typed import typed
from tests.bench.engine.toy_steps import OtherStage, Toy

KINDS = {"finished", "unfinished", "broken", "lease", "lock", "mark", "incoming", "trash"}


def make(seed: int = 1, kind: type[Toy] = Toy) -> Toy:
    return kind(place=Place(), seed=seed)


def work(folder: Path) -> None:
    (folder / "images").mkdir()
    (folder / "images" / "a.bin").write_bytes(b"x" * 5000)


def let_pass(root: Path, step: Toy, hours: float) -> None:
    """Make a finished step older."""
    folder, then = Store(root).path(step), time.time() - 3600 * hours
    for path in (folder, folder / "job.json", root / "checked" / step.stage / step.key):
        os.utime(path, (then, then))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A store: steps of one run, of two, of none that is old, of none that is new, and of an import; leftovers."""
    root = tmp_path / "store"
    store = Store(root)
    steps = [make(1), make(2), make(3), make(4), make(5, OtherStage)]
    for step in steps:
        store.run(step, work)
    let_pass(root, steps[2], hours=1e5)
    (root / "results").mkdir()
    for run, keys in (("one", (1,)), ("two", (1, 2))):
        document = RunDocument(
            dataset="d", method="m", preset="tiny", run=run, steps={make(n).key: "fit" for n in keys}
        )
        write_json(root / "results" / f"{run}.json", document.model_dump(mode="json"))
    (root / "imports" / "d").mkdir(parents=True)
    write_json(root / "imports" / "d" / "mine.json", {"folder": f"jobs/train/{steps[4].key}"})
    (root / "jobs" / "fit" / f"{make(6).key}.partial").mkdir()
    for name in (f"locks/{make(7).key}.lock", f"broken/fit/{make(8).key}-1/x", f"incoming/{make(9).key}.fit/x",
                 f"checked/fit/{make(10).key}", "trash/x/y"):  # fmt: skip
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("left over")
    os.utime(root / "checked" / "fit" / make(10).key, (1e9, 1e9))
    dead = Lease(root, make(6).key)
    dead._holder = dead._holder._replace(pid=2**22 + 1)
    assert dead._create(0)
    return root


def run(*arguments: object) -> str:
    return typed(app, "store", *arguments)[0]


def test_everything_is_listed_and_nothing_changes(root: Path) -> None:
    before = sorted(str(path) for path in root.rglob("*"))
    found = json.loads(run("ls", "--store", root, "--json"))
    groups = {(row["what"], row["stage"]): row for row in found["groups"]}
    assert {what for what, _ in groups} == KINDS
    assert groups["finished", "fit"]["count"] == 4
    assert groups["finished", "fit"]["referred"] == 2
    assert groups["finished", "fit"]["runs"] == ["one", "two"]
    assert groups["finished", "train"]["runs"] == ["imported mine"]
    assert "referred to" in run("ls", "--store", root)
    assert sorted(str(path) for path in root.rglob("*")) == before


def test_a_terminal_without_a_character_shows_its_number(tmp_path: Path) -> None:
    (tmp_path / "störe").mkdir()
    command = [sys.executable, "-m", "bench", "store", "ls", "--store", str(tmp_path / "störe")]
    done = subprocess.run(command, env={**os.environ, "PYTHONIOENCODING": "ascii"}, capture_output=True, check=False)
    assert (done.returncode, b"st\\xf6re" in done.stdout) == (0, True), done.stderr


def test_shared_space_is_counted_once(root: Path) -> None:
    found = json.loads(run("du", "--store", root, "--json"))
    one, two = found["runs"]["one"], found["runs"]["two"]
    assert one["only_this_run_bytes"] == 0
    assert two["bytes"] > two["only_this_run_bytes"] > 5000
    assert found["bytes"] == sum(found["stages"].values()) < one["bytes"] + two["bytes"] + 5 * 6000
    assert "total:" in run("du", "--store", root)


def test_a_sweep_keeps_what_is_referred_to_and_what_is_new(root: Path) -> None:
    store = Store(root)
    assert "to remove: 8" in run("gc", "--store", root)
    assert (root / "trash" / "x").exists()
    assert "removed: 8" in run("gc", "--store", root, "--yes")
    kept = [make(1), make(2), make(4), make(5, OtherStage)]
    assert all(store.find(step) for step in kept)
    assert store.find(make(3)) is None
    rest = json.loads(run("ls", "--store", root, "--json"))["groups"]
    assert {row["what"] for row in rest} == {"finished"}
    run("gc", "--store", root, "--yes", "--days", 0)
    assert store.find(make(4)) is not None  # a process that uses it may have begun a moment ago
    let_pass(root, make(4), hours=2)
    run("gc", "--store", root, "--yes", "--days", 0)
    assert store.find(make(4)) is None
    assert all(store.find(step) for step in (make(1), make(2), make(5, OtherStage)))


def test_a_sweep_leaves_running_steps_and_what_they_may_need(root: Path) -> None:
    running = make(11)

    def sweep(folder: Path) -> None:
        run("gc", "--store", root, "--yes", "--days", 0)
        assert folder.exists()
        (folder / "x").write_text("x")

    assert not Store(root).run(running, sweep).reused
    assert Store(root).find(make(3)) is not None
    assert not (root / "jobs" / "fit" / f"{make(6).key}.partial").exists()


@pytest.mark.parametrize("text", ["{", "[" * 100_000])
def test_an_unreadable_document_keeps_all_finished_steps(root: Path, text: str) -> None:
    (root / "results" / "three.json").write_text(text)
    assert "three.json" in run("gc", "--store", root, "--yes", "--days", 0)
    assert all(Store(root).find(make(n)) for n in (1, 2, 3, 4))


def test_verify_names_what_is_broken_and_its_advice_works(root: Path) -> None:
    path = Store(root).path(make(1))
    times = (path / "images" / "a.bin").stat()
    (path / "images" / "a.bin").write_bytes(b"y" * 5000)
    os.utime(path / "images" / "a.bin", ns=(times.st_atime_ns, times.st_mtime_ns))
    older = Store(root).path(make(2)) / "job.json"
    record = json.loads(older.read_text())
    write_json(older, {name: value for name, value in record.items() if name not in ("files", "seal")})
    with pytest.raises(SystemExit) as caught:
        run("verify", "--store", root, "--json")
    assert caught.value.code == 1
    Store(root).run(make(1), work, warn=lambda text: None)
    text = run("verify", "--store", root)
    assert "5 finished steps: 4 whole, 0 broken, 1 without hashes" in text


@pytest.mark.parametrize("scheme", ["file", "memory"])
def test_steps_travel_and_are_verified(root: Path, tmp_path: Path, scheme: str) -> None:
    url = f"file://{tmp_path}/far" if scheme == "file" else f"memory://{uuid.uuid4().hex}"
    assert "sent: 5" in run("push", url, "--store", root)
    assert "there: 5" in run("push", url, "--store", root)
    other = tmp_path / "other"
    assert "fetched: 5" in run("pull", url, "--store", other)
    assert "there: 5" in run("pull", url, "--store", other)
    assert all(Store(other).find(make(n)) for n in (1, 2, 3, 4))
    shutil.rmtree(Store(other).path(make(1)) / "images")
    assert "fetched: 1" in run("pull", url, "--store", other)
    assert Store(other).find(make(1)) is not None
    assert sorted(path.name for path in other.iterdir()) == ["broken", "checked", "incoming", "jobs", "leases"]


def test_a_transfer_continues_with_the_file_at_which_it_stopped(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fsspec.implementations.local import LocalFileSystem

    url, sent, put = f"file://{tmp_path}/far", list[str](), LocalFileSystem.put_file

    def counted(self: LocalFileSystem, source: str, target: str, **rest: object) -> None:
        sent.append(source)
        if len(sent) == 4:
            raise ConnectionError("the line is dead")
        put(self, source, target, **rest)

    monkeypatch.setattr(LocalFileSystem, "put_file", counted)
    with pytest.raises(ConnectionError):
        run("push", url, "--store", root)
    run("push", url, "--store", root)
    assert len(sent) == 4 + 2 * 5 - 3


def test_what_arrives_changed_is_refused(root: Path, tmp_path: Path) -> None:
    url, key = f"file://{tmp_path}/far", make(1).key
    run("push", url, "--store", root)
    (tmp_path / "far" / "jobs" / "fit" / key / "images" / "a.bin").write_bytes(b"y" * 5000)
    with pytest.raises(SystemExit):
        run("pull", url, "--store", tmp_path / "other")
    assert Store(tmp_path / "other").find(make(1)) is None
    assert Store(tmp_path / "other").find(make(2)) is not None


def test_a_record_cannot_name_files_outside(root: Path, tmp_path: Path) -> None:
    url, key = f"file://{tmp_path}/far", make(1).key
    run("push", url, "--store", root)
    record = tmp_path / "far" / "jobs" / "fit" / key / "job.json"
    value = json.loads(record.read_text())
    write_json(record, {**value, "files": {"../../../../escaped": [1, "0" * 64]}})
    with pytest.raises(SystemExit):
        run("pull", url, "--store", tmp_path / "other")
    assert not (tmp_path / "escaped").exists()


def test_a_broken_step_is_not_sent(root: Path, tmp_path: Path) -> None:
    (Store(root).path(make(1)) / "images" / "a.bin").write_bytes(b"y" * 5000)
    with pytest.raises(SystemExit):
        run("push", f"file://{tmp_path}/far", "--store", root)
    assert not (tmp_path / "far" / "jobs" / "fit" / make(1).key).exists()


def test_what_cannot_be_done_is_refused_in_words(root: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no store"):
        run("ls", "--store", tmp_path / "absent")
    with pytest.raises(ConfigError, match="exclude"):
        run("gc", "--store", root, "--yes", "--dry-run")
    with pytest.raises((ConfigError, DataError), match="URL"):
        run("push", "nothing://x", "--store", root)


@pytest.fixture
def frozen(root: Path) -> Iterator[Path]:
    """The store, mounted so that nobody can write."""
    import subprocess

    done = subprocess.run(["mount", "--bind", root, root], check=False, capture_output=True)
    if done.returncode:
        pytest.skip("mounts are not permitted")
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", root], check=True, capture_output=True)
        yield root
    finally:
        subprocess.run(["umount", root], check=True)


def test_a_store_that_cannot_be_written_is_read(frozen: Path) -> None:
    with pytest.raises(OSError, match="Read-only"):
        (frozen / "x").touch()
    assert Store(frozen).find(make(1)) is not None
    assert "referred to" in run("ls", "--store", frozen)
    assert "5 whole" in run("verify", "--store", frozen)
    assert "to remove" in run("gc", "--store", frozen)


def test_other_commands_read_a_store_that_cannot_be_written(
    root: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    for path in (root / "results").glob("*.json"):
        path.unlink()
    document = RunDocument(dataset="phantom", method="diffmix", preset="smoke")
    ResultsStore(root).write("r0", toy_results.rows("r0"), document)
    frozen = request.getfixturevalue("frozen")
    assert "diffmix" in typed(app, "leaderboard", "--store", frozen)[0]
    typed(app, "report", "--store", frozen, "--output", tmp_path / "page.html")
    assert (tmp_path / "page.html").stat().st_size > 1000
