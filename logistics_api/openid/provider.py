"""The identity provider: its metadata and keys, which are kept for an hour, and what it answers to a code."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit

from joserfc.jwk import KeySet

from logistics_api.errors import ConfigurationError
from logistics_api.http.auth.people import Person
from logistics_api.openid.claims import find_claim, read_person
from logistics_api.openid.errors import Reason, SignInError
from logistics_api.openid.flows import Flow
from logistics_api.openid.id_tokens import UnknownKeyError, read_keys, verify
from logistics_api.openid.provider_requests import ProviderRequests
from logistics_core.places.secrets import SecretError, parse_reference
from logistics_core.settings import Settings

KEEP_SECONDS = 3600.0
"""How long metadata and keys are used before they are read again."""
RENEW_SECONDS = 10.0
"""Keys are read again for a token with an unknown key, at most this often."""


class Provider:
    """One identity provider, of which this API is a client."""

    def __init__(self, issuer: str, client_id: str, settings: Settings) -> None:
        self.issuer = issuer
        self._client_id = client_id
        self._secret = None if settings.oidc_client_secret is None else parse_reference(settings.oidc_client_secret)
        self._scopes = settings.oidc_scopes
        self._groups_claim = settings.oidc_groups_claim
        self._signed_out_url = settings.oidc_signed_out_url
        self._requests = ProviderRequests()
        self._reading = asyncio.Lock()
        self._metadata: dict[str, Any] = {}
        self._metadata_at = -KEEP_SECONDS
        self._keys: KeySet | None = None
        self._keys_at = -KEEP_SECONDS
        self._failure: SignInError | None = None
        self._failed_at = 0.0

    async def address_of(self, flow: Flow, redirect_url: str) -> str:
        """Where a browser goes to sign in.

        Raises:
            SignInError: unavailable.
        """
        endpoint = self._endpoint(await self._read_metadata(), "authorization_endpoint")
        parameters = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": redirect_url,
            "scope": self._scopes,
            "state": flow.state,
            "nonce": flow.nonce,
            "code_challenge": flow.challenge,
            "code_challenge_method": "S256",
        }
        return _with_parameters(endpoint, parameters)

    async def sign_out_address(self) -> str | None:
        """Where a browser goes to sign out (RP-Initiated Logout); None if that is not wanted, or not possible there.

        Raises:
            SignInError: unavailable.
        """
        if self._signed_out_url is None:
            return None
        metadata = await self._read_metadata()
        if metadata.get("end_session_endpoint") is None:
            return None
        endpoint = self._endpoint(metadata, "end_session_endpoint")
        return _with_parameters(
            endpoint, {"client_id": self._client_id, "post_logout_redirect_uri": self._signed_out_url}
        )

    async def person_of(self, flow: Flow, code: str, redirect_url: str) -> Person:
        """The person who has signed in, for the code that their browser brings.

        Raises:
            SignInError: refused, unavailable or invalid.
        """
        metadata = await self._read_metadata()
        tokens = await self._exchange(metadata, flow, code, redirect_url)
        claims = await self._verify(tokens.get("id_token"), flow.nonce)
        return read_person(await self._completed(claims, metadata, tokens.get("access_token")), self._groups_claim)

    async def _exchange(self, metadata: Mapping[str, Any], flow: Flow, code: str, redirect_url: str) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_url,
            "code_verifier": flow.verifier,
        }
        headers = self._authenticate(form, metadata)
        endpoint = self._endpoint(metadata, "token_endpoint")
        status, document = await self._requests.post(endpoint, form, headers)
        if status >= 500 or (document is None and status == 200):
            raise SignInError(Reason.UNAVAILABLE, f"{endpoint} answered with status {status}.")
        if status != 200 or document is None:
            error = str((document or {}).get("error"))[:100]
            if error == "invalid_client":
                raise SignInError(
                    Reason.UNAVAILABLE,
                    f"{endpoint} does not know this client: check LOGISTICS_OIDC_CLIENT_ID and "
                    "LOGISTICS_OIDC_CLIENT_SECRET.",
                )
            raise SignInError(Reason.REFUSED, f"{endpoint} refused the code: status {status}, error {error!r}.")
        return document

    def _authenticate(self, form: dict[str, str], metadata: Mapping[str, Any]) -> dict[str, str]:
        """Adds what identifies this client: by default in a header, or in the form where the provider takes only that.

        Raises:
            SignInError: unavailable, the secret is not where its reference says.
        """
        if self._secret is None:
            form["client_id"] = self._client_id
            return {}
        try:
            secret = self._secret.value()
        except SecretError as error:
            raise SignInError(Reason.UNAVAILABLE, str(error)) from error
        methods = metadata.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        if "client_secret_basic" not in methods and "client_secret_post" in methods:
            form["client_id"], form["client_secret"] = self._client_id, secret
            return {}
        both = f"{quote_plus(self._client_id)}:{quote_plus(secret)}"
        return {"Authorization": f"Basic {b64encode(both.encode()).decode()}"}

    async def _verify(self, token: object, nonce: str) -> dict[str, Any]:
        for is_last in (False, True):
            try:
                keys = await self._read_keys(anew=is_last)
                return verify(token, keys, issuer=self.issuer, client_id=self._client_id, nonce=nonce)
            except UnknownKeyError:
                continue
        raise SignInError(
            Reason.INVALID, "The ID token is invalid: it is signed with a key the issuer does not publish."
        )

    async def _completed(
        self, claims: dict[str, Any], metadata: Mapping[str, Any], access_token: object
    ) -> dict[str, Any]:
        """The claims with those that only the userinfo endpoint has: some providers keep tokens small."""
        is_complete = "email" in claims and "name" in claims and find_claim(claims, self._groups_claim) is not None
        if is_complete or not isinstance(access_token, str) or metadata.get("userinfo_endpoint") is None:
            return claims
        if not (access_token.isascii() and access_token.isprintable()):
            raise SignInError(Reason.INVALID, "The access token holds characters that no header can.")
        endpoint = self._endpoint(metadata, "userinfo_endpoint")
        found = await self._requests.get(endpoint, {"Authorization": f"Bearer {access_token}"})
        if found.get("sub") != claims["sub"]:
            raise SignInError(Reason.INVALID, f"{endpoint} describes somebody else than the ID token.")
        return {**found, **claims}

    @asynccontextmanager
    async def _one_at_a_time(self) -> AsyncIterator[None]:
        """Lets one read. Who waited for a reading that failed shares its failure.

        So a provider that is slow keeps nobody for longer than a reading takes, however many wait.

        Raises:
            SignInError: the failure.
        """
        asked_at = monotonic()
        async with self._reading:
            if self._failure is not None and self._failed_at >= asked_at:
                raise SignInError(self._failure.reason, str(self._failure)) from self._failure
            try:
                yield
            except SignInError as error:
                self._failure, self._failed_at = error, monotonic()
                raise

    async def _read_metadata(self) -> dict[str, Any]:
        async with self._one_at_a_time():
            if monotonic() - self._metadata_at >= KEEP_SECONDS:
                url = f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"
                found = await self._requests.get(url)
                if found.get("issuer") != self.issuer:
                    raise SignInError(
                        Reason.UNAVAILABLE,
                        f"{url} is of the issuer {str(found.get('issuer'))[:200]!r}, not of {self.issuer!r}: "
                        "set LOGISTICS_OIDC_ISSUER to exactly what the provider calls itself.",
                    )
                self._metadata, self._metadata_at = found, monotonic()
            return self._metadata

    async def _read_keys(self, *, anew: bool) -> KeySet:
        """The keys; with `anew`, those of this moment, unless they were read a moment ago."""
        url = self._endpoint(await self._read_metadata(), "jwks_uri")
        async with self._one_at_a_time():
            if self._keys is None or monotonic() - self._keys_at >= (RENEW_SECONDS if anew else KEEP_SECONDS):
                self._keys = read_keys(await self._requests.get(url))
                self._keys_at = monotonic()
            return self._keys

    def _endpoint(self, metadata: Mapping[str, Any], name: str) -> str:
        """An address of the metadata: over TLS, unless the issuer itself does without on this machine."""
        url = metadata.get(name)
        allowed = ("https://", "http://") if self.issuer.startswith("http://") else ("https://",)
        if not isinstance(url, str) or not url.startswith(allowed) or not (url.isascii() and url.isprintable()):
            raise SignInError(Reason.UNAVAILABLE, f"The metadata of {self.issuer} holds no usable {name}.")
        return url


def _with_parameters(address: str, parameters: Mapping[str, str]) -> str:
    return f"{address}{'&' if urlsplit(address).query else '?'}{urlencode(parameters)}"


def make_provider(settings: Settings) -> Provider | None:
    """The identity provider of the settings; None without one.

    Raises:
        ConfigurationError: a setting is missing, or the secret is not where its reference says.
    """
    if settings.oidc_issuer is None:
        return None
    if settings.oidc_client_id is None:
        raise ConfigurationError("LOGISTICS_OIDC_ISSUER is set, but not LOGISTICS_OIDC_CLIENT_ID: set both.")
    if "openid" not in settings.oidc_scopes.split():
        raise ConfigurationError("LOGISTICS_OIDC_SCOPES: must hold `openid`, such as in `openid profile email`.")
    if settings.oidc_client_secret is not None:
        try:
            parse_reference(settings.oidc_client_secret).value()
        except SecretError as error:
            raise ConfigurationError(f"LOGISTICS_OIDC_CLIENT_SECRET: {error}") from error
    return Provider(settings.oidc_issuer, settings.oidc_client_id, settings)
