"""The problems that refuse a request: no key, an unknown one, a missing scope, a foreign host or proxy."""

from logistics_api.errors import Problem

CHALLENGE = {"WWW-Authenticate": 'Bearer realm="logistics"'}


def key_needed(required: tuple[str, ...]) -> Problem:
    """The request has no API key, and needs one."""
    return Problem(
        401,
        "key-needed",
        "Key needed",
        f"This needs a key with the scope {_either(required)}: send it as X-API-Key or as Authorization: Bearer. "
        "`logistics keys create` makes one.",
        headers=CHALLENGE,
    )


def unknown_key() -> Problem:
    """The API key is unknown, expired or revoked."""
    return Problem(
        401,
        "unknown-key",
        "Unknown key",
        "The key that was sent is none of this API's, or has expired, or was revoked. `logistics keys list` tells.",
        headers={"WWW-Authenticate": CHALLENGE["WWW-Authenticate"] + ', error="invalid_token"'},
    )


def missing_scope(name: str, scopes: frozenset[str], required: tuple[str, ...]) -> Problem:
    """The API key lacks a scope that the request requires."""
    return Problem(
        403,
        "missing-scope",
        "Missing scope",
        f"The key {name!r} lacks the scope {_either(required)}; it has: {', '.join(sorted(scopes))}.",
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
        "Without a key the API answers only under names it knows: send a key, or list the name of the Host header in "
        "LOGISTICS_API_HOSTS.",
    )


def forwarded() -> Problem:
    """The request has no API key and came through a proxy."""
    return Problem(
        401,
        "key-needed",
        "Key needed",
        "A proxy passed this on, so it may not come from this machine: send a key. Where everybody who reaches the "
        "proxy may do without one, set LOGISTICS_API_ANONYMOUS.",
        headers=CHALLENGE,
    )


def keys_unavailable() -> Problem:
    """The API keys have not been read from the database yet."""
    return Problem(
        503,
        "keys-unavailable",
        "Keys unavailable",
        "The API has not been able to read its keys since it started: its database is away. Try again in a moment.",
        headers={"Retry-After": "1"},
    )
