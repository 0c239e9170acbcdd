"""The leaderboard of a store whose results table has a million rows, from files to the screen."""

import json
import subprocess
import sys

import pyarrow
import pyarrow.parquet as parquet
import pytest

from bench.digest import digest_file, write_json
from bench.results.document import RunDocument
from bench.results.table import ResultsStore
from tests import toy_results
from tests.benchmarks.race import OURS

CASE = "bench leaderboard, 1,000,000 rows"
DATASETS, VARIANTS, SEEDS, CLASSES = 12, 40, 3, 4


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """960 runs of 12 datasets at 2 presets, each of a variant of its own, and of 1,200 rows."""
    folder = tmp_path_factory.mktemp("store")
    results, written = ResultsStore(folder), 0
    first = toy_results.rows("first", seeds=SEEDS)
    for preset in ("smoke", "paper"):
        for dataset in range(DATASETS):
            for variant in range(VARIANTS):
                run = f"{preset}-{dataset}-{variant}"
                document = RunDocument(dataset=f"dataset-{dataset}", method="diffmix", preset=preset)
                results.write(run, first, document)
                path = results.root / f"{run}.parquet"
                frame = parquet.read_table(path).to_pandas()
                own = frame["method"] == "diffmix"
                frame = frame.assign(run=run, dataset=document.dataset, preset=preset)
                frame["variant"] = frame["variant"].mask(own, f"guidance_scale={variant}")
                named = [frame.assign(**{"class": frame["class"] + f"-{number}"}) for number in range(CLASSES)]
                parts = [pyarrow.Table.from_pandas(one, preserve_index=False) for one in (frame, *named)]
                table = pyarrow.concat_tables(parts, promote_options="permissive")
                parquet.write_table(table.replace_schema_metadata({"schema_version": "1"}), path)
                about = json.loads(path.with_suffix(".json").read_text())
                write_json(path.with_suffix(".json"), {**about, "rows_sha256": digest_file(path)})
                written += len(table)
    assert written >= 1_000_000
    return folder


def test_our_leaderboard(clock, store):
    def run():
        command = [sys.executable, "-m", "bench", "leaderboard", "--store", store]
        return subprocess.run(command, capture_output=True, text=True, check=True)

    out = clock(CASE, OURS, run, rounds=3, at_most=3).stdout
    assert "dataset-11 · paper" in out
    assert "not shown; add --dataset NAME" in out
