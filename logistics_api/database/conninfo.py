"""What the API's sessions are like: connection string and settings of a session that can only read."""

from dataclasses import dataclass
from typing import Any

from logistics_api.database.limits import Limits
from logistics_api.errors import ConfigurationError
from logistics_core.postgres.sessions import CLIENT_CHECK, FORMATS, UNLIMITED, Session, split_options
from logistics_core.postgres.urls import Address, AddressError

DEFAULTS: dict[str, Any] = {
    "connect_timeout": 2,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}


@dataclass(frozen=True)
class ReadOnly:
    """How to connect, and what to set afterwards."""

    conninfo: str
    session: Session


def read_only(url: str, role: str | None, limits: Limits) -> ReadOnly:
    """A session that can only read, within limits.

    Parameters in the URL take precedence, including limits in its `options`; not the read-only mode and the formats.

    Raises:
        ConfigurationError: libpq cannot read the URL.
    """
    try:
        address = Address.parse(url)
    except AddressError as error:
        raise ConfigurationError(str(error)) from None
    adjustable = _limits(limits) | ({"role": role} if role else {})
    given, options = split_options(address.parameters.get("options", ""), {**adjustable, "role": "", **_READ_ONLY})
    ours = {"options": options, "application_name": "logistics api", "client_encoding": "UTF8"}
    conninfo = address.conninfo(**(DEFAULTS | dict(address.parameters) | ours))
    return ReadOnly(conninfo, Session(_role_last({**adjustable, **given, **FORMATS, **_READ_ONLY}), read_only=True))


_READ_ONLY = {"default_transaction_read_only": "on"}


def _limits(limits: Limits) -> dict[str, str]:
    return {
        **UNLIMITED,
        "statement_timeout": f"{round(limits.statement_seconds * 1000)}ms",
        "idle_in_transaction_session_timeout": "10s",
        "jit": "off",
        "search_path": "public",
        CLIENT_CHECK: "1s",
    }


def _role_last(settings: dict[str, str]) -> dict[str, str]:
    """The login may be allowed to set more than the role."""
    return dict(sorted(settings.items(), key=lambda setting: setting[0] == "role"))
