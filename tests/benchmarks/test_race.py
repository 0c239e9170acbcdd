"""The table of benchmarks: which targets it calls met."""

from tests.benchmarks.race import OURS, Measured, table


def test_table():
    lines = list(
        table(
            [
                Measured("a", OURS, 0.004, "s", at_most=0.006),
                Measured("b", OURS, 2.5, "GiB", at_most=2.0),
                Measured("a", "slow", 0.5, "s", ratio=100, beside=0.005),
                Measured("a", "quick", 0.4, "s", ratio=100, beside=0.005),
            ]
        )
    )
    cells = [line.split() for line in lines[1:]]
    assert [row[0] for row in cells] == ["a", "a", "a", "b"]
    assert [row[-1] for row in cells] == ["yes", "yes", "MISSED", "MISSED"]
    assert cells[1][4:6] == ["100.0", "x"]
