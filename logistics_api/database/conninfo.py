"""The connection string of a session that can only read."""

from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from logistics_api.database.limits import Limits
from logistics_api.errors import ConfigurationError

DEFAULTS: dict[str, Any] = {
    "connect_timeout": 2,
    "client_encoding": "utf8",
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}


def read_only_conninfo(url: str, role: str | None, limits: Limits) -> str:
    """The connection string of a session that can only read, within limits.

    Parameters in the URL take precedence, including `options`; only read-only mode cannot be overridden.

    Raises:
        ConfigurationError: libpq cannot read the URL.
    """
    try:
        given = conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        raise ConfigurationError(
            "The database URL must look like postgresql://user:password@host:port/database; libpq cannot read it."
        ) from error
    options = [
        f"-c statement_timeout={round(limits.statement_seconds * 1000)}",
        "-c idle_in_transaction_session_timeout=10000",
        "-c jit=off",
        f"-c role={role}" if role else "",
        str(given.pop("options", "")),
        "-c TimeZone=UTC -c default_transaction_read_only=on",
    ]
    ours = {"options": " ".join(filter(None, options)), "application_name": "logistics api"}
    return make_conninfo(**(DEFAULTS | given | ours))
