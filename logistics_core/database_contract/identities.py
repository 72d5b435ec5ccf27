"""External ids, in the schema `identity`: the statements with which people decide what they stand for."""

from enum import StrEnum


class LinkSource(StrEnum):
    """Who made a link."""

    PERSON = "person"
    RULE = "rule"
    FILE = "file"


class ProposalState(StrEnum):
    """What became of a proposal."""

    OPEN = "open"
    """It waits for a person or a rule."""
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    """The records do not suggest it any more, or the id was linked otherwise."""


MAKE_LINK = "identity.make_link(%(entity)s, %(system)s, %(external_id)s, %(key)s::text, %(requested_by)s, %(reason)s)"
"""SQL call that links an external id with a master key, or with nothing if that is NULL; returns the ID of the link."""

DECIDE_PROPOSAL = "identity.decide_proposal(%(proposal_id)s, %(is_accepted)s, %(requested_by)s, %(reason)s)"
"""SQL call that accepts or rejects an open proposal; returns its ID, NULL if it is not open any more."""
