"""Two readers go through whole studies in a browser; what they answered is what the score says."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

from reports.study.answers import read_answers
from reports.study.draft import Amounts, by_name
from reports.study.key import Key
from reports.study.pages import Built
from reports.study.scoring import score
from tests.browser.driver import browser, console_errors, needs_browser, serious_violations
from tests.reports.study.made import right, study

pytestmark = pytest.mark.slow

Answers = Callable[[Chrome, int], None]
"""Gives the answer of a place, counted from 0, to the question that is shown."""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return study(tmp_path_factory.mktemp("study"), amounts=Amounts(4, 8, 1))


def by_keys(driver: Chrome, place: int) -> None:
    """Answer with digits and Enter."""
    ActionChains(driver).send_keys(str(place + 1), Keys.ENTER).perform()


def by_arrows(driver: Chrome, place: int) -> None:
    """Answer with arrows and Enter: right once for the first, once more for the second."""
    ActionChains(driver).send_keys(Keys.ARROW_RIGHT * (place + 1), Keys.ENTER).perform()


def by_mouse(driver: Chrome, place: int) -> None:
    """Answer with clicks on the option and on the button."""
    driver.find_elements(By.CSS_SELECTOR, ".option")[place].click()
    driver.find_element(By.CSS_SELECTOR, "[type=submit]").click()


def wanted(key: Key, number: int) -> list[int]:
    """Return the places of the answers that a reader who recognises everything gives, question by question."""
    reader, questions = key.readers[number], by_name(key.questions)
    images, places = {image.name: image for image in key.images}, []
    for trial in reader.trials:
        question = questions[trial.question]
        choice = right(question, [images[name] for name in question.images])
        methods = [images[reader.images[shown]].method for shown in trial.options]
        places.append(["real", "synthetic"].index(choice) if question.task == "turing" else methods.index(choice))
    return places


def done(driver: Chrome) -> int:
    return int(driver.find_element(By.ID, "bar").get_property("value"))


def go(driver: Chrome, places: list[int], answer: Answers, stop: int) -> None:
    """Answer from where the page is to question `stop`."""
    driver.find_element(By.ID, "begin").click()
    while (number := done(driver)) < stop:
        WebDriverWait(driver, 20).until(lambda one: one.find_elements(By.CSS_SELECTOR, "form[data-ready]"))
        time.sleep(0.35)  # the page takes no answer before that
        answer(driver, places[number])
        WebDriverWait(driver, 20).until(lambda one, before=number: done(one) == before + 1)


@contextmanager
def page(folder: Path, built: Built, number: int) -> Iterator[Chrome]:
    """Open a reader's page in the reader's browser, which saves files in its folder."""
    with browser(folder / "profile") as driver:
        allowed = {"behavior": "allow", "downloadPath": str(folder)}
        driver.execute_cdp_cmd("Browser.setDownloadBehavior", allowed)
        driver.get(built.pages[number].as_uri())
        yield driver
        assert console_errors(driver) == []


def saved(driver: Chrome, button: str, folder: Path, pattern: str) -> Path:
    """Press a button that saves a file, and return it."""
    driver.find_element(By.ID, button).click()
    WebDriverWait(driver, 20).until(lambda _: list(folder.glob(pattern)))
    (path,) = folder.glob(pattern)
    return path


@needs_browser
def test_two_readers_one_of_whom_closes_the_browser_half_way(built: Built, tmp_path: Path) -> None:
    key = built.key
    n = len(key.readers[0].trials)
    first, second = tmp_path / "first", tmp_path / "second"
    with page(first, built, 0) as driver:
        assert serious_violations(driver) == []
        go(driver, wanted(key, 0), by_keys, n // 2)
        partial = saved(driver, "partial", first, "*-partial.json")
    (half,) = read_answers(key, [partial], allow_partial=True)
    assert len(half.answers) == n // 2
    with page(first, built, 0) as driver:
        assert f"question {n // 2 + 1} of {n}" in driver.find_element(By.ID, "begin").text
        go(driver, wanted(key, 0), by_arrows, n)
        one = saved(driver, "download", first, f"*-{key.readers[0].reader}.json")
    with page(second, built, 1) as driver:
        wrong = [1 - place if number % 2 else place for number, place in enumerate(wanted(key, 1))]
        go(driver, wrong, by_mouse, n)
        assert serious_violations(driver) == []
        two = saved(driver, "download", second, f"*-{key.readers[1].reader}.json")
    with page(second, built, 1) as driver:  # a finished study goes on at its end
        assert driver.find_element(By.ID, "download").is_displayed()

    readers = read_answers(key, [one, two])
    assert all(reader.complete for reader in readers)
    kept = json.loads(partial.read_text(encoding="utf-8"))["answers"]
    assert json.loads(one.read_text(encoding="utf-8"))["answers"][: n // 2] == kept
    found = score(key, readers)
    assert (found.readers[0].accuracy.count, found.readers[0].accuracy.of) == (8, 8)
    assert found.readers[0].preferences == {"sdm": 0, "diffmix": 4}
    expected = _expected(key, wrong)
    assert found.readers[1].accuracy.count == expected["right"]
    assert found.readers[1].preferences["sdm"] == expected["sdm"]


def _expected(key: Key, places: list[int]) -> dict[str, int]:
    """Return how many answers of the second reader are right, and how many prefer `sdm`, without repeats."""
    reader, questions = key.readers[1], by_name(key.questions)
    images = {image.name: image for image in key.images}
    counts = {"right": 0, "sdm": 0}
    for trial, place in zip(reader.trials, places, strict=True):
        shown = [images[reader.images[name]] for name in trial.options]
        if trial.repeat:
            continue
        if questions[trial.question].task == "turing":
            counts["right"] += ("real", "synthetic")[place] == shown[0].origin
        else:
            counts["sdm"] += shown[place].method == "sdm"
    return counts


@needs_browser
def test_keys_enlarge_images_and_quick_presses_are_no_answers(built: Built, tmp_path: Path) -> None:
    with page(tmp_path, built, 0) as driver:
        driver.find_element(By.ID, "begin").click()
        WebDriverWait(driver, 20).until(lambda one: one.find_elements(By.CSS_SELECTOR, "form[data-ready]"))
        ActionChains(driver).send_keys("++").perform()
        pictures = driver.find_elements(By.CSS_SELECTOR, ".frame img")
        assert {picture.value_of_css_property("transform") for picture in pictures} == {
            "matrix(2.25, 0, 0, 2.25, 0, 0)"
        }
        ActionChains(driver).key_down(Keys.SHIFT).send_keys(Keys.ARROW_LEFT).key_up(Keys.SHIFT).perform()
        assert {picture.get_attribute("style").split(";")[0] for picture in pictures} == {"transform-origin: 40% 50%"}
        ActionChains(driver).send_keys("0").perform()
        assert pictures[0].value_of_css_property("transform") == "matrix(1, 0, 0, 1, 0, 0)"
        assert not driver.find_element(By.CSS_SELECTOR, "[type=submit]").is_enabled()
        ActionChains(driver).send_keys(Keys.ENTER).perform()
        assert done(driver) == 0  # nothing is chosen
        time.sleep(0.35)
        ActionChains(driver).send_keys("1", Keys.ENTER, Keys.ENTER, "1", Keys.ENTER).perform()
        assert done(driver) == 1  # the next question was not there long enough


@needs_browser
def test_a_browser_without_storage_warns_and_still_saves_the_file(built: Built, tmp_path: Path) -> None:
    with page(tmp_path, built, 0) as driver:
        source = "Object.defineProperty(window, 'localStorage', {get() { throw new Error('none') }})"
        driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": source})
        driver.refresh()
        assert "does not keep answers" in driver.find_element(By.ID, "warning").text
        assert serious_violations(driver) == []
        go(driver, wanted(built.key, 0), by_keys, 3)
        path = saved(driver, "partial", tmp_path, "*-partial.json")
    (reader,) = read_answers(built.key, [path], allow_partial=True)
    assert len(reader.answers) == 3


@needs_browser
def test_edited_storage_keeps_the_answers_before_the_edit(built: Built, tmp_path: Path) -> None:
    with page(tmp_path, built, 1) as driver:
        go(driver, wanted(built.key, 1), by_keys, 4)
        place = f"bench-study:{built.key.study}:reader-2"
        change = "const k = arguments[0]; const a = JSON.parse(localStorage.getItem(k)); a[2].ms += 1;"
        driver.execute_script(f"{change} localStorage.setItem(k, JSON.stringify(a))", place)
        driver.refresh()
        assert done(driver) == 2


@needs_browser
def test_a_second_window_stops_the_first(built: Built, tmp_path: Path) -> None:
    with page(tmp_path, built, 0) as driver:
        go(driver, wanted(built.key, 0), by_keys, 1)
        first = driver.current_window_handle
        driver.switch_to.new_window("tab")
        driver.get(built.pages[0].as_uri())
        go(driver, wanted(built.key, 0), by_keys, 2)
        driver.switch_to.window(first)
        WebDriverWait(driver, 20).until(lambda one: "another window" in one.find_element(By.ID, "warning").text)
        assert not driver.find_element(By.ID, "study").is_displayed()


@needs_browser
def test_hashes_of_the_page_are_those_of_the_standard(built: Built, tmp_path: Path) -> None:
    import hashlib

    with page(tmp_path, built, 0) as driver:
        for text in ("", "abc", "ä€😀" * 20, "x" * 55, "x" * 56, "x" * 64, "x" * 1000):
            assert (
                driver.execute_script("return sha256(arguments[0])", text) == hashlib.sha256(text.encode()).hexdigest()
            )
