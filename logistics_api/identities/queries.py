"""Statements about external ids. They only read, but for those that make a link or decide a proposal."""

from collections.abc import Collection

from logistics_api.http.listings import page_query
from logistics_core.database_contract.identities import DECIDE_PROPOSAL, MAKE_LINK
from logistics_core.identities.links import PROPOSAL, listed_links, listed_proposals


def links(given: Collection[str]) -> str:
    """Builds the query for a page of links, the newest first.

    One row: a JSON array; the link_id of the last entry; whether there are more. Reads identity.links, .newest_links.
    """
    return page_query(listed_links(given))


def proposals(given: Collection[str]) -> str:
    """Builds the query for a page of proposals, the oldest first.

    One row: a JSON array; the proposal_id of the last entry; whether there are more. Reads identity.proposals.
    """
    return page_query(listed_proposals(given))


ONE_PROPOSAL = f"""
-- Returns a proposal.
-- One row: a JSON object, NULL if there is none.
-- Reads identity.proposals.
SELECT (SELECT {PROPOSAL} FROM identity.proposals AS proposal WHERE proposal_id = %(proposal_id)s)
"""

MAKE = f"SELECT {MAKE_LINK}"
DECIDE = f"SELECT {DECIDE_PROPOSAL}"
"""One row each: what the function returns."""
