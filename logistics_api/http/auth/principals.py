"""The sender of a request: a program with a key, a person who has signed in, or anybody."""

from math import inf
from typing import Literal

from logistics_api.http.auth.rate_limits import Bucket
from logistics_core.row_access.rules import RowAccess

Method = Literal["openid-connect", "proxy"]
"""How a person has signed in."""


class Principal:
    """The sender of a request: the owner of a key, a person, or anonymous."""

    __slots__ = (
        "bucket", "expires_at", "groups", "is_anonymous", "method", "name", "person_id", "requests", "roles",
        "row_access", "scopes",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        scopes: frozenset[str],
        bucket: Bucket | None = None,
        *,
        expires_at: float = inf,
        person_id: int | None = None,
        method: Method | None = None,
        groups: frozenset[str] = frozenset(),
        roles: tuple[str, ...] = (),
        row_access: RowAccess | None = None,
    ) -> None:
        self.name = name
        """Of the key; of a person the e-mail address, or else what the identity provider calls them."""
        self.scopes = scopes
        self.bucket = bucket
        """None if requests are counted by address, or not at all."""
        self.expires_at = expires_at
        """Seconds since 1970."""
        self.person_id = person_id
        """Of `access.people`; None for keys and anonymous requests."""
        self.method = method
        """How the person has signed in; None for keys and anonymous requests."""
        self.groups = groups
        """Of a person, as the identity provider names them."""
        self.roles = roles
        """Of a person: what the groups give, in the order of `Role`."""
        self.row_access = row_access
        """The rows that it may see; None: all."""
        self.is_anonymous = bucket is None
        self.requests = 0
        """Number of requests admitted since this process started."""
