"""One sign-in between its start and the return of the browser: state, nonce and PKCE, bound to that browser.

All of it follows from 32 random bytes in a cookie, so nothing is stored here and any process can finish what another
began. The state says when the sign-in began and where the person wants to go, signed with those bytes: it is of no use
in another browser.
"""

import json
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest
from hmac import digest as hmac_digest
from time import time

from logistics_api.openid.errors import Reason, SignInError

FLOW_SECONDS = 600
"""How long a person has to sign in at the identity provider."""
CLOCKS_SECONDS = 60
"""How far the clocks of machines may differ of which one begins a sign-in and another finishes it."""
LONGEST_PATH = 1_500
LONGEST_STATE = 4_000
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")
_LOCAL_PATH = re.compile(r"/(?![/\\])[^\\\x00-\x20\x7f]*")
_UPWARDS = re.compile(r"[^?#]*/(\.|%2e){1,2}([/?#]|$)", re.IGNORECASE)
"""A path that leads out of the folder in which a proxy publishes this API."""


@dataclass(frozen=True)
class Flow:
    """A sign-in that has begun."""

    secret: str
    """What the cookie holds."""
    state: str
    return_to: str
    """Where the person wants to go: a path of this API's pages, without a proxy's prefix."""

    @property
    def nonce(self) -> str:
        """What the identity provider repeats in its token."""
        return self._derived(b"nonce")

    @property
    def verifier(self) -> str:
        """What proves to the identity provider that the code is used by whoever asked for it (RFC 7636)."""
        return self._derived(b"verifier")

    @property
    def challenge(self) -> str:
        """What the identity provider is told of the verifier beforehand."""
        return _encoded(sha256(self.verifier.encode()).digest())

    @property
    def state_digest(self) -> bytes:
        """What a used state is recognised by."""
        return sha256(self.state.encode()).digest()

    def _derived(self, purpose: bytes) -> str:
        return _encoded(hmac_digest(self.secret.encode(), purpose + b"\0" + self.state.encode(), sha256))


def begin(return_to: str) -> Flow:
    """A new sign-in. What is no path of this host becomes the first page."""
    secret = _encoded(secrets.token_bytes(32))
    path = return_to if is_local_path(return_to) else "/"
    body = _encoded(json.dumps([int(time()), path]).encode())
    return Flow(secret, f"{body}.{_signature(secret, body)}", path)


def resume(secret: str | None, state: str) -> Flow:
    """The sign-in of a browser that has come back.

    Raises:
        SignInError: it was begun by another browser, or too long ago.
    """
    if secret is None or not _SECRET.fullmatch(secret):
        raise SignInError(Reason.EXPIRED, "The browser has no cookie of a sign-in.")
    body, _, signature = state.partition(".")
    if len(state) > LONGEST_STATE or not compare_digest(
        signature.encode("utf-8", "surrogatepass"), _signature(secret, body).encode()
    ):
        raise SignInError(Reason.EXPIRED, "The state is not one that this browser was given.")
    try:
        began_at, path = json.loads(urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except (ValueError, TypeError, Base64Error) as error:  # only who knows the secret can have signed it
        raise SignInError(Reason.EXPIRED, "The state is none.") from error
    if not isinstance(began_at, int) or not -CLOCKS_SECONDS <= time() - began_at <= FLOW_SECONDS:
        raise SignInError(Reason.EXPIRED, "The sign-in began too long ago.")
    return Flow(secret, state, path if isinstance(path, str) and is_local_path(path) else "/")


def is_local_path(path: str) -> bool:
    """Whether a browser that is sent there stays with this API.

    It leaves the host after two slashes or a backslash, and the path of this API, below a proxy's prefix, by `..`.
    """
    is_plain = len(path) <= LONGEST_PATH and path.isascii()
    return is_plain and _LOCAL_PATH.fullmatch(path) is not None and _UPWARDS.match(path) is None


def _signature(secret: str, body: str) -> str:
    signed = b"state\0" + body.encode("utf-8", "surrogatepass")
    return _encoded(hmac_digest(secret.encode(), signed, sha256))


def _encoded(octets: bytes) -> str:
    return urlsafe_b64encode(octets).rstrip(b"=").decode()
