"""The problems that reject a request: no key, an unknown key, an ended session, a missing scope, a foreign host."""

from logistics_api.errors import Problem
from logistics_api.http.auth.principals import Principal

CHALLENGE = {"WWW-Authenticate": 'Bearer realm="logistics"'}


def key_needed(required: tuple[str, ...]) -> Problem:
    """The request requires an API key and has none."""
    return Problem(
        401,
        "key-needed",
        "Key needed",
        f"This request requires an API key with the scope {_either(required)}: send it as X-API-Key or as "
        "Authorization: Bearer. Create one with `logistics keys create`.",
        headers=CHALLENGE,
    )


def unknown_key() -> Problem:
    """The API key is unknown, expired or revoked."""
    return Problem(
        401,
        "unknown-key",
        "Unknown key",
        "The API key is unknown, expired or revoked. Check it with `logistics keys list`.",
        headers={"WWW-Authenticate": CHALLENGE["WWW-Authenticate"] + ', error="invalid_token"'},
    )


def session_ended() -> Problem:
    """The cookie is of a session that has ended, or never was one."""
    return Problem(
        401,
        "session-ended",
        "Session ended",
        "This session has ended: it was not used for too long, its time is over, or somebody ended it. Sign in again.",
        headers=CHALLENGE,
    )


def person_disabled() -> Problem:
    """The person may not sign in."""
    return Problem(
        403,
        "person-disabled",
        "Person disabled",
        "An administrator has disabled this person (`logistics people enable` undoes that).",
    )


def missing_scope(principal: Principal, required: tuple[str, ...]) -> Problem:
    """The API key or the person lacks a scope that the request requires."""
    if principal.person_id is None:
        has = ", ".join(sorted(principal.scopes))
        detail = f"The key {principal.name!r} lacks the scope {_either(required)}; it has: {has}."
    else:
        roles = ", ".join(principal.roles) or "none"
        detail = (
            f"{principal.name} lacks the scope {_either(required)}; their roles: {roles}. An administrator gives roles "
            "to groups of people with LOGISTICS_GROUP_ROLES."
        )
    return Problem(
        403,
        "missing-scope",
        "Missing scope",
        detail,
        headers={"WWW-Authenticate": f'Bearer realm="logistics", error="insufficient_scope", scope="{required[0]}"'},
    )


def _either(scopes: tuple[str, ...]) -> str:
    return " or ".join(map(repr, scopes))


def foreign_host() -> Problem:
    """The request has no API key and addresses the API by an unknown host name."""
    return Problem(
        403,
        "foreign-host",
        "Foreign host name",
        "Without an API key, only known host names are accepted. Send a key, or add the name in the Host header to "
        "LOGISTICS_API_HOSTS.",
    )


def forwarded() -> Problem:
    """The request has no API key and came through a proxy."""
    return Problem(
        401,
        "key-needed",
        "Key needed",
        "A proxy forwarded this request, so it may not come from this machine. Send an API key; to allow everyone who "
        "can reach the proxy to do without one, set LOGISTICS_API_ANONYMOUS.",
        headers=CHALLENGE,
    )


def keys_unavailable() -> Problem:
    """The API keys have not been read from the database yet."""
    return Problem(
        503,
        "keys-unavailable",
        "Keys unavailable",
        "The API keys could not be read since startup, because the database is unavailable. Try again in a moment.",
        headers={"Retry-After": "1"},
    )
