"""Suite files: what is wrong is refused where it stands, with the nearest right thing."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from bench.errors import ConfigError
from bench.suite.file import find_suite, published_table, read_suite, suite_names
from tests.bench.suite.suites import suite, write

COPY = {"method": "copy"}


def test_a_file_is_named_after_its_stem_and_one_budget_is_a_list_of_one(tmp_path: Path) -> None:
    found = suite(tmp_path, COPY)
    assert (found.file.name, found.path) == ("mine", tmp_path / "mine.yaml")
    assert [budget.amount for budget in found.file.defaults.budgets] == [2]
    assert published_table(found) is None


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({"metod": "copy"}, "did you mean 'method'"),
        ({"method": "copy", "sets": {}}, "did you mean 'set'"),
        ({"label": "nothing"}, "exactly one of `method` and `synthetic`"),
        ({"method": "copy", "synthetic": "folder"}, "exactly one of `method` and `synthetic`"),
        ({"method": []}, "exactly one of `method` and `synthetic`"),
        ({"method": "copy", "fold": "0/5"}, "pattern"),
        ({"method": "copy", "fold": "1/5", "folds": 5}, "for one fold"),
        ({"method": "copy", "protocol": "2fold", "fold": "1/5"}, "has all of its folds"),
        ({"method": "copy", "folds": 1}, "greater than or equal to 2"),
        ({"method": "copy", "seeds": 0}, "greater than or equal to 1"),
        ({"method": "copy", "grid": {"method.ratio": []}}, "at least one value of 'method.ratio'"),
        ({"method": "copy", "budget": [{"unit": "epoch", "amount": 1}]}, "epochs"),
    ],
)
def test_a_wrong_line_is_named_by_its_number(tmp_path: Path, line: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        suite(tmp_path, COPY, line)
    assert "run 2 of" in raised.value.message
    assert said in raised.value.fix


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title: a\nruns: []\n", "`runs`"),
        ("title: a\nruns: {method: copy}\n", "`runs`"),
        ("title: a\nruns: [copy]\n", "mapping"),
        ("title: a\ndefaults: [phantom]\nruns: [{method: copy}]\n", "mapping"),
        ("title: a\ndefaults: {datset: phantom}\nruns: [{method: copy}]\n", "`defaults`"),
        ("runs: [{method: copy}]\n", "title"),
        ("title: a\nrun: 1\nruns: [{method: copy}]\n", "no key in the suite .*'run'.*did you mean 'runs'"),
        ("title: [\n", "as YAML"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=said):
        read_suite(path)


def test_everything_that_is_wrong_in_a_file_is_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "title: mine\ndefaults:\n  seds: 3\nruns:\n  - method: copy\n    dataset: phantom\n"
        "  - method: copy\n    seeds: many\n  - dataset: phantom\n"
    )
    with pytest.raises(ConfigError) as caught:
        find_suite(str(path))
    assert caught.value.message.startswith("3 things are wrong in the suite ")
    got = caught.value.got
    assert "'seds' (line 3, column 3)" in got
    assert "'many' (line 8, column 5)" in got
    assert "(line 9, column 5)" in got
    assert len(got.splitlines()) == len(caught.value.fix.splitlines()) == 3


def test_suites_are_found_by_name_and_by_path(tmp_path: Path) -> None:
    assert find_suite("histodiffusion_table1").file.name == "histodiffusion_table1"
    assert find_suite(str(write(tmp_path, COPY))).file.title == "Mine"
    with pytest.raises(ConfigError) as raised:
        find_suite("histodifusion_table1")
    assert "did you mean 'histodiffusion_table1'" in raised.value.fix
    with pytest.raises(ConfigError, match="suite file") as raised:
        find_suite(str(tmp_path / "absent.yaml"))
    assert suite_names()[0] in raised.value.fix


def test_a_published_table_lies_beside_the_suite_or_ships(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        suite(tmp_path, COPY, published={"layout": "mine"})
    assert "histodiffusion-table1" in raised.value.fix
    layout = {"title": "Mine", "paper": "a paper", "keys": {"method": {"copy": "Copy"}}, "rows": ["method"]}
    layout |= {"fixed": {"dataset": "consep"}, "metrics": {"pq/image": {"title": "PQ", "digits": 3}}}
    (tmp_path / "own_table.yaml").write_text(yaml.safe_dump(layout, sort_keys=False))
    (tmp_path / "own_table.csv").write_text("method,pq/image\ncopy,0.5\n")
    found = published_table(suite(tmp_path, COPY, published={"layout": "own-table"}))
    assert found is not None
    assert (found.layout.title, found.arms, found.datasets) == ("Mine", {"copy"}, ("consep",))
    wrong = {"layout": "own-table", "stand_in": {"glysac": "phantom"}}
    with pytest.raises(ConfigError, match="dataset or metric in the table own-table"):
        suite(tmp_path, COPY, published=wrong)
    right = {"layout": "own-table", "stand_in": {"consep": "phantom", "pq/image": "aji/image"}}
    assert published_table(suite(tmp_path, COPY, published=right)) is not None
