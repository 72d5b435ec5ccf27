"""Identifies the sender of a request by its key or session, or as anonymous: from memory, within microseconds."""

from collections.abc import Mapping

from starlette.types import Scope

from logistics_api.database.pool import Database
from logistics_api.http.auth.anonymous import AnonymousPolicy
from logistics_api.http.auth.api_keys import Keyring
from logistics_api.http.auth.credentials import LONGEST_KEY, credentials_in_cookies, key_in_headers
from logistics_api.http.auth.origins import SAFE_METHODS, is_loopback, refuse_foreign_pages
from logistics_api.http.auth.principals import Principal
from logistics_api.http.auth.problems import keys_unavailable, session_ended, unknown_key
from logistics_api.http.auth.proxies import make_trusted_proxy
from logistics_api.http.auth.rate_limits import AddressLimits
from logistics_api.http.auth.sessions import Sessions, digest_of
from logistics_core.settings import Settings


class SessionUnknownError(Exception):
    """A session is not in memory: it may have been started elsewhere, be one that a proxy starts now, or be none."""

    def __init__(self, digest: bytes, *, is_of_proxy: bool) -> None:
        super().__init__()
        self.digest = digest
        self.is_of_proxy = is_of_proxy


class Authenticator:
    """Finds the principal of a request, and counts the request against that principal's rate."""

    def __init__(self, settings: Settings, database: Database | None = None) -> None:
        """`database`: where sessions are found that are not in memory.

        Raises:
            ConfigurationError: the secret of the trusted proxy cannot be used.
        """
        self.keyring = Keyring(settings.api_rate, settings.api_burst)
        self.sessions = Sessions(settings, database)
        self.is_local = is_loopback(settings.api_published_at or settings.api_host)
        self._policy = AnonymousPolicy(settings, is_local=self.is_local)
        self._proxy = make_trusted_proxy(settings)
        self.anonymous = Principal("anonymous", self._policy.scopes)
        self._addresses = AddressLimits(0.0 if self.is_local else settings.api_rate, settings.api_burst)

    async def admit(self, scope: Scope) -> Principal:
        """As `identify`, also for a session that has to be looked up first.

        Raises:
            Problem: as `identify`; 401 for a session that has ended; 403 for a person who is disabled; 503 if the
                database is unavailable.
        """
        try:
            return self.identify(scope)
        except SessionUnknownError as unknown:
            await self.look_up(scope, unknown)
        return self.identify(scope)

    def identify(self, scope: Scope) -> Principal:
        """Finds the principal.

        Raises:
            Problem: 401 for an unknown key; 403 if a page of another site sent the request; 429 above the rate limit;
                503 if the keys could not be read yet.
            SessionUnknownError: the session is not in memory; `look_up` finds it.
        """
        headers = dict(scope["headers"])
        key = key_in_headers(headers)
        principal = self._of_browser(headers, scope) if key is None else self._of_key(key, scope)
        if principal.bucket is not None:
            principal.bucket.take()
        return principal

    async def look_up(self, scope: Scope, unknown: SessionUnknownError) -> None:
        """Finds a session in the database; starts one if a trusted proxy names the person.

        Raises:
            Problem: as `admit`.
        """
        self.count_address(scope)
        found = await self.sessions.look_up(unknown.digest)
        if found is None and unknown.is_of_proxy:
            assert self._proxy is not None
            found = await self.sessions.start(self._proxy.person(scope["headers"]), unknown.digest, "proxy")
        if found is None:
            raise session_ended()

    def find(self, key: bytes) -> Principal | None:
        """The principal of a key; None for an unknown one.

        Raises:
            Problem: 503 if the keys could not be read yet.
        """
        principal = self.keyring.find(key) if len(key) <= LONGEST_KEY else None
        if principal is None and not self.keyring.is_known:
            raise keys_unavailable()
        return principal

    def count_address(self, scope: Scope) -> None:
        """Counts a request without a valid key against its address.

        Raises:
            Problem: 429, too many requests from that address.
        """
        client = scope.get("client")
        self._addresses.take(client[0] if client else "")

    def _of_key(self, key: bytes, scope: Scope) -> Principal:
        principal = self.find(key)
        if principal is None:
            self.count_address(scope)
            raise unknown_key()
        return principal

    def _of_browser(self, headers: Mapping[bytes, bytes], scope: Scope) -> Principal:
        """Checks the origin, too: for any page, a browser sends the cookie and connects from this machine."""
        digest = None if self._proxy is None else self._proxy.digest(headers, scope["headers"])
        if digest is not None:
            principal = self._of_session(digest, is_of_proxy=True)
        else:
            token, key = credentials_in_cookies(headers)
            if token is not None:
                principal = self._of_token(token, scope)
            elif key is not None:
                principal = self._of_key(key, scope)
            else:
                principal = self._without_key(headers, scope)
        if scope["method"] not in SAFE_METHODS:
            refuse_foreign_pages(headers, scope["scheme"])
        return principal

    def _of_token(self, token: bytes, scope: Scope) -> Principal:
        digest = digest_of(token)
        if digest is None:
            self.count_address(scope)
            raise session_ended()
        return self._of_session(digest, is_of_proxy=False)

    def _of_session(self, digest: bytes, *, is_of_proxy: bool) -> Principal:
        principal = self.sessions.find(digest)
        if principal is None:
            raise SessionUnknownError(digest, is_of_proxy=is_of_proxy)
        return principal

    def _without_key(self, headers: Mapping[bytes, bytes], scope: Scope) -> Principal:
        self.count_address(scope)
        self._policy.check(headers)
        return self.anonymous
