"""Identity providers: a real one in a process of its own, and one that can be made to break any rule.

The second holds the client to the rules as well: a code is good once, only with its verifier (PKCE), the secret of the
client and the same return address.
"""

import json
import subprocess
import sys
import threading
import time
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlencode, urlsplit

import httpx2
from joserfc import jws
from joserfc.jwk import RSAKey

from tests.ports import free_port

CLIENT = "logistics"
SECRET = "a secret of the client: 100 %"

Answer = Callable[[BaseHTTPRequestHandler], None]


class IdentityProvider:
    """What it says, and what it was asked."""

    issuer: str
    port: int

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
        self.forget()

    def forget(self) -> None:
        """Makes it keep to the rules again."""
        self.person: dict[str, Any] = {"sub": "ada", "email": "ada@example.org", "name": "Ada", "groups": ["dispatch"]}
        self.userinfo: dict[str, Any] | None = None
        self.claims: dict[str, Any] = {}
        """What stands in the token instead; None takes a claim away."""
        self.sign: Callable[[dict[str, Any]], str] = self.signed
        self.published = [self.key]
        self.answers: dict[str, Answer] = {}
        """Answers by path, in place of the usual ones."""
        self.metadata: dict[str, Any] = {}
        self.asked: list[str] = []
        self._codes: dict[str, dict[str, str]] = {}

    def signed(self, claims: dict[str, Any]) -> str:
        return jws.serialize_compact({"alg": "RS256", "kid": self.key.kid}, json.dumps(claims), self.key)

    def authorise(self, address: str) -> str:
        """Signs the person in who comes with the address; where the browser is sent then."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert query["response_type"] == "code" and query["client_id"] == CLIENT
        assert query["code_challenge_method"] == "S256" and len(query["code_challenge"]) == 43
        assert "openid" in query["scope"].split()
        code = f"code-{len(self._codes)}"
        self._codes[code] = query
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state'], 'session_state': 'x'})}"

    def token(self, authorization: str, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        user, _, password = b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
        query = self._codes.pop(form["code"], None)
        if (unquote_plus(user), unquote_plus(password)) != (CLIENT, SECRET):
            return 401, {"error": "invalid_client"}
        challenge = urlsafe_b64encode(sha256(form["code_verifier"].encode()).digest()).rstrip(b"=").decode()
        if query is None or query["code_challenge"] != challenge or query["redirect_uri"] != form["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": query["nonce"]}
        said = claims | self.person | self.claims
        said = {name: value for name, value in said.items() if value is not None}
        return 200, {"token_type": "Bearer", "access_token": "opaque", "id_token": self.sign(said)}

    def answer(self, handler: BaseHTTPRequestHandler, path: str, form: dict[str, str]) -> None:
        self.asked.append(path)
        if path in self.answers:
            self.answers[path](handler)
        elif path == "/.well-known/openid-configuration":
            ends = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "jwks"}
            ends |= {} if self.userinfo is None else {"userinfo_endpoint": "userinfo"}
            found = {name: f"{self.issuer}/{end}" for name, end in ends.items()}
            respond(handler, 200, {"issuer": self.issuer} | found | self.metadata)
        elif path == "/jwks":
            respond(handler, 200, {"keys": [key.as_dict(private=False) for key in self.published]})
        elif path == "/token":
            respond(handler, *self.token(handler.headers.get("Authorization", ""), form))
        elif path == "/userinfo":
            respond(handler, 200, self.userinfo)
        else:
            respond(handler, 404, {})


def respond(handler: BaseHTTPRequestHandler, status: int, document: Any) -> None:
    """Sends JSON."""
    body = json.dumps(document).encode()
    handler.send_response(status)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


@contextmanager
def run_identity_provider() -> Iterator[IdentityProvider]:
    """Serves one as long as the `with` block lasts."""
    provider = IdentityProvider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            provider.answer(self, urlsplit(self.path).path, {})

        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(text).items()}
            provider.answer(self, urlsplit(self.path).path, form)

        def log_message(self, *_: object) -> None:
            """Is silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        provider.port = server.server_port
        provider.issuer = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield provider
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def run_real_provider(*people: dict[str, Any]) -> Iterator[str]:
    """Serves one that others have written, with a form on which one of these people signs in; its address."""
    port = free_port()
    named = [word for person in people for word in ("--user-claims", json.dumps(person))]
    command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port), *named]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while not _answers(f"http://127.0.0.1:{port}/jwks"):
            assert process.poll() is None and time.monotonic() < deadline, "the identity provider has not started"
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def _answers(url: str) -> bool:
    try:
        return httpx2.get(url, trust_env=False, verify=False).is_success
    except httpx2.TransportError:
        return False
