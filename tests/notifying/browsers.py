"""A browser that takes web push: its keys, and what it reads of a request, which a library decrypts, not our code."""

import base64
import json
from typing import Any

import http_ece
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jwt
from joserfc.jwk import ECKey

from logistics_pipeline.database.connections import Connection
from tests.notifying.sink import Received


def encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Browser:
    """A browser with a subscription."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._secret = b"0123456789abcdef"
        point = self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.keys = {"p256dh": encoded(point), "auth": encoded(self._secret)}

    def add(self, connection: Connection, person_id: int, name: str = "Firefox on Linux") -> int:
        """Has it show the notifications of a person, as the API does."""
        row = connection.execute(
            "SELECT notify.add_push_subscription(%s, %s, %s, %s, %s, %s)",
            (person_id, self.url, "digest", self.keys["p256dh"], self.keys["auth"], name),
        ).fetchone()
        assert row is not None and row[0] is not None
        return int(row[0])

    def read(self, received: Received) -> Any:
        """What the service worker is given."""
        assert received.headers["content-encoding"] == "aes128gcm"
        content = http_ece.decrypt(received.body, private_key=self._key, auth_secret=self._secret, version="aes128gcm")
        return json.loads(content)


def vapid_claims(received: Received) -> tuple[str, dict[str, Any]]:
    """The public key that a request names, and what is signed with it."""
    kind, _, rest = received.headers["authorization"].partition(" ")
    assert kind == "vapid"
    parts = dict(part.strip().split("=", 1) for part in rest.split(","))
    point = decoded(parts["k"])
    key = ECKey.import_key({"kty": "EC", "crv": "P-256", "x": encoded(point[1:33]), "y": encoded(point[33:])})
    return parts["k"], jwt.decode(parts["t"], key, algorithms=["ES256"]).claims
