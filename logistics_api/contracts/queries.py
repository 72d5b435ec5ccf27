"""Statements about contracts, proposals and requests: the one that makes requests, and those that read."""

from collections.abc import Collection

from logistics_core.database_contract.contracts import REQUEST_CONTRACT_ACTION, ContractAction, ProposalState

PREVIEW_ROWS = 50

MAKE_REQUEST = f"""
-- Requests an action; NULL if there is no such proposal, or too many requests are pending.
-- One row: the number of the request.
SELECT {REQUEST_CONTRACT_ACTION}
"""

_REQUEST = """
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
SELECT (SELECT {_REQUEST} FROM catalogue.requests AS request WHERE request_id = %(request_id)s)
"""

_IS_EDITED = "coalesce((proposal.document ->> 'edited')::boolean, false)"
_OPEN_QUESTIONS = f"""
CASE WHEN {_IS_EDITED} THEN 0 ELSE (
    SELECT count(*)
    FROM jsonb_array_elements(coalesce(proposal.document -> 'questions', '[]')) AS question
    WHERE NOT coalesce(proposal.document -> 'answers', '{{}}') ? (question ->> 'id')
) END
"""
_OBSTACLES = "jsonb_array_length(coalesce(proposal.document -> 'obstacles', '[]'))"

_SUMMARY = f"""
jsonb_build_object(
    'proposal_id', proposal.proposal_id,
    'path', proposal.path,
    'file_id', proposal.file_id,
    'dataset', proposal.dataset,
    'kind', proposal.kind,
    'state', proposal.state,
    'open_questions', {_OPEN_QUESTIONS},
    'obstacles', {_OBSTACLES},
    'is_acceptable', proposal.state = '{ProposalState.OPEN}' AND {_OPEN_QUESTIONS} = 0 AND {_OBSTACLES} = 0,
    'version', proposal.version,
    'created_at', proposal.created_at,
    'created_by', proposal.created_by,
    'ended_at', proposal.ended_at,
    'ended_by', proposal.ended_by
)
"""

PROPOSAL_STATE = f"""
-- Says in which state a proposal is, and how much is left to do about it.
-- One row: the state, NULL if there is no such proposal; number of open questions; number of obstacles.
-- Reads catalogue.proposals.
SELECT max(proposal.state), coalesce(max({_OPEN_QUESTIONS}), 0), coalesce(max({_OBSTACLES}), 0)
FROM catalogue.proposals AS proposal
WHERE proposal_id = %(proposal_id)s
"""

ONE_PROPOSAL = f"""
-- Returns a proposal with its document, and the last request about it.
-- One row: a JSON object, NULL if there is no such proposal.
-- Reads catalogue.proposals, catalogue.requests.
SELECT (
    SELECT {_SUMMARY} || jsonb_build_object(
        'contract', proposal.contract,
        'document', proposal.document - 'contract',
        'contract_document', proposal.document -> 'contract',
        'latest_request', (
            SELECT {_REQUEST}
            FROM catalogue.requests AS request
            WHERE request.proposal_id = proposal.proposal_id
            ORDER BY request.request_id DESC
            LIMIT 1
        )
    )
    FROM catalogue.proposals AS proposal
    WHERE proposal_id = %(proposal_id)s
)
"""


def proposals(given: Collection[str]) -> str:
    """Builds the query for a page of proposals, newest first, with one more than the page holds.

    One row: a JSON array. Reads catalogue.proposals. `given` names the filters, and `after` for a later page.
    """
    conditions = {
        "state": "proposal.state = %(state)s",
        "dataset": "proposal.dataset = %(dataset)s",
        "after": "(proposal.created_at, proposal.proposal_id) < (%(after_time)s::timestamptz, %(after_id)s::uuid)",
    }
    where = " AND ".join(condition for name, condition in conditions.items() if name in given) or "true"
    return f"""
SELECT coalesce(jsonb_agg(item ORDER BY created_at DESC, proposal_id DESC), '[]')
FROM (
    SELECT proposal.created_at, proposal.proposal_id, {_SUMMARY} AS item
    FROM catalogue.proposals AS proposal
    WHERE {where}
    ORDER BY proposal.created_at DESC, proposal.proposal_id DESC
    LIMIT %(limit)s + 1
) AS found
"""


_CONTRACT = """
jsonb_build_object(
    'dataset', contract.dataset,
    'title', coalesce(contract.document ->> 'title', contract.dataset),
    'version', contract.version,
    'accepted_at', contract.accepted_at,
    'accepted_by', contract.accepted_by,
    'retired_at', dataset.retired_at
)
"""

CONTRACTS = f"""
-- Returns the contracts that are in force, and those of retired datasets.
-- One row: a JSON array of objects by name.
-- Reads catalogue.datasets, catalogue.contracts.
SELECT coalesce(jsonb_agg({_CONTRACT} ORDER BY dataset.dataset COLLATE "C"), '[]')
FROM catalogue.datasets AS dataset
JOIN catalogue.contracts AS contract USING (dataset, version)
"""

ONE_CONTRACT = f"""
-- Returns the contract of a dataset, one version of its text, and all its versions, newest first.
-- One row: a JSON object, NULL if there is no such dataset; its `text` is NULL if there is no such version.
-- Reads catalogue.datasets, catalogue.contracts.
SELECT (
    SELECT {_CONTRACT} || jsonb_build_object(
        'shown_version', coalesce(%(version)s::integer, contract.version),
        'text', (
            SELECT shown.contract FROM catalogue.contracts AS shown
            WHERE shown.dataset = dataset.dataset AND shown.version = coalesce(%(version)s::integer, contract.version)
        ),
        'shown', (
            SELECT shown.document FROM catalogue.contracts AS shown
            WHERE shown.dataset = dataset.dataset AND shown.version = coalesce(%(version)s::integer, contract.version)
        ),
        'versions', (
            SELECT jsonb_agg(
                jsonb_build_object(
                    'version', each.version,
                    'is_in_force', each.version = dataset.version AND dataset.retired_at IS NULL,
                    'is_compatible', each.is_compatible,
                    'changes', each.changes,
                    'sha256', each.sha256,
                    'accepted_at', each.accepted_at,
                    'accepted_by', each.accepted_by
                )
                ORDER BY each.version DESC
            )
            FROM catalogue.contracts AS each
            WHERE each.dataset = dataset.dataset
        )
    )
    FROM catalogue.datasets AS dataset
    JOIN catalogue.contracts AS contract USING (dataset, version)
    WHERE dataset.dataset = %(dataset)s
)
"""

NEEDS_ANSWERS = frozenset({ContractAction.ACCEPT, ContractAction.DRY_RUN})
"""Actions that are only possible when nothing is left to do about a proposal."""
