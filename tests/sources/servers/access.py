"""Who may read: every kind of authentication that sources know, checked as APIs check it, and a token endpoint."""

import base64
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from tests.sources.servers.http import Handle, Request, Response, json_response

IsAllowed = Callable[[Request], bool]


def anyone(request: Request) -> bool:
    return True


def header(name: str, value: str) -> IsAllowed:
    return lambda request: request.headers.get(name.lower()) == value


def query(name: str, value: str) -> IsAllowed:
    return lambda request: request.query.get(name) == value


def bearer(token: str) -> IsAllowed:
    return header("authorization", f"Bearer {token}")


def basic(user: str, password: str) -> IsAllowed:
    return header("authorization", "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode())


def all_of(*checks: IsAllowed) -> IsAllowed:
    return lambda request: all(check(request) for check in checks)


def protected(handle: Handle, is_allowed: IsAllowed, realm: str = "api") -> Handle:
    """Answers 401 to everybody else."""
    refusal = json_response({"error": "unauthorized"}, 401, {"WWW-Authenticate": f'Bearer realm="{realm}"'})
    return lambda request: handle(request) if is_allowed(request) else refusal


@dataclass
class TokenEndpoint:
    """OAuth 2: gives tokens that live so long, to a client that knows its secret or has a refresh token."""

    client_id: str = "fleet-client"
    client_secret: str = "s3cret-of-client"
    refresh_token: str = "r3fresh-0"
    lifetime_seconds: float = 3600
    says_lifetime: bool = True
    rotates: bool = False
    """Whether a refresh token is good for one use, and the next one comes with the answer."""
    given: int = 0
    _valid_until: dict[str, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def is_allowed(self, request: Request) -> bool:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        with self._lock:
            return scheme == "Bearer" and self._valid_until.get(token, 0) > time.monotonic()

    def expire_all(self) -> None:
        """As a server does that was restarted: what it gave is worth nothing any more."""
        with self._lock:
            self._valid_until.clear()

    def __call__(self, request: Request) -> Response:
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        if not (self._is_client(request, form) and self._is_granted(form)):
            return json_response({"error": "invalid_client"}, 401)
        token = secrets.token_urlsafe(16)
        with self._lock:
            self.given += 1
            self._valid_until[token] = time.monotonic() + self.lifetime_seconds
            answer: dict[str, object] = {"access_token": token, "token_type": "Bearer"}
            if self.says_lifetime:
                answer["expires_in"] = int(self.lifetime_seconds)
            if self.rotates:
                self.refresh_token = f"r3fresh-{self.given}"
                answer["refresh_token"] = self.refresh_token
        return json_response(answer)

    def _is_client(self, request: Request, form: dict[str, str]) -> bool:
        in_form = (form.get("client_id"), form.get("client_secret")) == (self.client_id, self.client_secret)
        return in_form or basic(self.client_id, self.client_secret)(request)

    def _is_granted(self, form: dict[str, str]) -> bool:
        if form.get("grant_type") == "refresh_token":
            return form.get("refresh_token") == self.refresh_token
        return form.get("grant_type") == "client_credentials"
