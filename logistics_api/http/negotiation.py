"""Content negotiation: Accept-Encoding and If-None-Match (RFC 9110, sections 12.5.3 and 13.1.2), for all responses."""

import re
from functools import lru_cache

CODINGS = ("zstd", "br", "gzip")
"""In order of preference if the client has none: similar in size, so the cheapest to decompress first."""

IDENTITY = "identity"

_ENTITY_TAG = re.compile(rb'(?:W/)?"([^"]*)"')
_WEIGHT = re.compile(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?")


@lru_cache(1024)
def acceptable_codings(accept_encoding: bytes | None, offered: tuple[str, ...] = CODINGS) -> tuple[str, ...]:
    """The offered codings that a client accepts, best first; `identity`, if accepted, comes last among equals.

    Empty if it accepts none. A malformed weight counts as 0, so that coding is not sent.
    """
    if accept_encoding is None:
        return (IDENTITY,)
    weights = weights_of(accept_encoding.decode("latin-1").lower())
    others = weights.pop("*", None)
    for coding in offered:
        weights.setdefault(coding, others or 0.0)
    weights.setdefault(IDENTITY, 0.001 if others is None else others)  # acceptable unless it is refused
    ranked = sorted((*offered, IDENTITY), key=lambda coding: -weights[coding])  # stable: our order decides among equals
    return tuple(coding for coding in ranked if weights[coding] > 0)


def weights_of(accepted: str) -> dict[str, float]:
    """The weight of each member of a list such as that of Accept, in lower case."""
    weights: dict[str, float] = {}
    for part in accepted.split(","):
        coding, *parameters = (piece.strip() for piece in part.split(";"))
        if coding:
            weights["gzip" if coding == "x-gzip" else coding] = _weight(parameters)
    return weights


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            return float(value) if _WEIGHT.fullmatch(value.strip()) else 0.0
    return 1.0


def matches(if_none_match: bytes, etag: bytes) -> bool:
    """Whether the client already has the representation: the weak comparison that RFC 9110 requires."""
    if if_none_match == etag or if_none_match.strip() == b"*":
        return True
    opaque = _ENTITY_TAG.findall(etag)
    return opaque[0] in _ENTITY_TAG.findall(if_none_match)
