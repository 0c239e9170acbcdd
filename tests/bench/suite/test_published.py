"""The published tables that ship: complete, in range, consistent or flagged, and in the terms of the project."""

from __future__ import annotations

import pytest

from bench.datasets.card import load_card
from bench.errors import ConfigError
from bench.suite.published import find_published, layout_names, stands_for
from metrics.table import METRICS, find
from reports.published.layout import PublishedTable

# Lines of each table, and how many of their numbers the paper does not have.
SIZES = {
    "diffmix-table1": (20, 10),
    "histodiffusion-table1": (21, 1),
    "pathdiff-figure6": (6, 42),
    "pathdiff-table2": (30, 0),
    "pathdiff-table3": (15, 0),
    "pathdiff-table4": (20, 4),
    "pathdiff-table5": (15, 0),
    "pathdiff-table6": (8, 4),
    "pathdiff-table7": (6, 0),
    "pathdiff-table8": (12, 6),
    "pathdiff-table9": (2, 0),
}
TABLES = {name: find_published(name) for name in SIZES}
HALF = 0.00055
"""More than half of the last digit of a number that is printed with three digits."""


def numbers(table: PublishedTable) -> list[tuple[dict[str, float], dict[str, str]]]:
    return [
        ({name: float(text) for name, text in line.numbers.items() if text}, dict(line.doubts)) for line in table.lines
    ]


def test_every_table_is_known() -> None:
    assert set(layout_names()) == set(SIZES)


@pytest.mark.parametrize("name", SIZES)
def test_tables_are_complete_and_in_range(name: str) -> None:
    table = TABLES[name]
    n, n_missing = SIZES[name]
    cells = [text for line in table.lines for text in line.numbers.values()]
    assert (len(table.lines), cells.count("")) == (n, n_missing)
    assert len({tuple(line.keys.items()) for line in table.lines}) == n
    for values, _ in numbers(table):
        for metric, value in values.items():
            known = find(metric.partition("[")[0], METRICS)
            assert known is not None, metric
            low, high = known.bounds
            most = 100 if metric == "plip" else high  # shown in percent
            assert low is None or value >= low, (metric, value)
            assert most is None or value <= most, (metric, value)


@pytest.mark.parametrize("name", SIZES)
def test_digits_are_the_papers(name: str) -> None:
    table = TABLES[name]
    for line in table.lines:
        for metric, text in line.numbers.items():
            digits = len(text.partition(".")[2])
            assert not text or digits == table.layout.metrics[metric].digits or line.doubts.get(metric), (metric, text)


@pytest.mark.parametrize("name", SIZES)
def test_keys_are_in_the_terms_of_the_project(name: str) -> None:
    from bench.registry import names

    table = TABLES[name]
    layout = table.layout
    for line in table.lines:
        for dataset in layout.datasets(line.keys):
            load_card(dataset)
        method, network = layout.asked("method", line.keys), layout.asked("downstream", line.keys)
        assert method in names("methods")
        assert not network or network in names("downstream")
    for dataset in table.datasets:
        classes = load_card(dataset).class_names
        for metric in layout.metrics:
            class_ = metric.removesuffix("]").partition("[")[2]
            told = layout.classes.get(dataset, {}).get(class_, class_)
            assert not class_ or told in classes or layout.absent[dataset][metric]


# Each rule gives how far the numbers of a line are from agreeing, by the columns that may be flagged for it.
def quality(values: dict[str, float]) -> float:
    # a mean of products is not the product of means, but near it where images vary little
    return max(0.0, abs(values["pq/image"] - values["dq/image"] * values["sq/image"]) - 0.005)


def harmonic(values: dict[str, float]) -> float:
    precision, recall = values["precision_d"], values["recall_d"]
    return max(0.0, abs(values["f_d"] - 2 * precision * recall / (precision + recall)) - HALF / 5)


RULES = {
    "PQ = DQ SQ": (("pq/image", "dq/image", "sq/image"), quality, ("pq/image",)),
    "F1 = 2PR / (P + R)": (("f_d", "precision_d", "recall_d"), harmonic, ("f_d",)),
    "Dice > Jaccard": (("dice/image", "jaccard/image"), lambda v: max(0.0, v["jaccard/image"] - v["dice/image"]), ()),
    "Dice > AJI": (("dice/image", "aji/image"), lambda v: max(0.0, v["aji/image"] - v["dice/image"]), ()),
    # of instances that are found and outlined imperfectly, AJI is clearly below the Jaccard index of pixels
    "AJI < Jaccard": (
        ("aji/image", "jaccard/image"),
        lambda v: max(0.0, v["aji/image"] - v["jaccard/image"] + 0.01),
        ("aji/image",),
    ),
    "sensitivity = accuracy": (
        ("sensitivity_weighted", "accuracy"),
        lambda v: max(0.0, abs(v["sensitivity_weighted"] - v["accuracy"]) - HALF),
        ("sensitivity_weighted",),
    ),
    "KID of a split like that of the other": (("kid",), lambda v: max(0.0, v["kid"] - 0.2), ("kid",)),
}


@pytest.mark.parametrize("rule", RULES)
def test_numbers_agree_or_are_flagged(rule: str) -> None:
    needed, distance, flagged = RULES[rule]
    seen = 0
    for table in TABLES.values():
        for values, doubts in numbers(table):
            if set(needed) <= set(values):
                seen += 1
                assert distance(values) == 0 or any(column in doubts for column in flagged), (values, doubts)
    assert seen


def test_doubtful_numbers_are_flagged() -> None:
    doubtful = {
        (name, tuple(line.keys.values()), metric): reason
        for name, table in TABLES.items()
        for line in table.lines
        for metric, reason in line.doubts.items()
    }
    said = {key: reason for key, reason in doubtful.items() if "misprint" in reason}
    assert list(said) == [("pathdiff-table2", ("pannuke", "test", "controlnet-m"), "kid")]
    assert sum("equals Jaccard" in reason for reason in doubtful.values()) == 2
    # two tables print two values of one distance
    assert [reason for reason in doubtful.values() if reason in ("table 2 has 7.21", "table 7 has 7.28")] != []
    # a curve without numbers is not read off
    figure = TABLES["pathdiff-figure6"]
    assert all(line.doubts["dice/image"].startswith("read off: no number printed") for line in figure.lines)


def test_tables_that_share_values_agree() -> None:
    def of(name: str, *keys: str) -> dict[str, str]:
        (line,) = (one for one in TABLES[name].lines if set(one.keys.values()) == set(keys))
        return dict(line.numbers)

    for split, of_text in (("train", "train"), ("test", "test captions")):
        table2, table8 = (
            of("pathdiff-table2", "pathdiff-mt", "pannuke", split),
            of("pathdiff-table8", "pathdiff-mt", "pannuke", "0.5", split),
        )
        assert {name: table8[name] for name in ("clip_fid", "kid")} == table2
        table4 = of("pathdiff-table4", "pathdiff-mt", "pannuke", split)
        assert of("pathdiff-table8", "pathdiff-mt", "pathcap", "0.5", of_text) == table4
        assert of("pathdiff-table6", "pathdiff-t", "0.5", split) == of(
            "pathdiff-table4", "pathdiff-t", "pannuke", split
        )


def test_stand_ins() -> None:
    assert stands_for(["consep=phantom"]) == {"consep": "phantom"}
    with pytest.raises(ConfigError, match="PAPER=OWN"):
        stands_for(["phantom"])
    with pytest.raises(ConfigError) as raised:
        find_published("difmix-table1")
    assert "did you mean 'diffmix-table1'" in raised.value.fix
