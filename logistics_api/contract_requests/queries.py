"""Statements about requests: the one that makes them, and what they and their proposal are now."""

from logistics_core.database_contract.contracts import REQUEST_CONTRACT_ACTION, ContractAction

MAKE_REQUEST = f"""
-- Requests an action; NULL if there is no such proposal, or too many requests are pending.
-- One row: the number of the request.
SELECT {REQUEST_CONTRACT_ACTION}
"""

REQUEST = """
jsonb_build_object(
    'request_id', request.request_id,
    'action', request.action,
    'proposal_id', coalesce(request.proposal_id::text, request.result ->> 'proposal_id'),
    'dataset', coalesce(request.dataset, request.result ->> 'dataset'),
    'path', request.argument ->> 'path',
    'requested_by', request.requested_by,
    'requested_at', request.requested_at,
    'done_at', request.done_at,
    'outcome', request.outcome,
    'error', request.error,
    'result', request.result,
    'age_seconds', extract(epoch FROM clock_timestamp() - request.requested_at)
)
"""

ONE_REQUEST = f"""
-- Returns a request.
-- One row: a JSON object, NULL if the request does not exist.
-- Reads catalogue.requests.
SELECT (SELECT {REQUEST} FROM catalogue.requests AS request WHERE request_id = %(request_id)s)
"""

_IS_EDITED = "coalesce((proposal.document ->> 'edited')::boolean, false)"
OPEN_QUESTIONS = f"""
CASE WHEN {_IS_EDITED} THEN 0 ELSE (
    SELECT count(*)
    FROM jsonb_array_elements(coalesce(proposal.document -> 'questions', '[]')) AS question
    WHERE NOT coalesce(proposal.document -> 'answers', '{{}}') ? (question ->> 'id')
) END
"""
OBSTACLES = "jsonb_array_length(coalesce(proposal.document -> 'obstacles', '[]'))"

PROPOSAL_STATE = f"""
-- Says in which state a proposal is, and how much is left to do about it.
-- One row: the state, NULL if there is no such proposal; number of open questions; number of obstacles.
-- Reads catalogue.proposals.
SELECT max(proposal.state), coalesce(max({OPEN_QUESTIONS}), 0), coalesce(max({OBSTACLES}), 0)
FROM catalogue.proposals AS proposal
WHERE proposal_id = %(proposal_id)s
"""

NEEDS_ANSWERS = frozenset({ContractAction.ACCEPT, ContractAction.DRY_RUN})
"""Actions that are only possible when nothing is left to do about a proposal."""
