"""The page of leaderboards in a browser: readable in light and dark, wide and narrow."""

from __future__ import annotations

from pathlib import Path

import pytest

from reports.html import render_html
from tests.browser.driver import browser, console_errors, needs_browser, serious_violations
from tests.reports.boards import HOSTILE, board

pytestmark = pytest.mark.slow

OVERFLOW = "return document.documentElement.scrollWidth - window.innerWidth"
SCROLLS = "return [...document.querySelectorAll('.scroll')].map(one => one.scrollWidth > one.clientWidth)"
FIRST = "return document.querySelector('tbody th[scope=row]').getBoundingClientRect().left"
SCROLL = "document.querySelector('.scroll').scrollLeft = 200"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    path: Path = tmp_path_factory.mktemp("page") / "board.html"
    path.write_text(render_html([board(), board("tiny")]), encoding="utf-8")
    return path.as_uri()


@needs_browser
@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (400, False)])
def test_the_page_is_sound(page: str, tmp_path: Path, width: int, dark: bool) -> None:
    with browser(tmp_path / "profile", width=width, dark=dark) as driver:
        driver.get(page)
        assert console_errors(driver) == []
        assert serious_violations(driver) == []
        assert driver.execute_script(OVERFLOW) <= 0
        assert any(driver.execute_script(SCROLLS)) == (width == 400)
        assert HOSTILE in driver.find_element("tag name", "body").text
        paper = driver.execute_script("return getComputedStyle(document.querySelector('.board')).backgroundColor")
        assert paper == ("rgb(20, 24, 29)" if dark else "rgb(255, 255, 255)")
        if width == 400:  # the names stay in sight
            before = driver.execute_script(FIRST)
            driver.execute_script(SCROLL)
            assert driver.execute_script(FIRST) == before
