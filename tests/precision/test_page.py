"""docs/precision.md covers every metric, and a comparison that it does not print, or that is worse, fails."""

import numpy as np
import pytest

from tests.precision.agreement import Agreement, Agreements, difference, power_of_ten
from tests.precision.page import PAGE, known_metrics, missing, reasons_of, render, row_of, rows_of
from tests.precision.reasons import REASONS


def test_every_metric_has_a_reference_or_a_reason():
    page = PAGE.read_text(encoding="utf-8")
    compared, reasons = {metric for metric, *_ in rows_of(page)}, set(reasons_of(page))
    uncovered = [name for name in known_metrics() if name not in compared | reasons]
    assert not uncovered, "compare it with `agree` or add it to tests/precision/reasons.py, then `make precision`"
    assert not compared & reasons
    assert reasons_of(page) == REASONS


def test_what_is_printed_is_within_its_bound():
    lines = [line.strip("|\n").split(" | ") for line in PAGE.read_text(encoding="utf-8").splitlines()]
    numbers = [(cells[5].split()[1], cells[6].split()[0]) for cells in lines if len(cells) == 7 and "<" in cells[5]]
    assert len(numbers) > 40
    # Seen is rounded up to a power of ten, the bound is not.
    assert all(float(seen) <= 10 * float(bound) for seen, bound in numbers)


def agreement(seen, **changes):
    about = {"metric": "pq/image", "reference": "numpy", "function": "f", "inputs": "two maps", "bound": 1e-6}
    return Agreement(**(about | changes), seen=seen)


def test_the_page_reads_back_and_does_not_depend_on_the_order():
    rows = [agreement(2e-9), agreement(0.0, metric="fd", relative=True), agreement(0.5, metric="zz", bound=1.0)]
    page = render(rows)
    assert page == render(rows[::-1])
    assert rows_of(page) == {row_of(row) for row in rows}
    assert [line.split(" | ")[0] for line in page.splitlines()[9:12]] == ["| pq/image", "| fd", "| zz"]
    assert f"| numpy | {np.__version__} | f | two maps | < 1e-8 | 1e-06 |" in page
    assert "fd" not in missing(rows)
    assert "kd" in missing(rows)
    assert "fid" not in missing(rows)


def test_the_largest_difference_is_kept_and_bounds_may_not_differ():
    log = Agreements()
    for seen in (1e-9, 1e-7, 0.0):
        log.add(agreement(seen))
    assert [row.seen for row in log.rows()] == [1e-7]
    with pytest.raises(AssertionError, match="one bound"):
        log.add(agreement(0.0, bound=1e-3))


@pytest.mark.parametrize(
    ("ours", "theirs", "relative", "expected"),
    [
        (1.5, 1.0, False, 0.5),
        (3.0, 2.0, True, 0.5),
        ([1.0, np.nan], [1.25, np.nan], False, 0.25),
        (np.nan, np.nan, False, 0.0),
        (np.inf, np.inf, False, 0.0),
    ],
)
def test_difference(ours, theirs, relative, expected):
    assert difference(ours, theirs, relative=relative) == expected


@pytest.mark.parametrize(("ours", "theirs"), [(1.0, np.nan), (np.nan, 1.0), ([1.0], [1.0, 2.0])])
def test_values_that_cannot_be_compared_fail(ours, theirs):
    with pytest.raises(AssertionError):
        difference(ours, theirs, relative=False)


def test_powers_of_ten():
    assert [power_of_ten(value) for value in (0.0, 1e-15, 3e-9, 0.2, 1.0)] == [
        "< 1e-12",
        "< 1e-12",
        "< 1e-8",
        "< 1e0",
        "< 1e1",
    ]


def test_agree_fails_when_a_metric_is_off_or_the_page_does_not_know_the_comparison(agree):
    about = {"reference": "numpy", "function": "nothing", "inputs": "none", "bound": 1e-6}
    with pytest.raises(AssertionError, match=r"pq/image: 1\.0 is 0\.5 from 0\.5"):
        agree("pq/image", 1.0, 0.5, **about)
    with pytest.raises(AssertionError, match=r"not in docs/precision\.md"):
        agree("pq/image", 1.0, 1.0, **about)
