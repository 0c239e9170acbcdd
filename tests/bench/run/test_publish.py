"""Publication: several processes write one result, as a whole; broken files are named, and written again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bench.errors import JobError
from bench.results.evidence import Evidence
from bench.results.table import ResultsStore
from bench.run import pipeline
from bench.run.outcome import Outcome
from bench.run.pipeline import run_request
from tests.bench.conftest import request
from tests.bench.run.publishers import publish_together

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

COPY = {"method": "copy", "controls": (), "preset": "tiny"}


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    asked = request(tmp_path_factory.mktemp("copy") / "store", **COPY)
    run_request(asked)
    shutil.rmtree(asked.store / "results")  # the rows of costs are then those of steps that are found in the store
    return run_request(asked)


@pytest.fixture
def store(outcome: Outcome, tmp_path: Path) -> Path:
    """A store in which the steps of the run are finished and its results are there."""
    shutil.copytree(outcome.store, tmp_path / "store")
    return tmp_path / "store"


def contents(store: Path, run: str) -> dict[str, bytes]:
    """Everything that a run published, except its document, which says when."""
    results = ResultsStore(store)
    files = [results.root / f"{run}.parquet", *(path for path in results.folder(run).rglob("*") if path.is_file())]
    return {path.relative_to(results.root).as_posix(): path.read_bytes() for path in files}


def leftovers(store: Path) -> list[str]:
    return [path.name for path in store.rglob("*") if ".tmp" in path.name]


def test_four_processes_publish_one_run_once(store: Path, outcome: Outcome, tmp_path: Path) -> None:
    before = contents(store, outcome.run)
    shutil.rmtree(store / "results")
    ended = publish_together(request(store, **COPY), tmp_path / "waiting", 4)
    assert [code for code, _ in ended] == [0] * 4, "\n".join(text for _, text in ended)
    assert sum(f"results of run {outcome.run} written" in text for _, text in ended) == 1
    assert sum(f"results of run {outcome.run} reused" in text for _, text in ended) == 3
    assert ResultsStore(store).runs() == (outcome.run,)
    assert contents(store, outcome.run) == before
    assert leftovers(store) == []


def test_a_broken_file_of_the_run_itself_is_written_again(store: Path, outcome: Outcome) -> None:
    results = ResultsStore(store)
    before = contents(store, outcome.run)
    for name, broken in (("json", b""), ("json", b"[]"), ("parquet", before[f"{outcome.run}.parquet"][:900])):
        (results.root / f"{outcome.run}.{name}").write_bytes(broken)
        (results.root / "other.json").write_bytes(b"")
        left = results.root / f".{outcome.run}.json.99-abc.tmp"
        left.touch()
        assert run_request(request(store, **COPY)).run == outcome.run
        assert contents(store, outcome.run) == before
        assert results.has(outcome.run)
        assert leftovers(store) == []  # nor those of a process that was killed


def test_a_full_disk_publishes_nothing(store: Path, outcome: Outcome, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(store / "results")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Evidence, "write_into", full)  # the last file of the folder
        with pytest.raises(JobError, match="cannot be written") as caught:
            run_request(request(store, **COPY))
        assert "No space left on device" in caught.value.got
        assert "MiB are free" in caught.value.got
        assert list((store / "results").iterdir()) == []
    assert run_request(request(store, **COPY)).run == outcome.run
    assert ResultsStore(store).runs() == (outcome.run,)


def test_the_leaderboard_is_shown_before_the_run_is_tracked(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    monkeypatch.setattr("bench.tracking.track", lambda *_, **__: order.append("tracked"))
    asked = request(store, **COPY).model_copy(update={"tracking": True})
    pipeline.run_request(asked, show=lambda outcome: order.append("shown"))
    assert order == ["shown", "tracked"]
