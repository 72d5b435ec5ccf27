"""The problems that reject a request: no key, an unknown key, a missing scope, a foreign host or a proxy."""

from logistics_api.errors import Problem

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
