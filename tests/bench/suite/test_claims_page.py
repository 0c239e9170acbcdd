"""The page on the papers' claims: up to date, of printed numbers, and of every paper."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bench.config.files import folder, read_yaml
from bench.suite import claims_page

PUBLISHED = folder() / "published"
DATA = read_yaml(PUBLISHED / "claims.yaml")
PAGE = Path(__file__).resolve().parents[3] / "docs" / "claims.md"


def printed(claim: dict[str, Any], line: dict[str, str]) -> Decimal:
    """Return a number of a CSV file, read without the project's own reader."""
    with (PUBLISHED / f"{claim['table'].replace('-', '_')}.csv").open(encoding="utf-8") as file:
        (row,) = (row for row in csv.DictReader(file) if all(row[key] == value for key, value in line.items()))
    return Decimal(row[claim["metric"]])


def lines() -> Iterator[str]:
    yield from (line for line in PAGE.read_text(encoding="utf-8").splitlines() if " against " in line)


def test_the_page_is_up_to_date(tmp_path: Path) -> None:
    claims_page.main([str(tmp_path / "claims.md")])
    written = (tmp_path / "claims.md").read_text(encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == written, "run python -m bench.suite.claims_page docs/claims.md"


@pytest.mark.parametrize("claim", DATA["claims"], ids=lambda claim: f"{claim['comparison']} {claim['metric']}")
def test_every_difference_is_that_of_printed_numbers(claim: dict[str, Any]) -> None:
    difference = printed(claim, claim["line"]) - printed(claim, {**claim["line"], **claim["baseline"]})
    assert difference == Decimal(str(claim["difference"]))


def test_every_entry_is_used() -> None:
    assert {claim["comparison"] for claim in DATA["claims"]} == DATA["comparisons"].keys()
    assert {claim["spreads"] for claim in DATA["claims"]} == DATA["spreads"].keys()


def test_optimistic_spreads_are_the_smallest() -> None:
    for spread in DATA["spreads"].values():
        for source in ("groups", "training", "generator"):
            assert spread[source] == sorted(spread[source])


def test_every_claim_and_every_paper_is_on_the_page() -> None:
    assert len(list(lines())) == len(DATA["claims"])
    assert {claim["table"].partition("-")[0] for claim in DATA["claims"]} == {"diffmix", "pathdiff", "histodiffusion"}


def test_fourteen_tiles_and_three_trainings_do_not_find_what_diffmix_reports() -> None:
    assert "of\n.031 (.016 to .061) for one trained generator" in PAGE.read_text(encoding="utf-8")


def test_a_folder_that_does_not_exist_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        claims_page.main([str(tmp_path / "nowhere" / "claims.md")])
    assert caught.value.code == 2
    assert "nowhere/claims.md does not exist" in capsys.readouterr().err
