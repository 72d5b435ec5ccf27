"""API keys: created, listed and revoked here, checked in `logistics_api.http.auth`, which is notified of every change.

A key is shown once, when it is made; the database has only its digest.
"""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal
from zlib import crc32

from psycopg import errors
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from logistics_core.row_access.rules import RowAccess
from logistics_core.settings import SCOPES_OF_SOME_ROWS, Scope
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.errors import PipelineError

PREFIX = "lap_"
"""Begins every key, so that people and scanners for leaked secrets know one when they see it."""
RANDOM_BYTES = 32
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM_DIGITS = 43
_CHECK_DIGITS = 6
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9._@-]{0,63}", re.ASCII)

KeyState = Literal["in force", "expired", "revoked"]


@dataclass(frozen=True)
class ApiKey:
    """What is known of a key: everything but the key."""

    key_id: int
    name: str
    scopes: list[str]
    row_access: dict[str, Any] | None
    """The rows that it may see; None: all."""
    requests_per_second: float | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    state: KeyState


_COLUMNS = """
    key_id, name, scopes, row_access, requests_per_second, created_at, expires_at, revoked_at,
    CASE WHEN revoked_at IS NOT NULL THEN 'revoked' WHEN expires_at <= clock_timestamp() THEN 'expired'
         ELSE 'in force' END AS state
"""


def make_key() -> str:
    """A new key: the prefix, then 32 random bytes and a checksum that reveals typing errors, in base 62."""
    body = _base62(int.from_bytes(secrets.token_bytes(RANDOM_BYTES)), _RANDOM_DIGITS)
    return PREFIX + body + _base62(crc32(body.encode()), _CHECK_DIGITS)


def is_well_formed(key: str) -> bool:
    """Whether this can be a key: says nothing about whether it is one."""
    body, check = key.removeprefix(PREFIX)[:_RANDOM_DIGITS], key[-_CHECK_DIGITS:]
    return (
        key.startswith(PREFIX)
        and len(key) == len(PREFIX) + _RANDOM_DIGITS + _CHECK_DIGITS
        and _base62(crc32(body.encode()), _CHECK_DIGITS) == check
    )


def _base62(number: int, digits: int) -> str:
    text = ""
    for _ in range(digits):
        number, digit = divmod(number, len(_ALPHABET))
        text = _ALPHABET[digit] + text
    return text


def create_key(
    connection: Connection,
    name: str,
    scopes: Sequence[str],
    *,
    row_access: RowAccess | None = None,
    expires_at: datetime | None = None,
    requests_per_second: float | None = None,
) -> tuple[str, ApiKey]:
    """Makes a key and returns it with what is stored of it. `row_access`: the rows that it may see; None: all.

    Raises:
        PipelineError: the name is none, or a key in force has it; or a scope needs all rows.
    """
    if not _NAME.fullmatch(name) or name == "anonymous":
        raise PipelineError(
            f"{name!r} is no name for a key: a letter, then up to 63 letters, digits, dots, hyphens, underscores or @; "
            "and not anonymous, which is what requests without a key are called."
        )
    if row_access is not None:
        _check_scopes_of_some_rows(scopes)
    key = make_key()
    try:
        with connection.cursor(row_factory=class_row(ApiKey)) as cursor:
            made = cursor.execute(
                "INSERT INTO access.keys (name, digest, scopes, row_access, expires_at, requests_per_second) "
                f"VALUES (%s, %s, %s, %s, %s, %s) RETURNING {_COLUMNS}",
                (
                    name,
                    sha256(key.encode()).digest(),
                    sorted(set(scopes)),
                    None if row_access is None else Jsonb(row_access.document),
                    expires_at,
                    requests_per_second,
                ),
            ).fetchone()
    except errors.UniqueViolation as error:
        raise PipelineError(
            f"There is a key named {name!r} already. Choose another name, or revoke it first: "
            f"logistics keys revoke {name}"
        ) from error
    assert made is not None
    return key, made


def _check_scopes_of_some_rows(scopes: Sequence[str]) -> None:
    possible = ", ".join(scope for scope in Scope if scope in SCOPES_OF_SOME_ROWS)
    others = sorted(set(scopes).difference(SCOPES_OF_SOME_ROWS))
    if others:
        raise PipelineError(
            f"A key that may see some rows only cannot have the scope {' or '.join(others)}, which is about files and "
            f"contracts with all rows. It may have: {possible}."
        )


def list_keys(connection: Connection, *, revoked: bool = False) -> list[ApiKey]:
    """The keys not revoked, those that have expired among them, in the order they were made; or all."""
    with connection.cursor(row_factory=class_row(ApiKey)) as cursor:
        return cursor.execute(
            f"SELECT {_COLUMNS} FROM access.keys WHERE %s OR revoked_at IS NULL ORDER BY key_id", (revoked,)
        ).fetchall()


def revoke_key(connection: Connection, which: str) -> ApiKey:
    """Revokes the key of that name or number. The API refuses it from the next moment on.

    Raises:
        PipelineError: no key in force has it.
    """
    with connection.cursor(row_factory=class_row(ApiKey)) as cursor:
        revoked = cursor.execute(
            "UPDATE access.keys SET revoked_at = clock_timestamp() "
            f"WHERE (name = %(which)s OR key_id::text = %(which)s) AND revoked_at IS NULL RETURNING {_COLUMNS}",
            {"which": which},
        ).fetchone()
    if revoked is None:
        raise PipelineError(f"There is no key {which!r} to revoke. `logistics keys list` shows those there are.")
    return revoked
