"""What the API's sessions are like: those that can only read, and those of the operator, which call functions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from logistics_api.database.limits import Limits
from logistics_api.errors import ConfigurationError
from logistics_core.database_contract.roles import OPERATOR
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
class Login:
    """How to connect, and what to set afterwards."""

    conninfo: str
    session: Session


def read_only(url: str, role: str | None, limits: Limits) -> Login:
    """A session that can only read, within limits.

    Parameters in the URL take precedence, including limits in its `options`; not the read-only mode and the formats.

    Raises:
        ConfigurationError: libpq cannot read the URL.
    """
    adjustable = _limits(limits) | ({"role": role} if role else {})
    conninfo, given = _connection(url, "logistics api", adjustable)
    return Login(conninfo, Session(_role_last({**adjustable, **given, **FORMATS, **_READ_ONLY}), read_only=True))


def read_write(url: str, limits: Limits) -> Login:
    """A session of the operator, within limits: its role may call the functions that change something, and no more.

    Parameters in the URL take precedence, but for the role and the formats: a URL for reading will do.

    Raises:
        ConfigurationError: libpq cannot read the URL.
    """
    adjustable = _limits(limits)
    conninfo, given = _connection(url, "logistics api operator", adjustable)
    fixed = {**FORMATS, "default_transaction_read_only": "off", "role": OPERATOR}
    return Login(conninfo, Session(_role_last({**adjustable, **given, **fixed})))


_READ_ONLY = {"default_transaction_read_only": "on"}


def _connection(url: str, name: str, adjustable: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """The connection string, and what the URL's options set of the session's settings."""
    try:
        address = Address.parse(url)
    except AddressError as error:
        raise ConfigurationError(str(error)) from None
    given, options = split_options(address.parameters.get("options", ""), {**adjustable, "role": "", **_READ_ONLY})
    ours = {"options": options, "application_name": name, "client_encoding": "UTF8"}
    return address.conninfo(**(DEFAULTS | dict(address.parameters) | ours)), given


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
