"""MLflow's pages in a browser, as a new user of `bench ui` meets them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.support.wait import WebDriverWait

from bench.tracking import rebuild
from bench.tracking.server import pages_of, started
from tests.bench.tracking.toy_store import make_store
from tests.browser.driver import browser, needs_browser

PATIENCE = 180


def text_of(driver: Chrome, wanted: str) -> str:
    """Return the text of the page once it holds `wanted`."""
    WebDriverWait(driver, PATIENCE).until(lambda page: wanted in page.find_element("tag name", "body").text)
    return driver.find_element("tag name", "body").text


def open_page(driver: Chrome, url: str, wanted: str) -> str:
    driver.get("about:blank")  # another fragment of the same page would not load it again
    driver.get(url)
    return text_of(driver, wanted)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@needs_browser
def test_pages_show_runs_their_numbers_and_data(tmp_path: Path) -> None:
    make_store(tmp_path / "store", "run-1", seeds=1)
    make_store(tmp_path / "store", "run-2", seeds=1, shift=0.1, variant="guidance_scale=3.0")
    rebuild(tmp_path / "store")
    name = "diffmix · guidance_scale=2.0 · smoke"
    with started(tmp_path / "store") as (_, url), browser(tmp_path / "profile", width=1800) as driver:
        pages = pages_of(url)
        listed = open_page(driver, pages["Runs"], name)
        assert "diffmix · guidance_scale=3.0" in listed
        assert "Evaluation runs" not in listed  # as GenAI mode has
        cells = driver.find_elements("css selector", "[role=columnheader]")
        heads = [str(cell.get_attribute("col-id")) for cell in sorted(cells, key=lambda cell: cell.location["x"])]
        shown = [head for head in heads if head.startswith(("tags.", "metrics."))]
        assert shown[:3] == ["tags.`bench.verdict`", "metrics.`pq`", "metrics.`pq difference`"]
        assert "real-only" not in listed  # arms are folded in
        compared = open_page(driver, pages["Comparison"], "Parallel Coordinates")
        assert "Fidelity, faithfulness and utility together" in compared
        driver.find_element("partial link text", "guidance_scale=2.0").click()
        run = text_of(driver, "Duration")
        assert "4.1min" in run
        assert "phantom by diffmix (seed 0)" in run
        assert "Metrics (" in run
        assert int(run.partition("Metrics (")[2].partition(")")[0]) <= 20
        assert "Evaluation runs" not in run
        address = driver.current_url.partition("?")[0]
        open_page(driver, f"{address}/system-metrics", "cpu_utilization_percentage")
        open_page(driver, f"{address}/artifacts/leaderboard.json", "0.39 [0.366, 0.413]")
        experiments = open_page(driver, f"{url}/#/experiments", "phantom")
        assert "Default" not in experiments.split()
        look_in_the_dark(driver, pages["Runs"], name, address)
        narrow = {"width": 500, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", narrow)
        open_page(driver, pages["Runs"], name)
        assert "4.1min" in open_page(driver, address, "Duration")


def look_in_the_dark(driver: Chrome, runs: str, name: str, address: str) -> None:
    """Switch to the dark theme; the page of the leaderboard, which MLflow shows in a frame, follows it."""
    driver.execute_script("localStorage.setItem('_mlflow_dark_mode_toggle_enabled', 'true')")
    scheme = {"name": "prefers-color-scheme", "value": "dark"}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    open_page(driver, runs, name)
    assert brightness(driver) < 50
    open_page(driver, f"{address}/artifacts/leaderboard.html", "leaderboard.html")
    frame = WebDriverWait(driver, PATIENCE).until(lambda page: page.find_element("tag name", "iframe"))
    driver.switch_to.frame(frame)
    assert "diffmix" in text_of(driver, "real-only")
    assert brightness(driver) < 50
    assert brightness(driver, "color") > 200
    driver.switch_to.default_content()


def brightness(driver: Chrome, of: str = "background-color") -> float:
    """Return the mean of red, green and blue of the page's background or text, 0 to 255."""
    colour = driver.find_element("tag name", "body").value_of_css_property(of)
    return sum(int(part) for part in re.findall(r"\d+", colour)[:3]) / 3
