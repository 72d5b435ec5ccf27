"""VAPID (RFC 8292): push services know by a signature who sends. The key is a number of the curve P-256."""

import sys
import time
from urllib.parse import urlsplit

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from joserfc import jwt
from joserfc.jwk import ECKey

from logistics_pipeline.errors import ConfigurationError
from logistics_pipeline.notifying.channels.push_encryption import decoded, encoded

TOKEN_SECONDS = 12 * 3600
"""Services take tokens of up to 24 hours."""
_KEY_BYTES = 32


def make_key() -> str:
    """A new private key, in base64url."""
    return _number(ec.generate_private_key(ec.SECP256R1()))


def public_key(private: str) -> str:
    """The public key of a private one: its point, uncompressed, in base64url, as browsers take it.

    Raises:
        ConfigurationError: the private key cannot be used.
    """
    return encoded(_point(_read_key(private)))


def authorization(url: str, private: str, contact: str | None) -> str:
    """The header with which a request to an address of a push service says who sends.

    Raises:
        ConfigurationError: the private key cannot be used.
    """
    read = _read_key(private)
    point = _point(read)
    key = ECKey.import_key({
        "kty": "EC", "crv": "P-256", "x": encoded(point[1:33]), "y": encoded(point[33:]), "d": _number(read),
    })  # fmt: skip
    parts = urlsplit(url)
    claims = {"aud": f"{parts.scheme}://{parts.netloc}", "exp": int(time.time()) + TOKEN_SECONDS}
    if contact:
        claims["sub"] = contact
    return f"vapid t={jwt.encode({'alg': 'ES256', 'typ': 'JWT'}, claims, key)}, k={encoded(point)}"


def _read_key(text: str) -> ec.EllipticCurvePrivateKey:
    """A private key: as PEM, or its number in base64url."""
    try:
        if "-----BEGIN" in text:
            key = load_pem_private_key(text.encode(), None)
        else:
            number = decoded(text.strip())
            if len(number) != _KEY_BYTES:
                raise ValueError("its length is wrong")
            key = ec.derive_private_key(int.from_bytes(number), ec.SECP256R1())
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
            raise ValueError("it is of another curve")
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ConfigurationError(
            "The private VAPID key cannot be used. Expected: a key of the curve P-256, as PEM without a password or as "
            "32 bytes in base64url."
        ) from None
    return key


def _point(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _number(key: ec.EllipticCurvePrivateKey) -> str:
    return encoded(key.private_numbers().private_value.to_bytes(_KEY_BYTES))


def _main() -> None:
    made = make_key()
    sys.stdout.write(f"{public_key(made)} {made}")


if __name__ == "__main__":
    _main()
