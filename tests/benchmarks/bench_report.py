"""The report of ten methods of three seeds, from files to the page."""

import pytest

from reports.report.page import render
from tests.benchmarks.race import OURS
from tests.reports.report.toy_report import METHODS, Run, fill, material

CASE = "report, 10 methods of 3 seeds"


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    names = [*METHODS, "stylegan2", "histodiffusion"]
    runs = [Run(name, rows=6, shift=0.001 * place) for place, name in enumerate(names)]
    return fill(tmp_path_factory.mktemp("store"), runs)


def test_our_report(clock, results):
    page = clock(CASE, OURS, lambda: render(material(results)), rounds=3, at_most=20)
    assert 5e6 < len(page.encode()) < 15e6
