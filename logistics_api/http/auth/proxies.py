"""A person whom a trusted proxy names in headers: oauth2-proxy, Authelia, or any that sends the same ones.

The proxy proves itself by a shared secret in `X-Proxy-Secret`. Its headers count only together with that; without it
they are an attempt to be somebody else, and refused. Where no secret is set, the headers mean nothing.
"""

from collections.abc import Mapping
from hashlib import sha256
from hmac import compare_digest

from logistics_api.errors import ConfigurationError, Problem
from logistics_api.http.auth.people import Person, describe_person
from logistics_core.places.secrets import SecretError, parse_reference
from logistics_core.settings import Settings

ISSUER = "proxy"
SECRET_HEADER = b"x-proxy-secret"
SHORTEST_SECRET = 16

HEADERS: Mapping[str, tuple[bytes, bytes, bytes, bytes]] = {
    "oauth2-proxy": (
        b"x-forwarded-user", b"x-forwarded-preferred-username", b"x-forwarded-email", b"x-forwarded-groups",
    ),
    "authelia": (b"remote-user", b"remote-name", b"remote-email", b"remote-groups"),
}  # fmt: skip
"""Names of the headers with user, name, e-mail address, groups."""

RawHeaders = list[tuple[bytes, bytes]]


class TrustedProxy:
    """Reads who the person is from the headers of a proxy that knows the secret."""

    def __init__(self, secret: str, names: tuple[bytes, bytes, bytes, bytes]) -> None:
        self._secret = secret.encode()
        self._names = names

    def digest(self, headers: Mapping[bytes, bytes], sent: RawHeaders) -> bytes | None:
        """What the session of the person is found by; None if the proxy names nobody.

        `sent`: the headers as they came, so that one that stands there twice is noticed.

        Raises:
            Problem: 401, a person is named without the secret, the secret is wrong, or a header stands there twice.
        """
        secret, user = headers.get(SECRET_HEADER), headers.get(self._names[0])
        if secret is None:
            if user is None:
                return None
            raise _untrusted()
        if not compare_digest(secret, self._secret):
            raise _untrusted()
        if len(sent) > len(headers):
            self._refuse_repeated(sent)
        if not user:
            return None
        *others, groups = (headers.get(name, b"") for name in self._names)
        in_order = b",".join(sorted(group.strip() for group in groups.split(b",")))  # proxies send them in any order
        return sha256(b"\0".join([b"proxy", self._secret, *others, in_order])).digest()

    def _refuse_repeated(self, sent: RawHeaders) -> None:
        names = [name for name, _ in sent]
        if any(names.count(name) > 1 for name in (SECRET_HEADER, *self._names)):
            raise _unreadable("One of its headers was sent twice: the proxy must replace what the client sends.")

    def person(self, headers: RawHeaders) -> Person:
        """The person that the headers name. `digest` has checked the secret, and that none stands there twice.

        Raises:
            Problem: 401, the headers hold what cannot be a person.
        """
        found = dict(headers)
        try:
            user, name, email, groups = (found.get(each, b"").decode() for each in self._names)
            listed = [group.strip() for group in groups.split(",") if group.strip()]
            return describe_person(ISSUER, user, names=(name,), email=email or None, groups=listed)
        except ValueError as error:
            text = "A header is not UTF-8." if isinstance(error, UnicodeDecodeError) else str(error)
            raise _unreadable(text) from error


def make_trusted_proxy(settings: Settings) -> TrustedProxy | None:
    """The proxy of the settings; None without one.

    Raises:
        ConfigurationError: its secret cannot be read, or is short enough to be guessed.
    """
    if settings.proxy_secret is None:
        return None
    try:
        secret = parse_reference(settings.proxy_secret).value()
    except SecretError as error:
        raise ConfigurationError(f"LOGISTICS_PROXY_SECRET: {error}") from error
    if len(secret) < SHORTEST_SECRET:
        raise ConfigurationError(
            f"LOGISTICS_PROXY_SECRET: the secret has {len(secret)} characters; it needs {SHORTEST_SECRET} or more, "
            "such as the output of `openssl rand -hex 32`."
        )
    return TrustedProxy(secret, HEADERS[settings.proxy_headers])


def _untrusted() -> Problem:
    return Problem(
        401,
        "proxy-not-trusted",
        "Proxy not trusted",
        "The headers name a person, but the secret in X-Proxy-Secret is missing or wrong. Only the proxy may send "
        "them: let it add the secret of LOGISTICS_PROXY_SECRET.",
    )


def _unreadable(reason: str) -> Problem:
    return Problem(
        401, "proxy-person-invalid", "Invalid person", f"The proxy names no person that can be used. {reason}"
    )
