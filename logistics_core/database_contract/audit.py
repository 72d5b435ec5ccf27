"""The audit log, `access.audit`: what it is about, and how the command line and the API list it, in SQL."""

from collections.abc import Collection, Mapping
from enum import StrEnum


class ObjectKind(StrEnum):
    """What kind of thing was changed. The triggers of `sql/migrations` use no others."""

    KEY = "key"
    BOARD = "board"
    ALERT_RULE = "alert_rule"
    SILENCE = "silence"
    INCIDENT = "incident"
    CONTRACT_REQUEST = "contract_request"
    CONTRACT = "contract"
    DATASET = "dataset"
    PROPOSAL = "proposal"
    FILE_REQUEST = "file_request"
    FILE = "file"
    HISTORY = "history"
    SOURCE = "source"
    PULL_REQUEST = "pull_request"
    LINK = "link"
    LINK_PROPOSAL = "link_proposal"
    MODEL = "model"
    MODEL_VERSION = "model_version"
    MODEL_JOB = "model_job"
    ENDPOINT = "endpoint"
    ENDPOINT_TEMPLATES = "endpoint_templates"
    SUPPRESSION = "suppression"
    MESSAGE = "message"
    REPORT = "report"
    MAINTENANCE_WINDOW = "maintenance_window"
    PREFERENCES = "preferences"
    PUSH_SUBSCRIPTION = "push_subscription"
    PERSON = "person"
    SESSION = "session"
    GROUP = "group"
    AUDIT_LOG = "audit_log"


FILTERS: Mapping[str, str] = {
    "kind": "object_kind = %(kind)s",
    "object": "object = %(object)s",
    "action": "action = %(action)s",
    "actor": "actor = %(actor)s",
    "since": "changed_at >= %(since)s",
    "until": "changed_at < %(until)s",
    "after": "entry_id < %(after)s",
}

DOCUMENT = """
json_build_object(
    'entry_id', entry_id,
    'changed_at', changed_at,
    'actor', json_build_object('kind', actor_kind, 'name', actor, 'person_id', person_id),
    'request_id', request_id,
    'login', login,
    'kind', object_kind,
    'object', object,
    'action', action,
    'before', before,
    'after', after
)
"""


def listed_entries(given: Collection[str]) -> str:
    """The SELECT of entries, the newest first: entry_id and a document, at most `limit` and one more.

    `given` names the filters, of `FILTERS`; parameters have the same names. `after` is an entry_id: those before it.
    """
    conditions = [condition for name, condition in FILTERS.items() if name in given]
    return f"""
SELECT entry_id, {DOCUMENT} AS document
FROM access.audit
WHERE {" AND ".join(["true", *conditions])}
ORDER BY entry_id DESC
LIMIT %(limit)s + 1
"""


LOG_UPLOAD = "ingest.log_upload(%(path)s, %(action)s, %(details)s::jsonb)"
"""SQL call that adds an entry about a file: `action` is `uploaded` or `upload_address_given`."""

DELETE_ENTRIES = "DELETE FROM access.audit WHERE changed_at < %(before)s"
"""Deletes the oldest entries; the database adds an entry about that."""
