"""Runs a peer's `load` in the peer's environment and prints how long it took. Imports nothing of the project."""

import importlib
import json
import sys
import time


def main() -> None:
    name, url, path, folder = sys.argv[1:]
    load = importlib.import_module(name).load
    since = time.perf_counter()
    load(url, path, folder)
    print(json.dumps({"seconds": time.perf_counter() - since}))


if __name__ == "__main__":
    main()
