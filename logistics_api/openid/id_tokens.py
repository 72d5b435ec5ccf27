"""Verifies ID tokens (OpenID Connect Core, section 3.1.3.7): signature, issuer, audience, times, nonce.

Keys are those that the issuer publishes, never what a token brings along; algorithms are a closed list of signatures
with a public key, so that nobody can sign with what everybody knows.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import JWKRegistry, KeySet
from joserfc.jws import JWSRegistry
from joserfc.util import base64_to_int

from logistics_api.openid.errors import Reason, SignInError

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519")
LONGEST_TOKEN = 32 << 10
LEEWAY_SECONDS = 60
"""How far the clocks of issuer and this machine may differ."""
MOST_KEYS = 100
LEAST_RSA_BITS = 2048
_PUBLIC_KEY_TYPES = frozenset({"RSA", "EC", "OKP"})


class UnknownKeyError(Exception):
    """No key of the set has signed the token: the issuer may have changed its keys."""


class _Registry(JWSRegistry):
    max_header_length = 8 << 10  # with a chain of certificates
    max_payload_length = LONGEST_TOKEN


_REGISTRY = _Registry(algorithms=ALGORITHMS, strict_check_header=False)


def read_keys(document: Mapping[str, Any]) -> KeySet:
    """The keys for signatures in a JWK set; others are left out.

    Raises:
        SignInError: unavailable, there are none.
    """
    listed = document.get("keys")
    keys = []
    for data in listed[:MOST_KEYS] if isinstance(listed, list) else ():
        if isinstance(data, dict) and data.get("kty") in _PUBLIC_KEY_TYPES and data.get("use", "sig") == "sig":
            with suppress(JoseError, ValueError, TypeError, KeyError):
                if data["kty"] != "RSA" or base64_to_int(data["n"]).bit_length() >= LEAST_RSA_BITS:
                    keys.append(JWKRegistry.import_key(data))
    if not keys:
        raise SignInError(Reason.UNAVAILABLE, "The identity provider publishes no key for signatures that can be used.")
    return KeySet(keys)


def verify(token: object, keys: KeySet, *, issuer: str, client_id: str, nonce: str) -> dict[str, Any]:
    """The claims of a token that the issuer made for this client and this sign-in.

    Raises:
        UnknownKeyError: none of the keys has its name.
        SignInError: invalid, for any other reason.
    """
    if not isinstance(token, str) or len(token) > LONGEST_TOKEN:
        raise SignInError(Reason.INVALID, f"The answer holds no ID token of at most {LONGEST_TOKEN} bytes.")
    try:
        decoded = jwt.decode(token, keys, algorithms=ALGORITHMS, registry=_REGISTRY)
        _expected(issuer, client_id, nonce).validate(decoded.claims)
    except InvalidKeyIdError as error:
        raise UnknownKeyError from error
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise SignInError(Reason.INVALID, f"The ID token is invalid: {error or type(error).__name__}.") from error
    _check_audience(decoded.claims, client_id)
    return decoded.claims


def _expected(issuer: str, client_id: str, nonce: str) -> jwt.JWTClaimsRegistry:
    return jwt.JWTClaimsRegistry(
        leeway=LEEWAY_SECONDS,
        iss={"essential": True, "value": issuer},
        aud={"essential": True, "value": client_id},
        sub={"essential": True},
        exp={"essential": True},
        iat={"essential": True},
        nonce={"essential": True, "value": nonce},
    )


def _check_audience(claims: Mapping[str, Any], client_id: str) -> None:
    """A token for several audiences says to whom it was given; if it says so, that must be this client."""
    audience, party = claims["aud"], claims.get("azp")
    is_shared = isinstance(audience, list) and len(audience) > 1
    if (is_shared or party is not None) and party != client_id:
        raise SignInError(Reason.INVALID, "The ID token is invalid: it was given to another client (azp).")
    for name in ("nonce", "sub"):
        if not isinstance(claims[name], str):
            raise SignInError(Reason.INVALID, f"The ID token is invalid: {name} is not a text.")
