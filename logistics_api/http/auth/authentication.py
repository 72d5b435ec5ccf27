"""Identifies the sender of a request by its key, or as anonymous: from memory, within microseconds."""

from collections.abc import Mapping

from starlette.types import Scope

from logistics_api.http.auth.anonymous import AnonymousPolicy
from logistics_api.http.auth.api_keys import Keyring
from logistics_api.http.auth.credentials import LONGEST_KEY, key_in_cookie, key_in_headers
from logistics_api.http.auth.origins import SAFE_METHODS, is_loopback, refuse_foreign_pages
from logistics_api.http.auth.principals import Principal
from logistics_api.http.auth.problems import keys_unavailable, unknown_key
from logistics_api.http.auth.rate_limits import AddressLimits
from logistics_core.settings import Settings


class Authenticator:
    """Finds the principal of a request, and counts the request against that principal's rate."""

    def __init__(self, settings: Settings) -> None:
        self.keyring = Keyring(settings.api_rate, settings.api_burst)
        self.is_local = is_loopback(settings.api_published_at or settings.api_host)
        self._policy = AnonymousPolicy(settings, is_local=self.is_local)
        self.anonymous = Principal("anonymous", self._policy.scopes)
        self._addresses = AddressLimits(0.0 if self.is_local else settings.api_rate, settings.api_burst)

    def identify(self, scope: Scope) -> Principal:
        """Finds the principal.

        Raises:
            Problem: 401 for an unknown key; 403 if a page of another site sent the request; 429 above the rate limit;
                503 if the keys could not be read yet.
        """
        headers = dict(scope["headers"])
        key = key_in_headers(headers)
        principal = self._of_cookie(headers, scope) if key is None else self._of_key(key, scope)
        if principal.bucket is not None:
            principal.bucket.take()
        return principal

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

    def _of_cookie(self, headers: Mapping[bytes, bytes], scope: Scope) -> Principal:
        """Checks the origin, too: for any page, a browser sends the cookie and connects from this machine."""
        key = key_in_cookie(headers)
        principal = self._without_key(headers, scope) if key is None else self._of_key(key, scope)
        if scope["method"] not in SAFE_METHODS:
            refuse_foreign_pages(headers, scope["scheme"])
        return principal

    def _without_key(self, headers: Mapping[bytes, bytes], scope: Scope) -> Principal:
        self.count_address(scope)
        self._policy.check(headers)
        return self.anonymous
