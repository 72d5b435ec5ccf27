"""The browser that pages are tested in."""

from contextlib import suppress

import psutil
from playwright.sync_api import Browser

SWITCH = "--disable-features="


def command_lines() -> list[list[str]]:
    """Of the processes below this one, without those that end while they are looked at."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            found.append(process.cmdline())
    return found


def test_features_that_playwright_disables_stay_disabled(chromium: Browser) -> None:
    """Of several such switches the last one counts: it must name what Playwright's names, and more."""
    found = [
        [word.removeprefix(SWITCH).split(",") for word in words if word.startswith(SWITCH)]
        for words in command_lines()
        if "--remote-debugging-pipe" in words and not any("--type=" in word for word in words)
    ]
    assert found
    for of_playwright, *_, ours in found:  # a process that Chromium has just forked looks like it for a moment
        assert set(of_playwright) < set(ours)
