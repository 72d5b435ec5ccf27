"""What a source is: the immutable model that a definition file becomes. `reading` makes it, and checks it.

Times are timedeltas, secrets are references (`secrets`), paths in records and responses are tuples of names (`paths`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from typing import Any, TypeAlias

from logistics_core.places.definition import PlaceDefinition
from logistics_core.places.secrets import Secret
from logistics_pipeline.sources.paths import ValuePath

Scalar: TypeAlias = str | int | float | bool
ParameterValue: TypeAlias = Scalar | Secret | tuple[Scalar, ...]


class AuthenticationType(StrEnum):
    """How requests prove who asks."""

    NONE = "none"
    API_KEY = "apiKey"
    BASIC = "basic"
    BEARER = "bearer"
    CLIENT_CREDENTIALS = "oauth2ClientCredentials"
    REFRESH_TOKEN = "oauth2Refresh"


class SentIn(StrEnum):
    """Where a request carries a value."""

    QUERY = "query"
    HEADER = "header"
    BODY = "body"


class PaginationType(StrEnum):
    """How the request of the next page is made."""

    NONE = "none"
    LINK_HEADER = "linkHeader"
    NEXT_URL = "nextUrl"
    CURSOR = "cursor"
    OFFSET = "offset"
    PAGE = "page"
    KEYSET = "keyset"


class Mode(StrEnum):
    """What the records of a pull are."""

    CHANGES = "changes"
    """Records that are new or changed since a time."""
    SNAPSHOT = "snapshot"
    """All records that there are: what a later pull lacks has vanished."""
    APPEND = "append"
    """Events: records that never change."""


WINDOW_PLACEHOLDERS = ("since", "until")
"""Names in braces, in parameters and bodies, where the begin and the end of the window stand."""


class TimeFormat(StrEnum):
    """How a time is written in requests and records; anything else is a pattern of `strftime`."""

    ISO = "iso8601"
    DATE = "date"
    UNIX = "unix"
    UNIX_MILLISECONDS = "unixMillis"


class ResponseFormat(StrEnum):
    """What a page is written in."""

    JSON = "json"
    NDJSON = "ndjson"
    CSV = "csv"


@dataclass(frozen=True)
class Authentication:
    """How requests prove who asks. Which attributes are set depends on the type."""

    type: AuthenticationType = AuthenticationType.NONE
    token: Secret | None = None
    sent_in: SentIn = SentIn.HEADER
    name: str = ""
    """Of the header or query parameter that carries an API key."""
    prefix: str = ""
    """A word before the API key, such as `Token`."""
    username: str | Secret = ""
    password: Secret | None = None
    token_url: str = ""
    client_id: str | Secret = ""
    client_secret: Secret | None = None
    refresh_token: Secret | None = None
    scope: str = ""
    audience: str = ""
    client_in: SentIn = SentIn.BODY
    """Where the token request carries client ID and secret: `body` or `header` (basic)."""


@dataclass(frozen=True)
class Limits:
    """How fast a source may be asked."""

    per_second: float | None = None
    burst: int = 1
    concurrent: int = 4
    """Requests at the same time, for the children of several parents."""
    longest_wait: timedelta = timedelta(seconds=60)
    """A pull that would have to wait longer than this ends, paused, and is taken up again after that time."""
    per_day: int | None = None


@dataclass(frozen=True)
class Retries:
    """How often a request is tried."""

    attempts: int = 5
    longest: timedelta = timedelta(minutes=5)
    """All attempts of one request together."""


@dataclass(frozen=True)
class TimeLimits:
    """How long one request may take."""

    connect: timedelta = timedelta(seconds=10)
    read: timedelta = timedelta(seconds=30)
    """Without a byte."""
    page: timedelta = timedelta(minutes=5)
    """From the request to the last byte of the response."""


@dataclass(frozen=True)
class Tls:
    """How the server's certificate is checked, and what proves who we are."""

    ca_file: str | None = None
    certificate: str | None = None
    key: str | None = None
    unverified: str | None = None
    """Why the server's certificate is not checked. None: it is."""


@dataclass(frozen=True)
class Pagination:
    """How the request of the next page is made."""

    type: PaginationType = PaginationType.NONE
    sent_in: SentIn = SentIn.QUERY
    parameter: str = ""
    """What carries the cursor, offset, page number or last key: a parameter, or in a body the path of a value."""
    next: ValuePath = ()
    """Where a page has the cursor or address of the next one."""
    next_header: str = ""
    """The same in a header of the response."""
    has_more: ValuePath = ()
    """Where a page says whether another one follows."""
    size_parameter: str = ""
    size: int | None = None
    """Records of a full page."""
    start: int = 0
    """The first offset or page number."""
    pages: ValuePath = ()
    """Where a page says how many there are."""
    key: ValuePath = ()
    """The field of a record that the next request names (`keyset`)."""
    ends: str = "empty"
    """What ends a walk by offset, page or key: an `empty` page, or a `short` one (fewer records than `size`)."""
    overlap: int = 0
    """Records that a page by offset repeats of the page before, to see that nothing has shifted."""

    @property
    def is_stable(self) -> bool:
        """Whether the request of a page stays right while records are added: a walk can go on where it broke off."""
        return self.type not in (PaginationType.OFFSET, PaginationType.PAGE)


@dataclass(frozen=True)
class Incremental:
    """How only new and changed records are asked for."""

    parameter: str = ""
    """Empty where `{since}` stands in the parameters or the body."""
    until: str = ""
    sent_in: SentIn = SentIn.QUERY
    field: ValuePath = ()
    """The time of a record."""
    format: str = TimeFormat.ISO
    start: datetime | None = None
    lookback: timedelta = timedelta(hours=1)
    step: timedelta | None = None
    """Windows of this length are asked for one after the other."""
    keeps_cursor: bool = False
    """The cursor of the last page is where the next pull begins (a feed): there is no time."""


@dataclass(frozen=True)
class Parent:
    """The resource whose records are asked about one by one."""

    resource: str
    field: ValuePath
    placeholder: str
    """Its name in braces in the path, the parameters or the body."""


@dataclass(frozen=True)
class MappedField:
    """What becomes of one field of the dataset. Of `path`, `constant` and `parent` one is set."""

    name: str
    path: ValuePath = ()
    constant: Any = None
    parent: bool = False
    """The value of the parent that was asked about."""
    factor: Fraction | None = None
    offset: Fraction = Fraction(0)
    """What turns the unit of the source into that of the dataset: `value * factor + offset`."""
    values: Mapping[str, Any] | None = None
    otherwise: Any = None
    has_otherwise: bool = False
    format: str | None = None
    """How the source writes a time; it is handed on as ISO 8601."""
    text: bool = False
    """A number becomes a text."""
    required: bool = False
    is_path: bool = True


@dataclass(frozen=True)
class Schedule:
    """When a resource is pulled: every so often, or at the times of a cron expression."""

    text: str
    every: timedelta | None = None
    cron: str | None = None


@dataclass(frozen=True)
class Expect:
    """What a pull should bring; anything else is a warning."""

    min_records: int | None = None
    max_age: timedelta | None = None
    fields: tuple[str, ...] = ()


@dataclass(frozen=True)
class Resource:
    """One kind of record that a source serves."""

    name: str
    path: str
    dataset: str | None = None
    """None: its records are only the parents of others."""
    title: str = ""
    method: str = "GET"
    parameters: Mapping[str, ParameterValue] = field(default_factory=dict)
    headers: Mapping[str, str | Secret] = field(default_factory=dict)
    body: Any = None
    body_format: str = "json"
    format: ResponseFormat = ResponseFormat.JSON
    records: ValuePath = ()
    total: ValuePath = ()
    total_header: str = ""
    error: ValuePath = ()
    """Where a response with status 200 says that it failed."""
    nothing: tuple[int, ...] = ()
    """Statuses besides 200 that mean that there are no records; 204 always does."""
    pagination: Pagination = field(default_factory=Pagination)
    incremental: Incremental | None = None
    mode: Mode = Mode.CHANGES
    parent: Parent | None = None
    fields: tuple[MappedField, ...] | None = None
    """None: records are landed as they are."""
    key: tuple[ValuePath, ...] = ()
    """What tells records apart: for snapshots, and to see that pages repeat records."""
    schedule: Schedule | None = None
    expect: Expect = field(default_factory=Expect)


@dataclass(frozen=True)
class Source:
    """What all kinds of sources have."""

    name: str
    sha256: str
    """Of the definition file."""
    document: Mapping[str, Any]
    """What the file says. It holds references to secrets, never their values."""
    title: str = ""
    description: str = ""


@dataclass(frozen=True)
class RestSource(Source):
    """An HTTP API."""

    base_url: str = ""
    hosts: tuple[str, ...] = ()
    """`host` or `host:port`, the one of the base URL among them: no other is ever asked."""
    private: bool = False
    """Whether its hosts may have addresses of a private network or of this machine."""
    authentication: Authentication = field(default_factory=Authentication)
    headers: Mapping[str, str | Secret] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    retries: Retries = field(default_factory=Retries)
    time_limits: TimeLimits = field(default_factory=TimeLimits)
    tls: Tls = field(default_factory=Tls)
    proxy: str | Secret | None = None
    max_page_bytes: int = 64 << 20
    resources: tuple[Resource, ...] = ()

    def resource(self, name: str) -> Resource:
        """The resource of that name, which there must be."""
        return next(each for each in self.resources if each.name == name)

    @property
    def names(self) -> tuple[str, ...]:
        """Of its resources, parents before children."""
        return tuple(each.name for each in self.resources)


@dataclass(frozen=True, kw_only=True)
class FilesSource(Source):
    """A place of files: a bucket, or a folder of a server."""

    place: PlaceDefinition
