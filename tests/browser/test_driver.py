"""The browser of the tests sees errors, violations and the colour scheme."""

from pathlib import Path

from tests.browser.driver import browser, console_errors, needs_browser, serious_violations

PAGE = """<!doctype html><html lang="en"><title>t</title><main><h1>t</h1>{}</main></html>"""


@needs_browser
def test_errors_and_violations_are_seen(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.html", tmp_path / "bad.html"
    good.write_text(PAGE.format("<p>text</p>"))
    bad.write_text(PAGE.format('<img src="data:,"><script>throw new Error("broken")</script>'))
    with browser(tmp_path / "profile", width=400, dark=True) as driver:
        driver.get(good.as_uri())
        assert console_errors(driver) == []
        assert serious_violations(driver) == []
        assert driver.execute_script("return window.innerWidth") == 400
        assert driver.execute_script("return matchMedia('(prefers-color-scheme: dark)').matches")
        driver.get(bad.as_uri())
        assert any("broken" in line for line in console_errors(driver))
        assert [line.split(":")[0] for line in serious_violations(driver)] == ["image-alt"]
