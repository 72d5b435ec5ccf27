"""Why a sign-in did not succeed."""

from enum import StrEnum


class Reason(StrEnum):
    """What the page about a failed sign-in explains; the log says more."""

    REFUSED = "refused"
    """The identity provider refused it, or the person did there."""
    EXPIRED = "expired"
    """It took too long, or belongs to another browser."""
    REPEATED = "repeated"
    """It has been used before."""
    UNAVAILABLE = "unavailable"
    """The identity provider cannot be reached, or answers nothing that can be used."""
    INVALID = "invalid"
    """What the identity provider says about the person cannot be trusted or kept."""
    DATABASE = "database"
    """The database is unavailable, or takes no changes."""
    DISABLED = "disabled"
    """An administrator has disabled the person."""


class SignInError(Exception):
    """A sign-in did not succeed; the message is a sentence for the log, and holds no secret."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
