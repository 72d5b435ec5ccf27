"""Contracts of the users' datasets in the schema `catalogue`: states, actions, and the statements of both programs.

`catalogue.stored_contracts` in `logistics_core` makes the catalogue from what `CONTRACTS_IN_FORCE` returns.
"""

from enum import StrEnum


class ProposalKind(StrEnum):
    """What a proposal is about. The table `catalogue.proposals` accepts no other values."""

    NEW = "new"
    """A contract of a new dataset."""
    DRIFT = "drift"
    """A changed contract of a dataset, for a file that the present one does not fit."""


class ProposalState(StrEnum):
    """What has become of a proposal. The table `catalogue.proposals` accepts no other values."""

    OPEN = "open"
    """Waits for answers, or for somebody to accept or dismiss it."""
    ACCEPTED = "accepted"
    """Its contract is a version of its dataset."""
    DISMISSED = "dismissed"
    """A person does not want it."""
    SUPERSEDED = "superseded"
    """Another proposal for the same file, or another contract, has taken its place."""


class ContractAction(StrEnum):
    """What people can ask of the pipeline about contracts: the column `action` of `catalogue.requests`."""

    PROPOSE = "propose"
    """Propose a contract for a file of the raw folder. Argument: `path`, perhaps `dataset`."""
    ANSWER = "answer"
    """Answer questions of a proposal. Argument: `answers`, by the id of each question."""
    EDIT = "edit"
    """Put another contract into a proposal. Argument: `contract`, its YAML text."""
    ACCEPT = "accept"
    """Accept a proposal, even if its contract is a breaking change."""
    DISMISS = "dismiss"
    """Dismiss a proposal."""
    DRY_RUN = "dry_run"
    """Load the file of a proposal by its contract without keeping anything. The result says what would be."""
    RETIRE = "retire"
    """Retire a dataset: its files are not loaded any more, its table stays."""


MAX_DATASETS = 300
"""Of users in force. Each costs the start of every run half a millisecond with 20 fields, and 2 ms with 100."""

CONTRACTS_IN_FORCE = """
SELECT dataset, version, document
FROM catalogue.datasets
JOIN catalogue.contracts USING (dataset, version)
WHERE retired_at IS NULL
ORDER BY dataset COLLATE "C"
"""
"""One row per dataset of a user that is in force."""

REQUEST_CONTRACT_ACTION = (
    "catalogue.request_contract_action(%(action)s, %(proposal_id)s, %(dataset)s, %(argument)s, %(requested_by)s)"
)
"""SQL call that returns the number of a new request; NULL if there is no such proposal, or too many are pending."""
