"""The links there are, as the command line and the API list them, in SQL."""

from collections.abc import Collection, Mapping

FILTERS: Mapping[str, str] = {
    "entity": "link.entity = %(entity)s",
    "system": "link.system = %(system)s",
    "external_id": "link.external_id = %(external_id)s",
    "after": "link.link_id < %(after)s",
}
_OF_KEY = "link.master_key = %(key)s"

_COLUMNS = (
    "link_id, entity, system, external_id, master_key, made_at, author, source, reason, file_id, record_no, "
    "withdrawn_at, refreshed_as"
)
_DOCUMENT = """
json_build_object(
    'link_id', link.link_id,
    'entity', link.entity,
    'system', link.system,
    'external_id', link.external_id,
    'key', link.master_key,
    'made_at', link.made_at,
    'author', link.author,
    'source', link.source,
    'reason', link.reason,
    'file_id', link.file_id,
    'record_no', link.record_no,
    'withdrawn_at', link.withdrawn_at,
    'decides', newest.link_id IS NOT NULL,
    'waits', link.refreshed_as IS NULL
)
"""


def listed_links(given: Collection[str]) -> str:
    """The SELECT of links, the newest first: link_id and a document, at most `limit` and one more.

    `given` names the filters: `entity`, `system`, `external_id`, `key`, `after` (a link_id), and `as_of`, with which
    only the links that decided at that moment are listed. Parameters have the names of the filters.
    """
    wanted = [condition for name, condition in FILTERS.items() if name in given and name != "after"]
    outer = ["true"]
    relation = "identity.links"
    if "as_of" in given:
        relation = f"""(
            SELECT DISTINCT ON (entity, system, external_id) {_COLUMNS}
            FROM identity.links AS link
            WHERE link.withdrawn_at IS NULL AND link.made_at <= %(as_of)s {"".join(f"AND {each} " for each in wanted)}
            ORDER BY entity, system, external_id, made_at DESC, file_id DESC NULLS FIRST, record_no DESC, link_id DESC
        )"""
    else:
        outer += wanted
    if "key" in given:
        outer.append(_OF_KEY)
    if "after" in given:
        outer.append(FILTERS["after"])
    return f"""
SELECT link.link_id, {_DOCUMENT} AS document
FROM {relation} AS link
LEFT JOIN identity.newest_links AS newest ON newest.link_id = link.link_id
WHERE {" AND ".join(outer)}
ORDER BY link.link_id DESC
LIMIT %(limit)s + 1
"""


PROPOSAL = """
json_build_object(
    'proposal_id', proposal.proposal_id,
    'entity', proposal.entity,
    'system', proposal.system,
    'external_id', proposal.external_id,
    'key', proposal.master_key,
    'rule', proposal.rule,
    'similarity', proposal.similarity,
    'evidence', proposal.evidence,
    'state', proposal.state,
    'proposed_at', proposal.proposed_at,
    'decided_at', proposal.decided_at,
    'decided_by', proposal.decided_by,
    'reason', proposal.reason,
    'link_id', proposal.link_id
)
"""

PROPOSAL_FILTERS: Mapping[str, str] = {
    "entity": "proposal.entity = %(entity)s",
    "system": "proposal.system = %(system)s",
    "external_id": "proposal.external_id = %(external_id)s",
    "key": "proposal.master_key = %(key)s",
    "state": "proposal.state = %(state)s",
    "after": "proposal.proposal_id > %(after)s",
}


def listed_proposals(given: Collection[str]) -> str:
    """The SELECT of proposals, the oldest first: proposal_id and a document, at most `limit` and one more.

    `given` names the filters of `PROPOSAL_FILTERS`.
    """
    wanted = ["true", *(condition for name, condition in PROPOSAL_FILTERS.items() if name in given)]
    return f"""
SELECT proposal.proposal_id, {PROPOSAL} AS document
FROM identity.proposals AS proposal
WHERE {" AND ".join(wanted)}
ORDER BY proposal.proposal_id
LIMIT %(limit)s + 1
"""


ENTITIES = """
SELECT json_build_object(
    'links', (SELECT count(*) FROM identity.links WHERE entity = %(entity)s AND withdrawn_at IS NULL),
    'waiting', (SELECT count(*) FROM identity.links WHERE entity = %(entity)s AND refreshed_as IS NULL),
    'open_proposals', (SELECT count(*) FROM identity.proposals WHERE entity = %(entity)s AND state = 'open'),
    'proposed', (
        SELECT coalesce(json_object_agg(system, proposals), '{}')
        FROM (
            SELECT system, count(*) AS proposals
            FROM identity.proposals
            WHERE entity = %(entity)s AND state = 'open'
            GROUP BY system
        ) AS by_system
    ),
    'linked', (
        SELECT coalesce(json_object_agg(system, ids), '{}')
        FROM (
            SELECT system, count(*) AS ids
            FROM identity.newest_links
            WHERE entity = %(entity)s AND master_key IS NOT NULL
            GROUP BY system
        ) AS by_system
    )
)
"""
"""One row: what there is about an entity, as JSON."""
