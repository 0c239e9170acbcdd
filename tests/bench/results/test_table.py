"""The results table: rows, files, old files, several runs."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pyarrow
import pyarrow.parquet as parquet
import pytest
from pydantic import ValidationError

from bench.errors import DataError
from bench.results.document import RunDocument
from bench.results.table import COLUMNS, SCHEMA, SET, ResultsStore, ScoreRow, merge_rows, read_rows, write_rows
from tests import toy_results

BASE = {"run": "r", "dataset": "phantom", "method": "diffmix", "preset": "smoke", "metric": "pq/image"}


def document(created: str = "") -> RunDocument:
    return RunDocument(dataset="phantom", method="diffmix", preset="smoke", created=created)


def test_columns_are_those_of_the_design() -> None:
    design = (
        "run dataset split fold seed generation method variant ratio n_synthetic budget downstream metric encoder "
        "class aggregation value se ci_low ci_high ci_method n n_groups floor direction preset protocol set_digest "
        "reason"
    )
    assert set(design.split()) <= set(COLUMNS)
    more = (
        "kind seeds generations p p_holm n_skipped harness division starts_from "
        "data n_effective group_kind n_distinct generators floor_low floor_high floor_within standing detectable"
    )
    assert set(COLUMNS) - set(design.split()) == set(more.split())


def test_what_is_missing_needs_a_reason() -> None:
    interval = {"ci_low": 0.1, "ci_high": 0.3}
    with pytest.raises(ValidationError, match="missing pq/image needs a reason"):
        ScoreRow(**BASE)
    with pytest.raises(ValidationError, match="missing pq/image needs a reason"):
        ScoreRow(**BASE, value=float("nan"))
    with pytest.raises(ValidationError, match="without an interval needs a reason"):
        ScoreRow(**BASE, value=0.2, ci_low=float("nan"))
    with pytest.raises(ValidationError, match="must be finite"):
        ScoreRow(**BASE, value=float("inf"), **interval)
    with pytest.raises(ValidationError, match="seeds >= 2"):
        ScoreRow(**BASE, value=0.2, seed=-1, **interval)
    with pytest.raises(ValidationError, match="Extra inputs"):
        ScoreRow(**BASE, value=0.2, valeu=0.1, **interval)
    assert ScoreRow(**BASE, kind="cost", value=3.0).ci_low is None


def test_rows_come_back_as_they_were_written(tmp_path: Path) -> None:
    rows = toy_results.rows(seeds=3)
    write_rows(tmp_path / "a.parquet", rows)
    frame = read_rows([tmp_path / "a.parquet"])
    assert tuple(frame.columns) == COLUMNS
    assert len(frame) == len(rows)
    for index in (0, 7, 12, len(rows) - 1):
        back = {key: None if pd.isna(value) else value for key, value in frame.iloc[index].items()}
        assert back == rows[index].model_dump(by_alias=True)
    assert parquet.read_schema(tmp_path / "a.parquet").equals(SCHEMA)


def test_equal_rows_make_equal_files(tmp_path: Path) -> None:
    for name in "ab":
        write_rows(tmp_path / name, toy_results.rows(seeds=2))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_an_older_file_with_fewer_columns_still_parses(tmp_path: Path) -> None:
    old = {"run": ["r"], "dataset": ["phantom"], "method": ["copy"], "preset": ["smoke"], "metric": ["pq/image"]}
    parquet.write_table(pyarrow.table({**old, "value": [0.25]}), tmp_path / "old.parquet")
    write_rows(tmp_path / "new.parquet", toy_results.rows())
    frame = read_rows([tmp_path / "old.parquet", tmp_path / "new.parquet"])
    first = frame.iloc[0]
    assert first["value"] == 0.25
    names = ("kind", "seeds", "fold", "protocol", "harness")
    assert [first[name] for name in names] == ["score", 1, "", 1, 1]
    assert first["ci_low"] != first["ci_low"]
    assert (first["generation"], first["generations"]) == (0, 1)
    assert pd.isna(first["ratio"])


def test_an_older_seed_had_a_set_of_its_own(tmp_path: Path) -> None:
    rows = [row for row in toy_results.rows(seeds=2) if row.kind == "score" and row.metric == "pq/image"]
    write_rows(tmp_path / "new.parquet", rows)
    old = parquet.read_table(tmp_path / "new.parquet").drop_columns(["generation", "generations", "ratio"])
    parquet.write_table(old, tmp_path / "old.parquet")
    frame = read_rows([tmp_path / "old.parquet"])
    places = {
        method: list(zip(part["seed"], part["generation"], strict=True)) for method, part in frame.groupby("method")
    }
    assert places["diffmix"] == [(0, 0), (1, 1), (-1, -1)]
    assert places["real-only"] == [(0, 0), (1, 0), (-1, 0)]
    assert list(frame[frame["seed"] == -1]["generations"]) == [1, 2, 2, 2]


def test_a_ratio_that_an_older_row_does_not_say_is_that_of_the_newer_row(tmp_path: Path) -> None:
    row = {**BASE, "ci_low": 0.1, "ci_high": 0.3}
    known = ScoreRow(**row, value=0.3, ratio=1.0)
    other = ScoreRow(**row, value=0.4, ratio=2.0)
    write_rows(tmp_path / "a", [ScoreRow(**row, value=0.2), known])
    assert list(merge_rows(read_rows([tmp_path / "a"]))["value"]) == [0.3]
    write_rows(tmp_path / "a", [known, other])
    assert list(merge_rows(read_rows([tmp_path / "a"]))["value"]) == [0.3, 0.4]


def test_generation_seeds_are_kept_apart(tmp_path: Path) -> None:
    row = {**BASE, "value": 0.2, "ci_low": 0.1, "ci_high": 0.3}
    write_rows(tmp_path / "a", [ScoreRow(**row), ScoreRow(**row, generation=1)])
    assert list(merge_rows(read_rows([tmp_path / "a"]))["generation"]) == [0, 1]
    with pytest.raises(ValidationError, match="generations >= 2"):
        ScoreRow(**row, generation=-1)


def test_a_file_of_a_newer_schema_is_refused(tmp_path: Path) -> None:
    table = SCHEMA.with_metadata({"schema_version": "99"}).empty_table()
    parquet.write_table(table, tmp_path / "new.parquet")
    with pytest.raises(DataError, match="schema 99"):
        read_rows([tmp_path / "new.parquet"])
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(DataError, match=r"broken\.parquet"):
        read_rows([tmp_path / "broken.parquet"])


def test_arms_of_several_runs_stand_once_and_the_newest_wins(tmp_path: Path) -> None:
    store = ResultsStore(tmp_path)
    store.write("new", toy_results.rows("new", "gradmix"), document("2026-02-01T00:00:00+00:00"))
    store.write("old", toy_results.rows("old", "diffmix"), document("2026-01-01T00:00:00+00:00"))
    assert store.runs() == ("old", "new")
    table = store.table()
    baseline = table[(table["method"] == "real-only") & (table["metric"] == "pq/image")]
    assert list(baseline["run"]) == ["new"]
    assert set(table["method"]) == {"real-only", "copy", "noise", "diffmix", "gradmix"}


def test_more_seeds_and_numbers_win_over_newer_rows(tmp_path: Path) -> None:
    store = ResultsStore(tmp_path)
    store.write("old", toy_results.rows("old", seeds=3), document("2026-01-01T00:00:00+00:00"))
    store.write("new", toy_results.rows("new", seeds=2), document("2026-02-01T00:00:00+00:00"))
    together = store.table().query("seed == -1 and metric == 'pq/image' and kind == 'score'")
    assert set(together["run"]) == {"old"}
    missing = ScoreRow(**{**BASE, "run": "newest"}, reason="weights absent")
    write_rows(tmp_path / "a", [ScoreRow(**BASE, value=0.2, ci_low=0.1, ci_high=0.3), missing])
    assert list(merge_rows(read_rows([tmp_path / "a"]))["value"]) == [0.2]


def test_protocols_variants_and_weights_are_kept_apart(tmp_path: Path) -> None:
    row = {**BASE, "value": 0.2, "ci_low": 0.1, "ci_high": 0.3}
    changes = [{}, {"protocol": 2}, {"harness": 2}, {"variant": "w=2"}, {"encoder": "x:1"}, {"fold": "1/5"}]
    changes.append({"budget": "9 epochs"})
    write_rows(tmp_path / "a", [ScoreRow(**row, **change) for change in changes])
    assert len(merge_rows(read_rows([tmp_path / "a"]))) == len(changes)


def test_an_empty_store_has_an_empty_table(tmp_path: Path) -> None:
    table = ResultsStore(tmp_path).table()
    assert len(table) == 0
    assert tuple(table.columns) == (*COLUMNS, SET)


def test_a_run_without_its_document_does_not_count(tmp_path: Path) -> None:
    store = ResultsStore(tmp_path)
    store.write("whole", toy_results.rows("whole"), document())
    write_rows(store.root / "killed.parquet", toy_results.rows("killed"))
    assert store.runs() == ("whole",)


@pytest.mark.parametrize("broken", ["", "{", "[]", "null", "[" * 100_000, '{"dataset": 3}', "\x00"])
def test_a_broken_document_is_skipped_and_named(
    tmp_path: Path, broken: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ResultsStore(tmp_path).write("whole", toy_results.rows("whole"), document())
    path = tmp_path / "results" / "bad.json"
    path.write_text(broken)
    store = ResultsStore(tmp_path)
    assert store.runs() == ("whole",)
    assert len(store.table()) == len(store.rows("whole"))
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1  # once
    assert said[0].startswith("warning: ")
    assert str(path) in said[0]
    with pytest.raises(DataError, match=r"bad\.json"):
        store.document("bad")
    assert not store.has("bad")
    assert store.has("whole")


def test_broken_rows_are_skipped_and_named(tmp_path: Path) -> None:
    warnings: list[str] = []
    store = ResultsStore(tmp_path, warnings.append)
    for name in ("whole", "cut", "empty", "odd", "absent"):
        store.write(name, toy_results.rows(name), document())
    content = (store.root / "cut.parquet").read_bytes()
    (store.root / "cut.parquet").write_bytes(content[: len(content) // 2])
    (store.root / "empty.parquet").write_bytes(b"")
    parquet.write_table(pyarrow.table({"a": [1]}), store.root / "odd.parquet")
    (store.root / "absent.parquet").unlink()
    assert set(store.table()["run"]) == {"whole"}
    assert len(warnings) == 4
    for name in ("cut", "empty", "odd", "absent"):
        assert sum(f"{name}.parquet" in text for text in warnings) == 1
        assert not store.has(name)
    assert store.has("whole")


def test_no_damaged_byte_of_a_table_becomes_another_number(tmp_path: Path) -> None:
    said: list[str] = []
    results = ResultsStore(tmp_path, said.append)
    results.write("r1", toy_results.rows("r1"), document("1"))
    path = tmp_path / "results" / "r1.parquet"
    whole, rows = path.read_bytes(), results.rows("r1")
    for place in range(0, len(whole), len(whole) // 40):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        with pytest.raises(DataError, match=r"r1\.parquet was damaged"):
            results.rows("r1")
    assert len(results.table()) == 0
    assert not results.has("r1")
    assert "r1.parquet was damaged" in said[0]
    path.write_bytes(whole)
    assert results.rows("r1").equals(rows)


def test_rows_of_an_older_run_are_read_without_their_hash(tmp_path: Path) -> None:
    results = ResultsStore(tmp_path)
    results.write("r1", toy_results.rows("r1"), document("1"))
    path = tmp_path / "results" / "r1.json"
    older = {name: value for name, value in json.loads(path.read_text()).items() if name != "rows_sha256"}
    path.write_text(json.dumps(older))
    assert len(results.table()) > 0


def test_rows_of_one_dataset_are_those_of_the_whole_table(tmp_path: Path) -> None:
    results = ResultsStore(tmp_path)
    for number, (dataset, preset) in enumerate([("a", "smoke"), ("b", "smoke"), ("a", "tiny"), ("a", "smoke")]):
        rows = toy_results.rows(f"r{number}", "diffmix", shift=0.01 * number, dataset=dataset, preset=preset)
        made = RunDocument(dataset=dataset, method="diffmix", preset=preset, created=f"2026-01-0{number + 1}")
        results.write(f"r{number}", rows, made)
    whole = results.table()
    for dataset, preset in (("a", None), ("a", "smoke"), (None, "smoke"), ("b", "tiny")):
        chosen = whole[(whole["dataset"] == dataset) | (dataset is None)]
        chosen = chosen[(chosen["preset"] == preset) | (preset is None)].reset_index(drop=True)
        found = results.table(dataset, preset)
        pd.testing.assert_frame_equal(found, chosen, check_dtype=len(chosen) > 0)
        assert (len(found) == 0) == ((dataset, preset) == ("b", "tiny"))


def test_the_head_of_a_document_says_what_the_document_says(tmp_path: Path) -> None:
    results = ResultsStore(tmp_path)
    results.write("r", toy_results.rows("r"), document("2026-01-01"))
    (head,) = results.heads().values()
    whole = results.document("r")
    assert head.model_dump() == {name: value for name, value in whole.model_dump().items() if name in dict(head)}
    assert (head.run, head.created, head.dataset) == ("r", "2026-01-01", "phantom")
