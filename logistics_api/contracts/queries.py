"""Statements about contracts and proposals. They only read."""

from collections.abc import Collection

from logistics_api.contract_requests.queries import OBSTACLES, OPEN_QUESTIONS, REQUEST
from logistics_core.database_contract.contracts import ProposalState

PREVIEW_ROWS = 50

_SUMMARY = f"""
jsonb_build_object(
    'proposal_id', proposal.proposal_id,
    'path', proposal.path,
    'file_id', proposal.file_id,
    'dataset', proposal.dataset,
    'kind', proposal.kind,
    'state', proposal.state,
    'open_questions', {OPEN_QUESTIONS},
    'obstacles', {OBSTACLES},
    'is_acceptable', proposal.state = '{ProposalState.OPEN}' AND {OPEN_QUESTIONS} = 0 AND {OBSTACLES} = 0,
    'version', proposal.version,
    'created_at', proposal.created_at,
    'created_by', proposal.created_by,
    'ended_at', proposal.ended_at,
    'ended_by', proposal.ended_by
)
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
            SELECT {REQUEST}
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
