"""Encrypts a message of web push for one browser (RFC 8291, with the content coding aes128gcm of RFC 8188)."""

import base64
import os

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_RECORD_BYTES = 4_096
MOST_BYTES = 3_993
"""Of a message: one record, with what encryption adds."""
_LAST_RECORD = b"\x02"


def encrypt(
    content: bytes,
    p256dh: str,
    auth: str,
    *,
    salt: bytes | None = None,
    own_key: ec.EllipticCurvePrivateKey | None = None,
) -> bytes:
    """The body of a request: `content`, which only the browser with these keys can read.

    Args:
        p256dh: the public key of the browser, in base64url.
        auth: what it shares with us, in base64url.
        salt: 16 random bytes, others for each message.
        own_key: the key of this message alone.

    Raises:
        ValueError: the keys cannot be used, or the content is too long.
    """
    if len(content) > MOST_BYTES:
        raise ValueError(f"the content has more than {MOST_BYTES:,} bytes")
    salt, own_key = salt or os.urandom(16), own_key or ec.generate_private_key(ec.SECP256R1())
    theirs, shared = decoded(p256dh), decoded(auth)
    ours = own_key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    secret = own_key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), theirs))
    seed = _derived(secret, shared, b"WebPush: info\0" + theirs + ours, 32)
    key = _derived(seed, salt, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derived(seed, salt, b"Content-Encoding: nonce\0", 12)
    header = salt + _RECORD_BYTES.to_bytes(4) + len(ours).to_bytes(1) + ours
    return header + AESGCM(key).encrypt(nonce, content + _LAST_RECORD, None)


def _derived(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(hashes.SHA256(), length, salt, info).derive(secret)


def encoded(content: bytes) -> str:
    """In base64url, without padding."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    """Of base64url. Raises ValueError if it is none."""
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
