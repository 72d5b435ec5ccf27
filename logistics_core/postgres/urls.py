"""Addresses of databases: whatever libpq reads (URLs and connection strings), as psql does.

No error shows a part of the address: a mistake may have put the password anywhere in it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import parse_qsl, quote

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import Conninfo

_SCHEME = re.compile(r"postgres(?:ql)?(?:\+\w+)?://", re.ASCII)
_FORM = "must look like postgresql://user:password@host:port/database"


class AddressError(ValueError):
    """An address that cannot be used. Its message shows nothing of it."""


@dataclass(frozen=True)
class Address:
    """Where a database is and how to log in: libpq's connection parameters."""

    parameters: Mapping[str, str]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads a URL or a connection string such as `host=db.example dbname=logistics`.

        A driver in the scheme, as SQLAlchemy writes it, is left out.

        Raises:
            AddressError: libpq cannot read it, it names no database, or its password is not set off from the rest.
        """
        parameters = _read(text)
        address = cls(parameters)
        if not address.database:
            raise AddressError("The database URL names no database: add /logistics at its end.")
        return address

    @property
    def database(self) -> str | None:
        return self.parameters.get("dbname")

    @property
    def username(self) -> str | None:
        return self.parameters.get("user")

    @property
    def password(self) -> str | None:
        return self.parameters.get("password")

    def set(self, *, username: str | None = None, password: str | None = None, database: str | None = None) -> Self:
        """The same address with some parts replaced."""
        given = {"user": username, "password": password, "dbname": database}
        return self.replace(**{name: value for name, value in given.items() if value is not None})

    def replace(self, **parameters: str) -> Self:
        """The same address with some of libpq's parameters replaced."""
        return type(self)({**self.parameters, **parameters})

    def conninfo(self, **parameters: str | int) -> str:
        """As libpq's connection string, with some parameters replaced."""
        return make_conninfo("", **dict[str, Any]({**self.parameters, **parameters}))

    def url(self) -> str:
        """As a URL that libpq reads, with its password. What does not fit before the database goes into the query."""
        query = {name: value for name, value in self.parameters.items() if name not in _OUTSIDE_QUERY}
        authority = self._authority()
        if authority is None:
            authority = ""
            query |= {name: self.parameters[name] for name in ("host", "port") if self.parameters.get(name)}
        return self._url("postgresql", authority, query)

    def sqlalchemy_url(self, driver: str) -> str:
        """As the URL that SQLAlchemy needs for a driver of PostgreSQL. The driver decodes texts as UTF-8.

        Several hosts go into its query: SQLAlchemy takes only one before the database.
        """
        query = {name: value for name, value in self.parameters.items() if name not in _OUTSIDE_QUERY}
        query["client_encoding"] = "utf8"
        hosts, ports = self.hosts
        if len(hosts) == 1 and (authority := self._authority()) is not None:
            return self._url(f"postgresql+{driver}", authority, query)
        query["host"] = ",".join(hosts)
        if any(ports):
            query["port"] = ",".join(port or "5432" for port in ports)
        return self._url(f"postgresql+{driver}", "", query)

    @property
    def hosts(self) -> tuple[list[str], list[str]]:
        """The hosts that are tried in turn, and the port of each; texts are empty where libpq's default applies."""
        hosts = self.parameters.get("host", "").split(",")
        ports = self.parameters.get("port", "").split(",")
        return hosts, ports * len(hosts) if len(ports) == 1 else ports

    def __str__(self) -> str:
        """Hosts, ports and database, without the login: for messages."""
        hosts, ports = self.hosts
        if hosts == [""]:
            hosts = self.parameters.get("hostaddr", "localhost").split(",")
        where = [f"{host or 'localhost'}:{port or 5432}" for host, port in zip(hosts, ports, strict=False)]
        return f"{','.join(where)}/{self.database or ''}"

    def _authority(self) -> str | None:
        """Hosts and ports as they stand before the database, or None if one of them is a folder of sockets."""
        hosts, ports = self.hosts
        if any(host.startswith(("/", "@")) for host in hosts):
            return None
        named = [f"[{host}]" if ":" in host else quote(host, safe="") for host in hosts]
        return ",".join(f"{host}:{port}" if port else host for host, port in zip(named, ports, strict=False))

    def _url(self, scheme: str, authority: str, query: Mapping[str, str]) -> str:
        login = quote(self.username or "", safe="")
        if self.password is not None:
            login += f":{quote(self.password, safe='')}"
        given = "&".join(f"{name}={quote(value, safe='/:,')}" for name, value in query.items())
        at = "@" if login else ""
        return f"{scheme}://{login}{at}{authority}/{quote(self.database or '', safe='')}{'?' if given else ''}{given}"


_OUTSIDE_QUERY = frozenset({"user", "password", "host", "port", "dbname"})


def _read(text: str) -> dict[str, str]:
    scheme = _SCHEME.match(text)
    if scheme is None and ("://" in text or "=" not in text):
        raise AddressError(f"The database URL {_FORM}; {_wrong_start(text)}. It is not shown here. {_PASSWORD_HINT}")
    try:
        plain = text if scheme is None else f"postgresql://{_with_login_encoded(text[scheme.end() :])}"
        found = conninfo_to_dict(plain)
    except psycopg.ProgrammingError:
        # Not chained: libpq's message repeats the part that it cannot read.
        raise AddressError(f"The database URL {_FORM}; {_unreadable(text)}. {_PASSWORD_HINT}") from None
    parameters = {name: str(value) for name, value in found.items() if value is not None}
    if scheme is not None:
        parameters |= _sqlalchemy_hosts(text)
        _refuse_stray_password(parameters, text)
    _refuse_bad_ports(parameters)
    return parameters


_PASSWORD_HINT = (
    "In a URL, user and password end with @, and these characters of a password are written as: @ %40, / %2F, : %3A, "
    "? %3F, # %23, % %25."
)


def _unreadable(text: str) -> str:
    before, _, query = text.partition("?")
    names = [pair.partition("=")[0] for pair in query.split("&") if "=" in pair]
    unknown = [name for name in names if name.isidentifier() and name not in _PARAMETERS]
    may_hold_password = "password" in query or (":" in before.partition("://")[2] and "@" not in before)
    if unknown and not may_hold_password:
        return f"PostgreSQL's library knows no parameter {unknown[0]!r}"
    return "PostgreSQL's library cannot read it"


_PARAMETERS = frozenset(option.keyword.decode() for option in Conninfo.parse(b""))


def _with_login_encoded(rest: str) -> str:
    """Encodes a slash of the login, for libpq: it stands before the only @, so that nothing has to be guessed."""
    before, mark, query = rest.partition("?")
    login, at, place = before.partition("@")
    return rest if "@" in place or not at else f"{login.replace('/', '%2F')}{at}{place}{mark}{query}"


def _wrong_start(text: str) -> str:
    if text.lower().startswith("jdbc:"):
        return "it is a JDBC URL, which only Java reads: leave out jdbc: and put user:password@ before the host"
    return "it begins with neither postgresql:// nor postgres://"


def _sqlalchemy_hosts(text: str) -> dict[str, str]:
    """Several hosts in SQLAlchemy's form, `?host=one:5432&host=two:5432`; libpq would take the last one only."""
    hosts = [value for name, value in parse_qsl(text.partition("?")[2]) if name == "host"]
    if len(hosts) < 2:
        return {}
    pairs = [host.rpartition(":") if ":" in host else (host, "", "") for host in hosts]
    return {"host": ",".join(host for host, _, _ in pairs), "port": ",".join(port for _, _, port in pairs)}


def _refuse_stray_password(parameters: Mapping[str, str], text: str) -> None:
    """A password without the @ behind it, or with an @ or / of its own, ends up in the host or the database."""
    host, database = parameters.get("host", ""), parameters.get("dbname", "")
    is_split_database = bool({"/", "@"} & set(database)) and f"/{database}" in text
    is_split_host = any("@" in name and not name.startswith("@") for name in host.split(","))
    if is_split_database or is_split_host:
        raise AddressError(f"The database URL {_FORM}; its user and password cannot be told apart. {_PASSWORD_HINT}")


def _refuse_bad_ports(parameters: Mapping[str, str]) -> None:
    """Before libpq does, as it would show the text: it may be a password."""
    ports = parameters.get("port", "").split(",")
    if not all(re.fullmatch(r"[0-9]{0,5}", port, re.ASCII) for port in ports):
        raise AddressError(f"The database URL {_FORM}; its port is not a number. {_PASSWORD_HINT}")
    hosts = parameters.get("host", parameters.get("hostaddr", "")).split(",")
    if len(ports) not in (1, len(hosts)):
        raise AddressError(f"The database URL names {len(hosts)} hosts but {len(ports)} ports: give each host one.")
