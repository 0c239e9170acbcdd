"""Hostile YAML in cards, presets, suites and `--set`: a short error within seconds, and never a traceback."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import yaml

from bench.config import load_preset
from bench.config.files import folder, read_yaml
from bench.config.overrides import parse
from bench.config.yaml_text import MOST_NODES, load_yaml
from bench.datasets.card import read_card
from bench.errors import ConfigError
from bench.suite.file import read_suite

LAUGHS = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
)
MERGES = "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}\n" for n in range(1, 12))
HOSTILE = {
    "billion laughs": (LAUGHS, "more than 50,000 keys and values"),
    "billion merges": (MERGES, "more than 50,000 keys and values"),
    "laughs as a known key": (LAUGHS + "title: *a11\n", "more than 50,000 keys and values"),
    "itself": ("name: &a [*a]\n", "contains itself"),
    "itself as a key": ("name: &a {b: {c: *a}}\n", "contains itself"),
    "many values": ("name: [" + "a," * 300_000 + "]", "more than 50,000 keys and values"),
    "long": ("name: " + "x" * 2**20, "at most 1,048,576 are read"),
    "very long": ("#" * (2**22 + 1), "bytes; at most 1,048,576 characters"),
    "deep lists": ("name: " + "[" * 20_000, "nested too deeply"),
    "deep maps": ("name: " + "{a: " * 20_000, "nested too deeply"),
    "deep blocks": ("".join(" " * n + "a:\n" for n in range(700)), "nested too deeply"),
    "no such month": ("name: 2024-13-45\n", "a value that cannot be read: month must be"),
    "a number of many digits": ("name: " + "9" * 5000 + "\n", "a value that cannot be read"),
    "a Python object": ("name: !!python/object/apply:os.system ['touch made']\n", "could not determine a constructor"),
    "a list as a key": ("? [a]\n: b\n", "unhashable|found unhashable key"),
    "an alias of nothing": ("name: *nothing\n", "undefined alias"),
    "a long alias of nothing": ("name: *" + "n" * 9999 + "\n", "undefined alias"),
    "control characters": ("name: \x07\n", "special characters are not allowed"),
    "a number as a key": ("5: x\n", "not a text"),
    "nothing as a key": ("~: x\n", "not a text"),
}


def refused(read: object, words: str) -> None:
    begun = time.perf_counter()
    with pytest.raises(ConfigError, match=words) as caught:
        read()  # type: ignore[operator]
    assert time.perf_counter() - begun < 20
    assert caught.value.got
    assert len(str(caught.value)) < 2000


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.timeout(60)
def test_a_file_is_refused_in_a_short_error(tmp_path: Path, name: str) -> None:
    text, words = HOSTILE[name]
    (tmp_path / "card.yaml").write_text(text, encoding="utf-8")
    refused(lambda: read_yaml(tmp_path / "card.yaml"), words)


@pytest.mark.timeout(60)
def test_cards_and_suites_are_read_in_this_way(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(LAUGHS, encoding="utf-8")
    refused(lambda: read_card(path), "more than")
    refused(lambda: read_suite(path), "more than")


@pytest.mark.parametrize("value", ["[" * 5000, "&a [*a]", "2024-13-45", "!!python/name:os.system ''", "{"])
def test_a_value_of_the_command_line_is_refused(value: str) -> None:
    refused(lambda: parse([f"method.a={value}"]), "not valid YAML")


def test_aliases_within_reason_are_read() -> None:
    assert load_yaml("a: &a {x: 1}\nb: [*a, *a]\nc: {<<: *a, y: 2}") == {
        "a": {"x": 1},
        "b": [{"x": 1}, {"x": 1}],
        "c": {"x": 1, "y": 2},
    }
    assert load_yaml("") is None


def test_every_file_that_ships_is_far_below_the_limit() -> None:
    for path in folder().rglob("*.yaml"):
        nodes = sum(1 for event in yaml.parse(path.read_text(encoding="utf-8")) if isinstance(event, yaml.NodeEvent))
        assert nodes < MOST_NODES / 10, path


def test_of_thousands_of_wrong_keys_the_first_are_listed() -> None:
    with pytest.raises(ConfigError, match="31 things are wrong") as caught:
        load_preset("tiny", {f"key{number}": 1 for number in range(5000)})
    assert "4,970 more" in caught.value.got


def test_a_value_is_that_of_its_call_only() -> None:
    text = "a: {b: [1, 2]}"
    first = load_yaml(text)
    first["a"]["b"].append(3)
    assert load_yaml(text) == {"a": {"b": [1, 2]}}


@pytest.mark.parametrize("number", ["1" + ":1" * 500_000, "0x" + "f" * 900_000, "0b" + "1" * 900_000, "0" * 5000])
def test_a_number_that_takes_minutes_or_cannot_be_shown_is_refused(number: str) -> None:
    begin = time.process_time()
    with pytest.raises(yaml.YAMLError, match="a number of"):
        load_yaml(f"a: {number}")
    assert time.process_time() - begin < 10


def test_numbers_of_any_base_are_read() -> None:
    assert load_yaml("[12, 0x1f, 0b11, 017, 1:30, 1_000]") == [12, 31, 3, 15, 90, 1000]
