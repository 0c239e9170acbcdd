"""Layouts and published lines: order, keys, doubts, and files that do not fit."""

from __future__ import annotations

from typing import Any

import pytest

from bench.errors import ConfigError
from reports.published.layout import Layout, read_published

LAYOUT: dict[str, Any] = {
    "name": "mine",
    "title": "Mine, table 1",
    "paper": "a paper",
    "keys": {
        "dataset": {"consep": {"title": "CoNSeP"}, "glysac": {"title": "GLySAC"}},
        "downstream": {"hovernet": {"title": "HoVer-Net"}},
        "method": {
            "real-only": {"title": "Baseline"},
            "real": {"title": "real", "row": "real-only"},
            "diffmix": {"title": "DiffMix"},
        },
        "p_split": {"": {"title": ""}, "0.2": {"title": "0.2", "variant": "p_split=0.2"}},
        "split": {"test": {"title": "test", "row": "test masks"}},
        "mask_dataset": {"": {"title": "none"}, "conic": {"title": "CoNIC", "variant": "mask=conic"}},
    },
    "rows": ["dataset", "downstream", "method"],
    "metrics": {"pq/image": {"title": "PQ", "digits": 3}, "f_type[lymphocyte]": {"title": "F^L", "digits": 3}},
    "classes": {"consep": {"lymphocyte": "inflammatory"}},
}
HEADER = "dataset,downstream,method,p_split,split,mask_dataset,pq/image,f_type[lymphocyte],remark\n"
LINES = (
    "glysac,hovernet,diffmix,0.2,test,,0.61,0.55,pq/image: a misprint; all of it is odd\n"
    "consep,hovernet,diffmix,,test,conic,0.50,,\n"
    "consep,hovernet,real-only,,test,,0.48,0.49,\n"
)


def layout(**changes: Any) -> Layout:
    return Layout.model_validate({**LAYOUT, **changes})


def test_lines_are_in_the_order_of_the_layout() -> None:
    table = read_published(layout(), HEADER + LINES)
    assert [(line.keys["dataset"], line.keys["method"]) for line in table.lines] == [
        ("consep", "real-only"),
        ("consep", "diffmix"),
        ("glysac", "diffmix"),
    ]
    assert table.datasets == ("consep", "glysac")
    assert table.named == {"consep", "glysac", "conic"}
    assert table.arms == {"real-only", "diffmix"}
    assert table.lines[1].numbers == {"pq/image": "0.50", "f_type[lymphocyte]": ""}


def test_a_remark_is_about_a_column_or_about_the_line() -> None:
    (doubtful,) = (line for line in read_published(layout(), HEADER + LINES).lines if line.doubts)
    assert doubtful.doubts == {
        "pq/image": "a misprint; all of it is odd",
        "f_type[lymphocyte]": "all of it is odd",
    }


def test_what_the_results_call_a_line() -> None:
    table = read_published(layout(), HEADER + LINES)
    asked = table.layout
    line = table.lines[2].keys
    assert asked.asked("split", line) == "test masks"
    assert asked.asked("method", {"method": "real"}) == "real-only"
    assert asked.variant(line) == "p_split=0.2"
    assert asked.variant(table.lines[1].keys) == "mask=conic"
    assert layout(fixed={"dataset": "pannuke"}).value("dataset", {}) == "pannuke"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEADER.replace("p_split", "share") + LINES, "different columns"),
        (HEADER.replace("pq/image", "pq") + LINES, "different columns"),
        (HEADER + LINES.replace("glysac,hovernet,diffmix", "glysac,hovernet,difmix"), "does not know a value"),
    ],
)
def test_files_that_do_not_fit_are_refused(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        read_published(layout(), text)
