"""Credentials of requests: headers and parameters by the type of authentication, and the renewal of OAuth2 tokens."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic
from typing import Any, NamedTuple

from logistics_pipeline.sources.definitions.definition import Authentication, AuthenticationType, SentIn
from logistics_pipeline.sources.definitions.secrets import Redactor
from logistics_pipeline.sources.faults import FaultKind, SourceFault, UnauthorisedFault
from logistics_pipeline.sources.requests.client import Client, Response
from logistics_pipeline.sources.requests.http_requests import Request

_MARGIN_SECONDS = 60.0
"""A token is renewed this long before it ends, or after half of its life if that is short."""


class Credentials(NamedTuple):
    """What a request carries."""

    headers: Mapping[str, str]
    parameters: Mapping[str, str]
    version: int = 0
    """Which token it is."""


@dataclass
class Authenticator:
    """Makes the credentials of requests; several threads may use it."""

    authentication: Authentication
    client: Client
    requests: int = 0
    """Requests for tokens."""
    _lock: Lock = field(default_factory=Lock)
    _token: str = ""
    _ends_at: float = 0.0
    _version: int = 0
    _refresh_token: str = ""

    def credentials(self) -> Credentials:
        """Those of the next request; a token that is about to end is renewed first.

        Raises:
            SourceFault: there is no token.
            ConfigurationError: a secret is missing.
        """
        kind, redactor = self.authentication.type, self.client.redactor
        match kind:
            case AuthenticationType.NONE:
                return Credentials({}, {})
            case AuthenticationType.API_KEY:
                assert self.authentication.token is not None
                key = redactor.reveal(self.authentication.token)
                prefix = self.authentication.prefix
                named = {self.authentication.name: f"{prefix} {key}" if prefix else key}
                return (
                    Credentials(named, {}) if self.authentication.sent_in is SentIn.HEADER else Credentials({}, named)
                )
            case AuthenticationType.BASIC:
                return Credentials({"Authorization": self._basic(redactor)}, {})
            case AuthenticationType.BEARER:
                assert self.authentication.token is not None
                return Credentials({"Authorization": f"Bearer {redactor.reveal(self.authentication.token)}"}, {})
        with self._lock:
            if not self._token or monotonic() >= self._ends_at:
                self._renew()
            return Credentials({"Authorization": f"Bearer {self._token}"}, {}, self._version)

    def renew(self, refused: Credentials) -> bool:
        """Renews a token that was refused, once for all requests that carried it; whether there is a new one."""
        if self.authentication.type not in (AuthenticationType.CLIENT_CREDENTIALS, AuthenticationType.REFRESH_TOKEN):
            return False
        with self._lock:
            if refused.version == self._version:
                self._renew()
        return True

    def _basic(self, redactor: Redactor) -> str:
        password = "" if self.authentication.password is None else redactor.reveal(self.authentication.password)
        return _basic(redactor.reveal(self.authentication.username), password, redactor)

    def _renew(self) -> None:
        response = self._ask()
        document = _document(response)
        token = document.get("access_token")
        if not isinstance(token, str) or not token:
            names = ", ".join(map(str, document)) or "nothing"
            raise SourceFault(
                FaultKind.AUTHENTICATION,
                f"POST {response.url}: the answer holds no access_token, but {names}.",
                "Check `authentication.tokenUrl`, `scope` and `audience`.",
            )
        self.client.redactor.hide(token)
        if isinstance(refresh := document.get("refresh_token"), str) and refresh:
            self.client.redactor.hide(refresh)
            self._refresh_token = refresh
        seconds = _seconds(document.get("expires_in"))
        self._token = token
        self._ends_at = monotonic() + max(seconds - _MARGIN_SECONDS, seconds / 2)
        self._version += 1

    def _ask(self) -> Response:
        authentication, redactor = self.authentication, self.client.redactor
        body: dict[str, Any] = {"grant_type": "client_credentials"}
        if authentication.type is AuthenticationType.REFRESH_TOKEN:
            assert authentication.refresh_token is not None
            refresh_token = self._refresh_token or redactor.reveal(authentication.refresh_token)
            body = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        body |= {"scope": authentication.scope} if authentication.scope else {}
        body |= {"audience": authentication.audience} if authentication.audience else {}
        identity = redactor.reveal(authentication.client_id)
        secret = "" if authentication.client_secret is None else redactor.reveal(authentication.client_secret)
        headers = {}
        if authentication.client_in is SentIn.HEADER:
            headers = {"Authorization": _basic(identity, secret, redactor)}
        else:
            body |= {"client_id": identity} | ({"client_secret": secret} if secret else {})
        self.requests += 1
        request = Request("POST", authentication.token_url, body=body, body_format="form")
        try:
            return self.client.send(request, headers, {}, keep=False)
        except UnauthorisedFault as fault:
            raise SourceFault(fault.kind, fault.message, _ADVICE) from None
        except SourceFault as fault:
            if fault.kind is FaultKind.STATUS and type(fault) is SourceFault:  # 400: invalid_client, invalid_grant
                raise SourceFault(FaultKind.AUTHENTICATION, fault.message, _ADVICE) from None
            raise


_ADVICE = "Check the client ID and the secrets that `authentication` names; a refresh token may have ended."


def _basic(name: str, password: str, redactor: Redactor) -> str:
    encoded = base64.b64encode(f"{name}:{password}".encode()).decode()
    redactor.hide(encoded)
    return f"Basic {encoded}"


def _seconds(life: Any) -> float:
    """How long a token lives; for ever if nothing is said."""
    try:
        return float(life)
    except (TypeError, ValueError):
        return float("inf")


def _document(response: Response) -> dict[str, Any]:
    try:
        document = json.loads(response.body.content or b"")
    except (ValueError, RecursionError):
        document = None
    if isinstance(document, dict):
        return document
    raise SourceFault(
        FaultKind.AUTHENTICATION,
        f"POST {response.url}: the answer is no JSON object.",
        "Check `authentication.tokenUrl`: it should be the address that issues tokens, not that of a login page.",
    )
