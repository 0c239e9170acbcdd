"""The report in a browser: no errors, no serious violation, and no part that a keyboard or a narrow screen loses."""

from __future__ import annotations

from pathlib import Path

import pytest
from selenium.webdriver import ActionChains, Keys

from bench.cli.report_cards import dataset_cards, method_cards
from reports.report.page import render
from tests.browser.driver import browser, console_errors, needs_browser, serious_violations
from tests.reports.report.toy_report import Run, fill, material

pytestmark = pytest.mark.slow

HOSTILE = "</style><script>window.broken = 1</script>"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("store")
    runs = [Run("diffmix", rows=1), Run("sdm", rows=1, shift=-0.06), Run(HOSTILE, rows=1)]
    runs += [Run("gradmix", f"{ratio:g}x", rows=0, fixed={"ratio": ratio}) for ratio in (0.5, 1.0)]
    results = fill(store, runs)
    cards = {"datasets": dataset_cards(["phantom"]), "methods": method_cards(["real-only", "diffmix"])}
    path = store / "report.html"
    path.write_text(render(material(results, **cards)), encoding="utf-8")
    return path


@needs_browser
@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (400, False)])
def test_screens(page: Path, tmp_path: Path, width: int, dark: bool) -> None:
    with browser(tmp_path, width=width, dark=dark) as driver:
        driver.set_script_timeout(240)
        driver.get(page.as_uri())
        for details in driver.find_elements("css selector", "details"):
            driver.execute_script("arguments[0].open = true", details)
        assert driver.execute_script("return document.documentElement.scrollWidth") == width
        lost = "return [...document.images].filter(i => !i.complete || !i.naturalWidth).length"
        assert driver.execute_script(lost) == 0
        # axe starts after the page's own errors were read: it warns in the console itself
        assert console_errors(driver) == []
        assert driver.execute_script("return window.broken") is None
        assert serious_violations(driver) == []


@needs_browser
def test_long_names_hide_no_verdict(page: Path, tmp_path: Path) -> None:
    with browser(tmp_path) as driver:
        driver.get(page.as_uri())
        forest = driver.find_element("css selector", ".differences .scroll")
        assert driver.execute_script("return arguments[0].scrollWidth - arguments[0].clientWidth", forest) == 0
    with browser(tmp_path, width=400) as driver:
        driver.get(page.as_uri())
        names = "return [...document.querySelectorAll('.board th[scope=row], .forest th[scope=row]')]"
        assert max(driver.execute_script(f"{names}.map(e => e.getBoundingClientRect().width)")) < 400 / 2


@needs_browser
def test_a_keyboard_reaches_all_that_scrolls(page: Path, tmp_path: Path) -> None:
    with browser(tmp_path, width=400) as driver:
        driver.get(page.as_uri())
        ActionChains(driver).send_keys(Keys.TAB).perform()
        assert driver.switch_to.active_element.get_attribute("class") == "skip"
        left = driver.execute_script("return document.activeElement.getBoundingClientRect().left")
        assert left >= 0  # the link to the content is seen once it has the focus
        ActionChains(driver).send_keys(Keys.ENTER).perform()
        assert driver.switch_to.active_element.get_attribute("id") == "main"
        scrolling = "return [...document.querySelectorAll('*')].filter(e => e.scrollWidth > e.clientWidth + 1 &&"
        scrolling += " ['auto', 'scroll'].includes(getComputedStyle(e).overflowX)).map(e => [e.tabIndex, e.ariaLabel])"
        found = driver.execute_script(scrolling)
        assert found
        assert all(index == 0 and label for index, label in found)
        area = driver.find_element("css selector", ".boards .scroll")
        driver.execute_script("arguments[0].focus()", area)
        ActionChains(driver).send_keys(Keys.ARROW_RIGHT).pause(0.5).perform()
        assert driver.execute_script("return arguments[0].scrollLeft", area) > 0
        outline = driver.execute_script("return getComputedStyle(arguments[0]).outlineStyle", area)
        assert outline == "solid"


@needs_browser
def test_print_is_light_and_complete(page: Path, tmp_path: Path) -> None:
    with browser(tmp_path, width=703, dark=True) as driver:
        driver.get(page.as_uri())
        scheme = {"name": "prefers-color-scheme", "value": "dark"}
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print", "features": [scheme]})
        look = "return [...arguments].map(s => getComputedStyle(document.querySelector(s)))"
        body, contents, scroll, row = driver.execute_script(
            f"{look}.map(c => [c.backgroundColor, c.display, c.overflowX, c.position])",
            "body", ".contents", ".scroll", ".board th[scope=row]",
        )  # fmt: skip
        assert body[0] == "rgb(255, 255, 255)"
        assert contents[1] == "none"
        assert scroll[2] == "visible"
        assert row[3] == "static"
        assert driver.execute_script("return document.documentElement.scrollWidth") <= 703
        # words and intervals of forest plots are whole: cells of one line, next to names of several
        heights = "return [...document.querySelectorAll('.forest tbody td')].map(e => e.textContent.trim() ?"
        heights += " (r => (r.selectNodeContents(e), r.getBoundingClientRect().height))(document.createRange()) : 0)"
        assert max(driver.execute_script(heights)) < 20
        versions = driver.find_element("css selector", "details.printed dl")
        assert versions.size["height"] > 0


@needs_browser
def test_pictures_grow(page: Path, tmp_path: Path) -> None:
    with browser(tmp_path) as driver:
        driver.get(page.as_uri())
        width = "return document.querySelector('.grid img').getBoundingClientRect().width"
        before = driver.execute_script(width)
        driver.execute_script("arguments[0].click()", driver.find_element("css selector", "input.size-l"))
        assert driver.execute_script(width) > before
