"""`python -m tests.faults`: the campaign by hand. Exit code 1 if anything was lost, doubled or wrong."""

import argparse
import sys

from tests.faults.campaign import build_stage, describe, run_campaign


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--runs", type=int, default=100, help="how many runs (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of all that is random (default: %(default)s)")
    parser.add_argument("--only", type=int, metavar="RUN", help="the run of this number alone")
    arguments = parser.parse_args()
    numbers = range(arguments.runs) if arguments.only is None else [arguments.only]
    with build_stage() as stage:
        report = run_campaign(
            stage, numbers, arguments.seed, lambda result: print(describe(result, arguments.seed), flush=True)
        )
    print(f"\n{report}")
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
