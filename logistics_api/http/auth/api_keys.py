"""The API keys of this process: read from the database, held in memory, found by digest.

While the database is unavailable, known keys stay valid. `logistics keys` manages them.
"""

import logging
from hashlib import sha256
from math import inf
from time import time
from typing import Any

import psycopg

from logistics_api.database.problems import NOT_MIGRATED
from logistics_api.http.auth.principals import Principal
from logistics_api.http.auth.queries import KEYS
from logistics_api.http.auth.rate_limits import Bucket
from logistics_core.row_access.rules import RowAccess

logger = logging.getLogger(__name__)


class Keyring:
    """The active keys, by their SHA-256."""

    def __init__(self, rate: float, burst: int) -> None:
        self._rate = rate
        self._burst = burst
        self._principals: dict[bytes, Principal] = {}
        self.is_known = False
        """Whether the keys have been read; until then, no key can be rejected as unknown."""

    def find(self, key: bytes) -> Principal | None:
        """The principal of a key; None if it is unknown or has expired."""
        principal = self._principals.get(sha256(key).digest())
        if principal is None or (principal.expires_at != inf and principal.expires_at <= time()):
            return None
        return principal

    async def reload(self, connection: psycopg.AsyncConnection[Any]) -> None:
        """Reloads the keys. Keeps the requests already counted against their rate limits.

        If the database has no table of keys yet, there are no keys.

        Raises:
            psycopg.Error: the connection is lost.
        """
        try:
            rows = await (await connection.execute(KEYS.encode())).fetchall()
        except NOT_MIGRATED as error:
            logger.warning("The API keys cannot be read; no key is accepted: %s", str(error).strip())
            rows = []
        known = self._principals
        self._principals = {
            digest: self._renewed(known.get(digest), name, frozenset(scopes), _row_access(row_access), rate, expires_at)
            for digest, name, scopes, row_access, rate, expires_at in rows
        }
        for digest in known.keys() - self._principals.keys():
            known[digest].expires_at = 0.0  # for what still holds the principal, such as an open stream
        self.is_known = True

    def _renewed(
        self,
        known: Principal | None,
        name: str,
        scopes: frozenset[str],
        row_access: RowAccess | None,
        rate: float | None,
        expires_at: float | None,
    ) -> Principal:
        limit = self._rate if rate is None else rate
        if known is None or known.row_access != row_access:  # requests under way go on with what they began with
            bucket = None if known is None else known.bucket
            known = Principal(name, scopes, bucket or Bucket(limit, self._burst), row_access=row_access)
        if known.bucket is None or known.bucket.rate != limit:
            known.bucket = Bucket(limit, self._burst)
        known.name, known.scopes, known.expires_at = name, scopes, inf if expires_at is None else expires_at
        return known

    def __iter__(self) -> Any:
        return iter(list(self._principals.values()))


def _row_access(document: dict[str, Any] | None) -> RowAccess | None:
    return None if document is None else RowAccess.from_document(document)
