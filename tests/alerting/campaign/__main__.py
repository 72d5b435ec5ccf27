"""`python -m tests.alerting.campaign`: by hand. Exit code 1 if an incident or a message was lost, doubled or wrong."""

import sys

from tests import campaigns
from tests.alerting.campaign.campaign import build_stage, describe, run_campaign

if __name__ == "__main__":
    sys.exit(campaigns.main("tests.alerting.campaign", str(__doc__), build_stage, run_campaign, describe))
