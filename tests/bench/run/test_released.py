"""A released network is an arm of its own: it is tested as it is, and trained on no arm."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from bench.errors import ConfigError
from bench.results.table import ResultsStore
from bench.run.pipeline import run_request
from bench.run.resolve import resolve
from bench.stages.trial import RELEASED
from downstream.hovernet.published import PublishedHoVerNet
from tests.bench.conftest import request

CLASSES = 4


def settings(file: Path) -> tuple[str, ...]:
    own = {"network": "fast", "patch": 256, "released": file}
    return (
        "max_samples=4",
        "reference_samples=4",
        *(f"downstream.hovernet.{key}={value}" for key, value in own.items()),
    )


@pytest.mark.slow
@pytest.mark.timeout(900)  # the published network predicts whole tiles: two minutes on two cores
def test_a_released_network_is_tested_as_it_is(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = PublishedHoVerNet(CLASSES, "fast")
    torch.save({"desc": network.state_dict()}, tmp_path / "net.tar")
    asked = request(tmp_path / "store", method="copy", overrides=settings(tmp_path / "net.tar"), controls=(), seeds=2)
    outcome = run_request(asked)
    rows = ResultsStore(outcome.store).rows(outcome.run)
    dice = rows[(rows["metric"] == "dice/image") & (rows["kind"] == "score")]
    released = dice[dice["method"] == "real-only"]
    assert released["variant"].unique().tolist() == ["trained: released"]
    assert released["starts_from"].tolist() == ["released"]
    assert released["seed"].tolist() == [0]  # the same under every seed
    assert released["value"].notna().all()
    others = dice[dice["method"] != "real-only"]
    assert len(others)
    assert others["value"].isna().all()
    assert others["reason"].unique().tolist() == [RELEASED]


def test_released_networks_and_others_are_runs_of_their_own(tmp_path: Path) -> None:
    asked = request(tmp_path, method="copy", downstream=("hovernet", "sonnet"), overrides=settings(tmp_path / "a.tar"))
    with pytest.raises(ConfigError, match="Some networks of the run are released") as refused:
        resolve(asked)
    assert refused.value.got == "released: hovernet; to be trained: sonnet"
