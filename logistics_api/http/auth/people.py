"""A person as an identity provider or a proxy describes them: within the limits of the database, fit to be shown."""

from collections.abc import Iterable
from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

LONGEST_SUBJECT = 255
LONGEST_NAME = 200
LONGEST_EMAIL = 320
LONGEST_GROUP = 1_000
MOST_GROUPS = 1_000
LONGEST_LOCALE = 35


@dataclass(frozen=True)
class Person:
    """Who signs in. `issuer` and `subject` name the person for good; the rest may change."""

    issuer: str
    subject: str
    name: str
    email: str | None
    groups: tuple[str, ...]
    zone: str | None = None
    locale: str | None = None


def describe_person(
    issuer: str,
    subject: str,
    *,
    names: Iterable[object] = (),
    email: object = None,
    groups: Iterable[object] = (),
    zone: object = None,
    locale: object = None,
) -> Person:
    """A person with the first of these names that can be shown; the e-mail address and the subject are names, too.

    Raises:
        ValueError: the subject or a group cannot be kept as it is; the message is a sentence.
    """
    if not _is_plain(subject, LONGEST_SUBJECT):
        raise ValueError(
            f"The name of the account is empty, longer than {LONGEST_SUBJECT} characters or not printable."
        )
    listed = tuple(dict.fromkeys(groups))
    if len(listed) > MOST_GROUPS or not all(_is_plain(group, LONGEST_GROUP) for group in listed):
        raise ValueError(f"The groups are more than {MOST_GROUPS}, or one is not a printable text.")
    shown_email = email if isinstance(email, str) and _is_plain(email, LONGEST_EMAIL) else None
    name = next((each for each in (*names, shown_email) if _is_plain(each, LONGEST_NAME)), subject[:LONGEST_NAME])
    return Person(
        issuer,
        subject,
        str(name),
        shown_email,
        tuple(map(str, listed)),
        zone if isinstance(zone, str) and _is_zone(zone) else None,
        locale if isinstance(locale, str) and _is_plain(locale, LONGEST_LOCALE) else None,
    )


def _is_plain(text: object, longest: int) -> bool:
    return isinstance(text, str) and text.strip() != "" and len(text) <= longest and text.isprintable()


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
