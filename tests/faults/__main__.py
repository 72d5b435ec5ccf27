"""`python -m tests.faults`: the campaign by hand. Exit code 1 if anything was lost, doubled or wrong."""

import sys

from tests import campaigns
from tests.faults.campaign import build_stage, describe, run_campaign

if __name__ == "__main__":
    sys.exit(campaigns.main("tests.faults", str(__doc__), build_stage, run_campaign, describe))
