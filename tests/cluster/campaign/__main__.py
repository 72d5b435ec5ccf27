"""`python -m tests.cluster.campaign`: by hand. Exit code 1 if anything was lost, doubled or wrong."""

import sys

from tests import campaigns
from tests.cluster.campaign.campaign import build_stage, describe, run_campaign
from tests.cluster.campaign.servers import why_unavailable

if __name__ == "__main__":
    if reason := why_unavailable():
        print(f"The campaign of a cluster is skipped: {reason}")
        sys.exit()
    sys.exit(campaigns.main("tests.cluster.campaign", str(__doc__), build_stage, run_campaign, describe))
