"""Claims: what is judged agrees with the published numbers, and verdicts say what the numbers say."""

from __future__ import annotations

import pytest

from bench.errors import ConfigError
from reports.published.claims import Claims, Judged, judge
from reports.published.claims_page import render, sections
from reports.published.layout import Layout, PublishedTable, read_published

LAYOUT = Layout.model_validate(
    {
        "name": "table1",
        "title": "A paper, table 1",
        "paper": "Nobody, 2020",
        "keys": {"method": {"real-only": {"title": "Baseline"}, "ours": {"title": "Ours"}}},
        "rows": ["method"],
        "metrics": {"pq/image": {"title": "PQ", "digits": 3}, "f_type[rare]": {"title": "F^R", "digits": 3}},
    }
)
TABLE = "method,pq/image,f_type[rare],remark\nreal-only,0.500,0.200,\nours,{ours},0.300,\n"


def table(ours: str = "0.520") -> PublishedTable:
    return read_published(LAYOUT, TABLE.format(ours=ours))


def claims(trainings: int = 5, **claim: object) -> Claims:
    one = {
        "table": "table1",
        "comparison": "slides",
        "line": {"method": "ours"},
        "baseline": {"method": "real-only"},
        "metric": "pq/image",
        "spreads": "pq-tile",
        "difference": 0.02,
    }
    spread = {"groups": [0.01, 0.02, 0.03], "training": [0.005, 0.01, 0.02], "generator": [0, 0, 0], "basis": "a guess"}
    return Claims.model_validate(
        {
            "spreads": {"pq-tile": {"title": "PQ, slides", **spread}},
            "comparisons": {
                "slides": {
                    "title": "Slides",
                    "groups": 14,
                    "kind": "slide",
                    "trainings": trainings,
                    "says": "14 slides",
                }
            },
            "claims": [{**one, **claim}],
        }
    )


def judged(ours: str = "0.520", **given) -> Judged:
    (one,) = judge(claims(**given), {"table1": table(ours)})
    return one


@pytest.mark.parametrize(
    ("ours", "verdict"),
    [  # 14 slides and five trainings find .012, .025 and .045
        ("0.505", "no"),
        ("0.520", "only if spreads are small"),
        ("0.530", "yes, unless spreads are large"),
        ("0.560", "yes"),
        ("0.440", "yes"),
    ],
)
def test_the_verdict_compares_the_difference_with_what_can_be_found(ours: str, verdict: str) -> None:
    assert judged(ours, difference=round(float(ours) - 0.5, 3)).verdict == verdict


def test_one_training_finds_nothing_but_the_page_says_whether_it_would_with_a_known_spread() -> None:
    assert judged(trainings=1).verdict == "no"
    assert judged("0.600", trainings=1, difference=0.1).verdict == "no: one training (with a known spread: yes)"


def test_what_is_needed_finds_the_difference_on_the_page() -> None:
    one = judged()
    assert one.trainings == [3, 11, None]
    assert one.groups == [5, 10, 20]


def test_few_effective_groups_have_no_result() -> None:
    rare = judged(metric="f_type[rare]", difference=0.1, effective=1.6)
    assert rare.verdict == "no: the nuclei are in 1.6 effective slides"
    assert rare.detectable is None
    assert rare.trainings == [None] * 3
    (section,) = sections([rare])
    assert section.lines == [
        "| Slides | Ours against Baseline | F^R (rare) | +.100 | 14 slides, 5 trainings | none | none | 4 "
        "| no: the nuclei are in 1.6 effective slides |"
    ]


def test_a_difference_that_the_paper_does_not_have_is_refused() -> None:
    with pytest.raises(ConfigError, match="not the difference of the numbers in A paper, table 1") as caught:
        judged(difference=0.03)
    assert caught.value.fix == "the printed numbers differ by 0.0200"


@pytest.mark.parametrize(
    ("claim", "got"),
    [({"comparison": "tiles"}, "tiles"), ({"spreads": "aji"}, "aji"), ({"line": {"method": "theirs"}}, "theirs")],
)
def test_names_that_do_not_exist_are_refused(claim: dict[str, object], got: str) -> None:
    with pytest.raises(ConfigError) as caught:
        judged(**claim)
    assert got in caught.value.got


def test_the_page_has_the_claim_and_its_spreads() -> None:
    page = render(claims(), {"table1": table()})
    assert "| PQ, slides | .020 (.010 to .030) | .010 (.005 to .020) | 0 | 0 | a guess |" in page
    assert "| Slides | Ours against Baseline | PQ | +.020 | 14 slides, 5 trainings | .025 (.012 to .045) |" in page
