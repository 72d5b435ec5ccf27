"""The scopes that a request requires, by method and path."""

import re

from logistics_api.http.auth.origins import SAFE_METHODS
from logistics_core.settings import Scope

READ, EXPORT, INGEST, CONTRACTS, BOARDS, ALERTS, AUDIT = (str(scope) for scope in Scope)
SESSION_PATH = "/api/session"
SIGN_IN_PATH = "/api/sign-in"
SIGNED_IN_PATH = "/api/signed-in"
SIGN_OUT_PATH = "/api/sign-out"
_OF_SESSIONS = frozenset({SESSION_PATH, SIGN_IN_PATH, SIGNED_IN_PATH, SIGN_OUT_PATH})
GRAPHQL_PATHS = frozenset({"/graphql", "/api/graphql"})
"""Every request is a read there: what changes something is checked when the document is known. Pages use the second
one, as browsers send the cookie of a session below /api alone."""
PROPOSALS_PATH = "/api/contracts/proposals"
CONTRACTS_PREFIX = "/api/contracts/"
STATUS_PREFIXES = ("/api/ingestion/uploads/", "/api/ingestion/file-requests/")
"""Where the status of an upload or a request can be read, also with the scope to make one."""
PULL_REQUESTS = re.compile(r"/api/sources/[^/]+/requests/[^/]+")
"""The same of requests to pull a source."""
CONTRACT_STATUS_PREFIX = "/api/contracts/requests/"
"""The same of requests about contracts: files are proposed with one scope, contracts are decided on with another."""
BOARDS_PATH = "/api/boards"
ALERTS_PREFIX = "/api/alerts/"
AUDIT_PATH = "/api/audit"
ME_PREFIX = "/api/me/"
"""What people change for themselves: whoever may read may do so."""
V2_PATH = "/v2"
"""The Open Inference Protocol: what asks for predictions there changes nothing, also by POST."""
V2_HEALTH_PREFIX = "/v2/health/"
MODEL_JOBS = re.compile(r"/api/models/[^/]+/jobs/[^/]+(/result)?")
"""The state of a job can be read with the scope to make one."""
EXPORTED_REJECTS = re.compile(r"/api/ingestion/files/[^/]+/rejects\.ndjson")


def required_scopes(method: str, path: str, *, is_local: bool) -> tuple[str, ...]:
    """The scopes of which a request requires one; empty if open to everyone.

    Every change requires `ingest`, but what is decided about contracts requires `contracts`, what people keep for the
    dashboard `boards`, and what they do about incidents `alerts`. Who changed what is told with `audit`. What
    people want for themselves takes `read` alone.
    """
    if method == "OPTIONS" or path in _OF_SESSIONS:
        return ()
    if path in GRAPHQL_PATHS:
        return (READ,)
    if path == V2_PATH or path.startswith(f"{V2_PATH}/"):
        return () if path.startswith(V2_HEALTH_PREFIX) else (READ,)
    if not path.startswith("/api/"):
        return (READ,) if path == "/metrics" and not is_local else ()
    if method not in SAFE_METHODS:
        return (_scope_to_change(path),)
    if path == AUDIT_PATH or path.startswith(f"{AUDIT_PATH}/"):
        return (AUDIT,)
    if path.startswith("/api/exports") or EXPORTED_REJECTS.fullmatch(path):
        return (EXPORT,)
    if path.startswith(CONTRACT_STATUS_PREFIX):
        return (READ, INGEST, CONTRACTS)
    is_status = path.startswith(STATUS_PREFIXES) or PULL_REQUESTS.fullmatch(path) or MODEL_JOBS.fullmatch(path)
    return (READ, INGEST) if is_status else (READ,)


def _scope_to_change(path: str) -> str:
    if path == BOARDS_PATH or path.startswith(f"{BOARDS_PATH}/"):
        return BOARDS
    if path.startswith(ALERTS_PREFIX):
        return ALERTS
    if path.startswith(ME_PREFIX):
        return READ
    return CONTRACTS if path.startswith(CONTRACTS_PREFIX) and path != PROPOSALS_PATH else INGEST
