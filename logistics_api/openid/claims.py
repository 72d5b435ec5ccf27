"""Reads the person from the claims of an identity provider."""

from collections.abc import Mapping
from typing import Any

from logistics_api.http.auth.people import Person, describe_person
from logistics_api.openid.errors import Reason, SignInError


def read_person(claims: Mapping[str, Any], groups_claim: str) -> Person:
    """The person.

    Raises:
        SignInError: invalid, a claim cannot be kept as it is.
    """
    email = claims.get("email")
    try:
        return describe_person(
            claims["iss"],
            claims["sub"],
            names=(claims.get("name"), claims.get("preferred_username")),
            email=None if claims.get("email_verified") is False else email,
            groups=_groups(find_claim(claims, groups_claim)),
            zone=claims.get("zoneinfo"),
            locale=claims.get("locale"),
        )
    except ValueError as error:
        raise SignInError(Reason.INVALID, f"The person cannot be noted. {error}") from error


def find_claim(claims: Mapping[str, Any], name: str) -> Any:
    """The claim of that name, or the one at that path, such as `realm_access.roles`; None without one."""
    if name in claims:
        return claims[name]
    found: Any = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _groups(found: Any) -> list[str]:
    if found is None:
        return []
    groups = [found] if isinstance(found, str) else found
    if not isinstance(groups, list) or not all(isinstance(group, str) for group in groups):
        raise ValueError("The claim with the groups is not a list of texts.")
    return groups
