"""Takes the pictures of docs/screenshots from a running system with data in it: `make screenshots`."""

import os
import sys

from playwright.sync_api import sync_playwright

from bench.browser import ARGUMENTS, CHROMIUM
from tests.checkout import PROJECT_ROOT

FOLDER = PROJECT_ROOT / "docs" / "screenshots"
WIDE, PHONE = (1440, 960), (390, 844)
PAGES = {
    "overview": ("/", WIDE, "light"),
    "overview-dark": ("/", WIDE, "dark"),
    "overview-phone": ("/", PHONE, "light"),
    "routes": ("/routes", WIDE, "light"),
    "vehicles": ("/vehicles", WIDE, "light"),
    "costs": ("/costs", WIDE, "light"),
    "explore": ("/explore?range=year&grain=month&by=origin&metrics=revenue", WIDE, "light"),
    "pipeline": ("/pipeline", WIDE, "light"),
    "data": ("/data", WIDE, "light"),
}


def main(url: str) -> None:
    """Takes one of each page, once nothing is fetched any more."""
    FOLDER.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        for name, (path, (width, height), theme) in PAGES.items():
            page = browser.new_page(
                viewport={"width": width, "height": height},
                color_scheme="dark" if theme == "dark" else "light",
                reduced_motion="reduce",
            )
            page.goto(f"{url}{path}")
            page.wait_for_timeout(4000)  # the event stream stays open: the network never falls silent
            page.screenshot(path=FOLDER / f"{name}.png")
            page.close()
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else f"http://127.0.0.1:{os.environ.get('LOGISTICS_API_PORT', '8000')}")
