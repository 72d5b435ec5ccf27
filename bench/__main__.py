"""`python -m bench`: runs the parts that are asked for, prints their tables, and records them."""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench import results
from bench.database import open_database
from bench.machine import describe_environment
from bench.part import Bench, Part
from bench.parts import PARTS
from bench.processes import system_times
from bench.rendering import render_page, render_part
from bench.results import Result

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"


def main() -> None:
    """Runs the parts, each on tables it may do anything with, on one server for all."""
    arguments = _parse()
    recorded = arguments.scale == 1
    for name in [name for name in os.environ if name.startswith("LOGISTICS_")]:
        del os.environ[name]  # what is measured is the product as it comes
    with (
        tempfile.TemporaryDirectory(prefix="logistics-bench-", dir=arguments.folder) as folder,
        open_database(Path(folder) / "postgres") as database,
    ):
        bench = Bench(Path(folder), database, arguments.scale, arguments.repeat)
        for part in arguments.only:
            print(f"{part.name}: {part.title}", flush=True)
            result = run_part(part, bench)
            print(f"\n{render_part(part, result)}", flush=True)
            if recorded:
                results.save(result)
                PAGE.write_text(render_page(PARTS, results.load))
    print(f"Recorded in {PAGE.name}." if recorded else "Not recorded: SCALE is not 1.")


def run_part(part: Part, bench: Bench) -> Result:
    """Measures one part and notes when, on what, and how disturbed."""
    environment = describe_environment(bench.database.connection)
    since, (total_before, stolen_before) = time.monotonic(), system_times()
    findings = part.measure(bench)
    total, stolen = system_times()
    percent = None
    if stolen is not None and stolen_before is not None:
        percent = (stolen - stolen_before) / (total - total_before) * 100
    minutes = (time.monotonic() - since) / 60
    return Result(part.name, datetime.now(UTC).date().isoformat(), minutes, percent, environment, findings)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", type=select, default=PARTS, help=f"of {', '.join(part.name for part in PARTS)}")
    parser.add_argument("--scale", type=_positive(float), default=1.0, help="factor for the number of records")
    parser.add_argument("--repeat", type=_positive(int), help="repetitions of each measurement")
    parser.add_argument("--folder", type=Path, help="where there is room for some 10 GB")
    return parser.parse_args()


def select(names: str) -> Sequence[Part]:
    """The parts of a comma-separated list, in the order they are always run."""
    wanted = {name.strip() for name in names.split(",")}
    unknown = wanted - {part.name for part in PARTS}
    if unknown:
        raise argparse.ArgumentTypeError(f"no part is called {', '.join(sorted(unknown))}")
    return [part for part in PARTS if part.name in wanted]


def _positive(kind: Callable[[str], float]) -> Callable[[str], float]:
    def read(text: str) -> float:
        number = kind(text)
        if number <= 0:
            raise argparse.ArgumentTypeError("must be more than 0")
        return number

    return read


if __name__ == "__main__":
    main()
