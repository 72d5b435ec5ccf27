"""The browser that pages are measured in; `tests/browser` tests them in the same one."""

import os
import shutil

CHROMIUM = os.environ.get("LOGISTICS_TEST_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
"""Path of the program; None where there is none."""

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""Headless, and silent towards the Internet."""
