"""The sessions of people: in PostgreSQL, found by digest; those in use are held in memory.

A session that this process has not seen is found by one query. Those it knows are looked at again whenever the database
tells of a change, and every few seconds: one that was ended stops within that time. While the database is unavailable,
known sessions stay valid.
"""

import asyncio
import logging
import re
from collections.abc import Iterable
from hashlib import sha256
from time import time
from typing import Any, Self

import psycopg

from logistics_api.database.operator import current_actor
from logistics_api.database.pool import Database
from logistics_api.database.problems import NOT_MIGRATED, again_after_conflict
from logistics_api.errors import Problem
from logistics_api.http.auth.people import Person
from logistics_api.http.auth.principals import Method, Principal
from logistics_api.http.auth.problems import person_disabled
from logistics_api.http.auth.queries import EXTEND_SESSIONS, SESSIONS, SIGN_IN, SIGN_OUT
from logistics_api.http.auth.rate_limits import Bucket
from logistics_api.http.context import current_request_id
from logistics_core.database_contract.actors import Actor, ActorKind
from logistics_core.row_access.rules import RowAccess
from logistics_core.settings import ROLE_SCOPES, SCOPES_OF_SOME_ROWS, Settings

MOST_SESSIONS = 10_000
"""Maximum number of sessions in memory; beyond it the first is dropped, and found again by a query."""
EXTEND_SECONDS = 60.0
"""How often the use of sessions is noted in the database, at most."""
TOKEN = re.compile(rb"[A-Za-z0-9_-]{43}")
"""32 random bytes."""

logger = logging.getLogger(__name__)


class Session:
    """A session in memory."""

    __slots__ = ("idle_ends_at", "is_used", "principal")

    def __init__(self, principal: Principal, idle_ends_at: float) -> None:
        self.principal = principal
        self.idle_ends_at = idle_ends_at
        """Seconds since 1970."""
        self.is_used = True
        """Whether it was used since that was last noted in the database."""


class Sessions:
    """The sessions that this process knows, by the SHA-256 of their tokens."""

    def __init__(self, settings: Settings, database: Database | None) -> None:
        self._settings = settings
        self._database = database
        self._known: dict[bytes, Session] = {}
        self._past_requests = 0
        self._idle_seconds = settings.session_idle_hours * 3600
        self.extend_seconds = min(EXTEND_SECONDS, self._idle_seconds / 4)

    async def __aenter__(self) -> Self:
        """Notes the use of sessions in the database from now on."""
        self._extending = asyncio.create_task(self._extend_regularly())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._extending.cancel()
        await asyncio.gather(self._extending, return_exceptions=True)
        await self.extend()

    async def _extend_regularly(self) -> None:
        while True:
            await asyncio.sleep(self.extend_seconds)
            await self.extend()

    def find(self, digest: bytes) -> Principal | None:
        """The person of a session; None if it is not known here, or has ended."""
        session = self._known.get(digest)
        if session is None:
            return None
        now = time()
        if now >= session.idle_ends_at or now >= session.principal.expires_at:
            self._drop(digest)
            return None
        session.is_used = True
        return session.principal

    @again_after_conflict
    async def look_up(self, digest: bytes) -> Principal | None:
        """Reads a session; None if there is none that is in force.

        Raises:
            Problem: 503, the database is unavailable.
        """
        if self._database is None:
            return None
        async with self._database.connection() as connection:
            for row in await self._read(connection, [digest]):
                self._know(*row)
        return self.find(digest)

    async def start(
        self, person: Person, digest: bytes, method: Method, state_digest: bytes | None = None
    ) -> Principal | None:
        """Notes the person and starts a session; None if this sign-in has made a session before.

        Raises:
            Problem: 403, the person is disabled; 503, the database is unavailable; 501, it is a read-only copy.
        """
        assert self._database is not None
        _act_as(person.name)
        _, outcome = await self._database.write(
            SIGN_IN,
            {
                "issuer": person.issuer, "subject": person.subject, "name": person.name, "email": person.email,
                "groups": list(person.groups), "zone": person.zone, "locale": person.locale, "digest": digest,
                "method": method, "state_digest": state_digest, "idle_seconds": self._idle_seconds,
                "seconds": self._settings.session_hours * 3600,
            },
        )  # fmt: skip
        if outcome == "disabled":
            raise person_disabled()
        return await self.look_up(digest) if outcome == "started" else None

    async def end(self, digest: bytes) -> None:
        """Ends a session, here at once and in other processes within a moment.

        Raises:
            Problem: 503, the database is unavailable.
        """
        assert self._database is not None
        if (session := self._known.get(digest)) is not None:
            _act_as(session.principal.name, session.principal.person_id)
        self._drop(digest)
        await self._database.write(SIGN_OUT, {"digest": digest})
        self._drop(digest)  # a request may have found it meanwhile

    async def reload(self, connection: psycopg.AsyncConnection[Any]) -> None:
        """Looks at the known sessions again.

        Raises:
            psycopg.Error: the connection is lost.
        """
        digests = list(self._known)
        if not digests:
            return
        try:
            rows = await self._read(connection, digests)
        except NOT_MIGRATED as error:
            logger.warning("The sessions of people cannot be read; none is accepted: %s", str(error).strip())
            rows = []
        found = {row[0]: row for row in rows}
        for digest in digests:
            if digest not in found:
                self._drop(digest)
            elif digest in self._known:  # else it was ended meanwhile
                self._know(*found[digest])

    async def extend(self) -> None:
        """Notes in the database which sessions were used. Does nothing while it is unavailable."""
        used = [digest for digest, session in self._known.items() if session.is_used]
        for digest in used:
            self._known[digest].is_used = False
            self._known[digest].idle_ends_at = time() + self._idle_seconds
        if not used or self._database is None:
            return
        try:
            await self._database.write(EXTEND_SESSIONS, {"digests": used, "idle_seconds": self._idle_seconds})
        except Problem as problem:
            logger.info("The use of %d sessions could not be noted: %s", len(used), problem.detail)

    async def _read(self, connection: psycopg.AsyncConnection[Any], digests: list[bytes]) -> list[tuple[Any, ...]]:
        return await (await connection.execute(SESSIONS.encode(), {"digests": digests})).fetchall()

    def _know(
        self,
        digest: bytes,
        person_id: int,
        name: str,
        groups: Iterable[str],
        row_access: list[dict[str, Any]] | None,
        method: Method,
        ends_at: float,
        idle_ends_at: float,
    ) -> None:
        session = self._known.get(digest)
        if session is None:
            if len(self._known) >= MOST_SESSIONS:
                self._drop(next(iter(self._known)))
            bucket = Bucket(self._settings.api_rate, self._settings.api_burst)
            session = self._known[digest] = Session(Principal(name, frozenset(), bucket), idle_ends_at)
        principal = self._restricted(session, None if row_access is None else RowAccess.union(row_access))
        principal.name, principal.person_id, principal.method, principal.expires_at = name, person_id, method, ends_at
        session.idle_ends_at = max(session.idle_ends_at, idle_ends_at)
        groups = frozenset(groups)
        if principal.groups != groups or not principal.roles:
            principal.groups = groups
            principal.roles = self._settings.roles(groups)
            principal.scopes = frozenset(str(scope) for role in principal.roles for scope in ROLE_SCOPES[role])
            if principal.row_access is not None:
                principal.scopes &= SCOPES_OF_SOME_ROWS

    def _restricted(self, session: Session, row_access: RowAccess | None) -> Principal:
        """The principal of a session who may see these rows: another one if they have changed.

        Requests under way go on with what they began with; streams end.
        """
        known = session.principal
        if known.row_access != row_access:
            self._past_requests += known.requests
            session.principal = Principal(known.name, frozenset(), known.bucket, row_access=row_access)
            known.expires_at = 0.0
        return session.principal

    def _drop(self, digest: bytes) -> None:
        session = self._known.pop(digest, None)
        if session is not None:
            self._past_requests += session.principal.requests
            session.principal.expires_at = 0.0  # for what still holds the principal, such as an open stream

    @property
    def requests(self) -> int:
        """Number of requests of people admitted since this process started."""
        return self._past_requests + sum(session.principal.requests for session in self._known.values())

    def __len__(self) -> int:
        return len(self._known)


def digest_of(token: bytes) -> bytes | None:
    """What a session is found by; None if this cannot be a token."""
    return sha256(token).digest() if TOKEN.fullmatch(token) else None


def _act_as(name: str, person_id: int | None = None) -> None:
    """Notes who signs in or out, for the audit log: the request itself comes from nobody yet, or no more."""
    current_actor.set(Actor(ActorKind.PERSON, name, person_id, current_request_id.get()))
