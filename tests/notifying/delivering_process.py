"""Sends what is due in a process of its own, which a test may kill."""

import sys
import time

from logistics_core.settings import Settings
from logistics_pipeline.notifying.delivery import Delivery


def main(url: str, lease_seconds: str, seconds: str) -> None:
    """For so many seconds. Prints `begun` first."""
    with Delivery(url, Settings(), lease_seconds=float(lease_seconds)) as delivery:
        print("begun", flush=True)
        end = time.monotonic() + float(seconds)
        while time.monotonic() < end:
            if not delivery.run_due():
                time.sleep(0.01)


if __name__ == "__main__":
    main(*sys.argv[1:])
