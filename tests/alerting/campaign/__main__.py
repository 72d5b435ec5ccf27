"""`python -m tests.alerting.campaign`: by hand. Exit code 1 if an incident or a message was lost, doubled or wrong."""

import argparse
import sys

from tests.alerting.campaign.campaign import build_stage, describe, run_campaign


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.alerting.campaign", description=__doc__)
    parser.add_argument("--runs", type=int, default=100, help="how many runs (default: %(default)s)")
    parser.add_argument("--first", type=int, default=0, help="the number of the first one (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of all that is random (default: %(default)s)")
    parser.add_argument("--only", type=int, metavar="RUN", help="the run of this number alone")
    arguments = parser.parse_args()
    numbers = range(arguments.first, arguments.first + arguments.runs)
    if arguments.only is not None:
        numbers = range(arguments.only, arguments.only + 1)
    with build_stage() as stage:
        report = run_campaign(
            stage, numbers, arguments.seed, lambda result: print(describe(result, arguments.seed), flush=True)
        )
    print(f"\n{report}")
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
