"""Errors are short, whatever was found."""

from __future__ import annotations

import pickle

import pytest

from bench.datasets.checks.unknown_classes import UnknownClassError
from bench.errors import MOST_IN_LINE, BenchError, DataError, MissingError, SealError


def test_a_short_error_is_kept_as_it_is() -> None:
    error = BenchError("It failed", got="a\nb", fix="do c")
    assert str(error) == "It failed; got: a\nb; fix: do c"


def test_values_of_megabytes_are_cut() -> None:
    error = DataError("x" * 10**7, got="y" * 10**7, fix="\n".join(["z" * 2000] * 10_000))
    assert error.message == "x" * MOST_IN_LINE + " ... 9,999,000 more characters"
    assert len(error.got) < 1100
    lines = error.fix.split("\n")
    assert len(lines) == 101
    assert lines[0] == "z" * 1000 + " ... 1,000 more characters"
    assert lines[-1] == "... 9,900 more lines"
    assert len(repr(error)) < 1200


@pytest.mark.parametrize("n", [100, 101])
def test_many_lines_are_counted(n: int) -> None:
    text = "\n".join(["a line of some length"] * n)
    assert (BenchError("m", got=text).got == text) == (n == 100)


def test_a_cut_error_travels_between_processes() -> None:
    error = pickle.loads(pickle.dumps(SealError("m" * 5000, got="g" * 5000)))
    assert (len(error.message), len(error.got)) == (1026, 1026)


def test_errors_come_from_other_processes_as_they_were() -> None:
    class_error = UnknownClassError("a.mat", [7], [1, 2], "name every class")
    class_error.add_note("step: prepare")
    for error in (class_error, DataError("no file", got="a", fix="b"), MissingError("nothing")):
        found = pickle.loads(pickle.dumps(error))
        assert type(found) is type(error)
        assert (str(found), found.args, found.__dict__) == (str(error), error.args, error.__dict__)
