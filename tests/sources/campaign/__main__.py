"""`python -m tests.sources.campaign`: by hand. Exit code 1 if anything was lost, doubled, wrong, hung or unseen."""

import sys


def main() -> int:
    # Not above: each process that pulls imports this module again.
    from tests import campaigns
    from tests.sources.campaign.campaign import build_site, describe, run_campaign

    return campaigns.main("tests.sources.campaign", str(__doc__), build_site, run_campaign, describe)


if __name__ == "__main__":
    sys.exit(main())
