"""The document of a run: what is written is read again, whatever version wrote it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as parquet
import pytest

from bench.digest import digest_file
from bench.errors import DataError
from bench.results.artefacts import Artefact
from bench.results.document import SCHEMA_VERSION, RunDocument
from bench.results.table import ResultsStore, write_rows
from reports.leaderboard import leaderboard
from tests import toy_results

# As the first schema wrote it, but for a few settings.
FIRST: dict[str, Any] = {
    "run": "old",
    "created": "2026-01-02T03:04:05+00:00",
    "dataset": "phantom",
    "method": "diffmix",
    "variant": "",
    "preset": "smoke",
    "protocol": 1,
    "seeds": 2,
    "rare": ["miscellaneous"],
    "request": {"method": "diffmix", "dataset": "phantom", "seeds": 2},
    "config": {"preset": {"patch": 64}, "device": "cpu"},
    "device_name": "CPU",
    "digests": {"train": "aa", "test": "bb"},
    "jobs": {"k1": "fit", "k2": "train"},
    "sets": {"diffmix/0": "cc"},
    "leakage": [{"copies": [], "nearer": 3}],
    "versions": {"numpy": "2.0"},
}


def document(**changes: Any) -> RunDocument:
    fields: dict[str, Any] = {"dataset": "phantom", "method": "diffmix", "preset": "smoke", **changes}
    return RunDocument(**fields)


def write_first(folder: Path) -> ResultsStore:
    """Write a run as the first schema did: no schema in the document, no versions of the harness in the rows."""
    store = ResultsStore(folder)
    store.root.mkdir()
    path = store.root / "old.parquet"
    write_rows(path, toy_results.rows("old", seeds=2))
    parquet.write_table(parquet.read_table(path).drop_columns(["harness"]), path)
    (store.root / "old.json").write_text(json.dumps(FIRST))
    return store


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    artefact = Artefact(kind="set", method="diffmix", seed=1, stage="synthesize", key="k", digest="cc")
    written = document(
        harness=3,
        steps={"k": "fit"},
        evaluations={"nuclei": 2},
        findings={"leakage": ({"nearer": 3},)},
        artefacts=(artefact,),
    )
    assert (written.harness, written.steps) == (3, {"k": "fit"})
    store = ResultsStore(tmp_path)
    store.write("run-1", toy_results.rows(), written)
    found = store.document("run-1")
    assert found.schema_version == SCHEMA_VERSION
    assert found.created
    added = {"run": "run-1", "created": found.created, "rows_sha256": digest_file(tmp_path / "results/run-1.parquet")}
    assert found == written.model_copy(update=added)
    assert artefact.folder == Path("jobs/synthesize/k")


def test_a_document_of_the_first_schema_is_read(tmp_path: Path) -> None:
    found = write_first(tmp_path).document("old")
    assert (found.schema_version, found.harness, found.seeds, found.rare) == (1, 1, 2, ("miscellaneous",))
    assert found.steps == {"k1": "fit", "k2": "train"}
    assert found.findings == {"leakage": ({"copies": [], "nearer": 3},)}
    assert found.request["method"] == "diffmix"
    assert found.index() == ()


def test_rows_of_the_first_schema_are_read_and_share_no_column_with_newer_ones(tmp_path: Path) -> None:
    store = write_first(tmp_path)
    store.write("new", toy_results.rows("new", "gradmix", harness=2), document(harness=2))
    assert store.runs() == ("old", "new")
    assert set(store.rows("old")["harness"]) == {1}
    table = store.table()
    assert set(table["method"]) == {"real-only", "copy", "noise", "diffmix", "gradmix"}
    (board,) = leaderboard(table)
    assert [row.method for row in board.rows] == ["real-only", "copy", "noise", "gradmix"]
    assert board.outdated == len(table[(table["harness"] == 1) & (table["kind"] != "cost")])


@pytest.mark.parametrize("text", ["{", "[]", "5", '{"dataset": "phantom"}'])
def test_what_is_no_document_is_an_error_that_names_the_file(tmp_path: Path, text: str) -> None:
    store = ResultsStore(tmp_path)
    store.root.mkdir()
    (store.root / "bad.json").write_text(text)
    with pytest.raises(DataError, match=r"bad\.json"):
        store.document("bad")
