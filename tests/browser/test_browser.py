"""The browser that pages are tested in."""

import psutil
from playwright.sync_api import Browser

SWITCH = "--disable-features="


def test_features_that_playwright_disables_stay_disabled(chromium: Browser) -> None:
    """Of several such switches the last one counts: it must name what Playwright's names, and more."""
    found = [
        [word.removeprefix(SWITCH).split(",") for word in process.cmdline() if word.startswith(SWITCH)]
        for process in psutil.Process().children(recursive=True)
        if "--remote-debugging-pipe" in process.cmdline() and not any("--type=" in word for word in process.cmdline())
    ]
    assert found
    for of_playwright, *_, ours in found:  # a process that Chromium has just forked looks like it for a moment
        assert set(of_playwright) < set(ours)
