"""The keys of a definition file, each with what it means. The JSON Schema says the same.

What values mean together is judged in `reading`.
"""

from typing import Annotated, Any, Literal, TypeVar

import msgspec

from logistics_core.places.keys import FilesKeys, Keys, Single, said
from logistics_pipeline.sources.definition import (
    AuthenticationType,
    Mode,
    PaginationType,
    ResponseFormat,
    SentIn,
)

Value = TypeVar("Value")


_EMPTY_LIST: Any = msgspec.field(default_factory=list)
_EMPTY_MAPPING: Any = msgspec.field(default_factory=dict)


class AuthenticationKeys(Keys, kw_only=True):
    """How requests prove who asks."""

    type: Annotated[
        AuthenticationType,
        said("none, apiKey, basic, bearer, oauth2ClientCredentials or oauth2Refresh"),
    ]
    token: Annotated[str | None, said("The secret of `apiKey` and `bearer`: env:NAME or file:PATH")] = None
    sent_in: Annotated[Literal["header", "query"] | None, said("Where an API key is sent: header (usual) or query")] = (
        msgspec.field(default=None, name="in")
    )
    name: Annotated[str | None, said("Name of the header or parameter of an API key, X-API-Key if unset")] = None
    prefix: Annotated[str | None, said("Word before an API key, such as Token: the header is then `Token KEY`")] = None
    username: Annotated[str | None, said("Of `basic`: the name, or a reference")] = None
    password: Annotated[str | None, said("Of `basic`: a reference; unset for an empty one")] = None
    token_url: Annotated[str | None, said("Of OAuth2: where tokens are issued; its host counts as declared")] = None
    client_id: Annotated[str | None, said("Of OAuth2: the ID, or a reference")] = None
    client_secret: Annotated[str | None, said("Of OAuth2: a reference")] = None
    refresh_token: Annotated[str | None, said("Of `oauth2Refresh`: a reference")] = None
    scope: Annotated[str | None, said("Of OAuth2: scopes, separated by blanks")] = None
    audience: Annotated[str | None, said("Of OAuth2: the audience, where a server wants one")] = None
    client_in: Annotated[
        Literal["body", "header"] | None,
        said("Of OAuth2: where ID and secret of the client are sent: body (usual) or header (as basic authentication)"),
    ] = None


class LimitsKeys(Keys, kw_only=True):
    """How fast the source may be asked."""

    per_second: Annotated[float | None, said("Requests per second, on average; unset: no limit")] = None
    burst: Annotated[int, said("Requests that may follow each other at once")] = 1
    concurrent: Annotated[int, said("Requests at the same time, for children of several parents")] = 4
    longest_wait: Annotated[
        str, said("A pull that has to wait longer than this (Retry-After) ends, paused, and goes on after that time")
    ] = "60s"
    per_day: Annotated[int | None, said("Requests per day (UTC); then the pull is paused until the next day")] = None


class RetriesKeys(Keys, kw_only=True):
    """How often a request is tried: after connection errors and the statuses 408, 425, 429 and 5xx."""

    attempts: Annotated[int, said("Attempts of one request, the first among them")] = 5
    longest: Annotated[str, said("Time of all attempts of one request together")] = "5m"


class TimeoutKeys(Keys, kw_only=True):
    """How long one request may take."""

    connect: Annotated[str, said("Until the connection stands")] = "10s"
    read: Annotated[str, said("Until the next byte arrives")] = "30s"
    page: Annotated[str, said("From the request to the last byte")] = "5m"


class TlsKeys(Keys, kw_only=True):
    """How the certificate of the server is checked, and what proves who we are."""

    ca_file: Annotated[str | None, said("PEM file with the authorities that are trusted instead of the usual ones")] = (
        None
    )
    certificate: Annotated[str | None, said("PEM file with our certificate")] = None
    key: Annotated[str | None, said("PEM file with its private key, where the certificate's file does not hold it")] = (
        None
    )
    unverified: Annotated[
        str | None,
        said("Why the certificate of the server is not checked. Every pull then has a warning with this reason"),
    ] = None


class PaginationKeys(Keys, kw_only=True):
    """How the request of the next page is made."""

    type: Annotated[PaginationType, said("none, linkHeader, nextUrl, cursor, offset, page or keyset")]
    parameter: Annotated[
        str | None, said("What carries the cursor, offset, page number or last key; in a body the path of a value")
    ] = None
    sent_in: Annotated[SentIn, said("Where the request carries it: query (usual), header or body")] = msgspec.field(
        default=SentIn.QUERY, name="in"
    )
    next: Annotated[str | None, said("Path to the next cursor (`cursor`) or address (`nextUrl`) in a page")] = None
    next_header: Annotated[str | None, said("The same, as a header of the response")] = None
    has_more: Annotated[str | None, said("Path to true or false: whether another page follows")] = None
    size_parameter: Annotated[str | None, said("Parameter that carries the size of a page")] = None
    size: Annotated[int | None, said("Records of a full page")] = None
    start: Annotated[int | None, said("First offset (0 if unset) or number of the first page (1 if unset)")] = None
    pages: Annotated[str | None, said("Path to the number of pages")] = None
    key: Annotated[str | None, said("Field of a record that the next request names (`keyset`)")] = None
    ends: Annotated[
        Literal["empty", "short"],
        said("What ends a walk by offset, page or key: an empty page, or one with fewer records than `size`"),
    ] = "empty"
    overlap: Annotated[
        int, said("Records that each page by offset repeats of the one before, to see whether anything has shifted")
    ] = 0


class IncrementalKeys(Keys, kw_only=True):
    """How only new and changed records are asked for."""

    parameter: Annotated[
        str | None,
        said("What carries the begin of the window; unset where {since} stands within a parameter or the body"),
    ] = None
    until: Annotated[
        str | None,
        said("What carries the end of the window; unset where {until} stands within a parameter or the body"),
    ] = None
    sent_in: Annotated[SentIn, said("Where both are: query (usual), header or body")] = msgspec.field(
        default=SentIn.QUERY, name="in"
    )
    field: Annotated[str | None, said("Field of a record with the time of its last change")] = None
    format: Annotated[
        str, said("How times are written: iso8601, date, unix, unixMillis, or a pattern such as %Y-%m-%d %H:%M:%S")
    ] = "iso8601"
    start: Annotated[Any, said("Where the first pull begins: a date or a time in UTC")] = None
    lookback: Annotated[
        str, said("Each pull begins this much before the end of the last one: late records are found in this time")
    ] = "1h"
    step: Annotated[str | None, said("Length of the windows that are asked for one after the other; unset: one")] = None
    keeps_cursor: Annotated[
        bool, said("The cursor of the last page is where the next pull begins, in place of a time (a feed)")
    ] = False


class ParentKeys(Keys, kw_only=True):
    """The resource whose records are asked about one by one."""

    resource: Annotated[str, said("Name of the other resource")]
    field: Annotated[str, said("Field of its records whose values stand in the requests, at {name} in the path")]


class FieldKeys(Keys, kw_only=True):
    """Where the value of one field of the dataset comes from."""

    path: Annotated[str | None, said("Path in a record")] = None
    constant: Annotated[Any, said("The same value for every record")] = msgspec.UNSET
    parent: Annotated[bool, said("true: the value of the parent that was asked about")] = False
    unit: Annotated[str | None, said("Conversion of a number, such as m to km")] = None
    scale: Annotated[float | None, said("Factor for a number, in place of `unit`")] = None
    values: Annotated[
        dict[str, Any] | None, said("What each value becomes; a record with another value is not mapped")
    ] = None
    otherwise: Annotated[Any, said("What all values become that are not in `values`")] = msgspec.UNSET
    format: Annotated[
        str | None, said("How a time is written: date, unix, unixMillis, or a pattern; it becomes ISO 8601 in UTC")
    ] = None
    text: Annotated[bool, said("true: a number becomes a text, where the dataset has texts, such as identifiers")] = (
        False
    )
    required: Annotated[bool, said("true: a record without the value is not mapped")] = False


class ExpectKeys(Keys, kw_only=True):
    """What a pull should bring; anything else gives it a warning."""

    min_records: Annotated[int | None, said("Fewest records")] = None
    max_age: Annotated[str | None, said("Age that the newest record may have")] = None
    fields: Annotated[list[str], said("Paths that some record should have")] = _EMPTY_LIST


class ResourceKeys(Keys, kw_only=True):
    """One kind of record that the source serves."""

    name: Annotated[str, said("Its name: small letters, digits and underscores")]
    title: Annotated[str, said("The same for people")] = ""
    dataset: Annotated[str | None, said("Dataset that records are loaded into; unset: they are only parents")] = None
    path: Annotated[str, said("Path below the base URL")]
    method: Annotated[Literal["GET", "POST"], said("GET, or POST for a search")] = "GET"
    parameters: Annotated[dict[str, Single | list[Single]], said("Query parameters; a list repeats one")] = (
        _EMPTY_MAPPING
    )
    headers: Annotated[dict[str, str], said("Headers of its requests, beside those of the source")] = msgspec.field(
        default_factory=dict
    )
    body: Annotated[Any, said("What a POST request sends")] = None
    body_format: Annotated[Literal["json", "form"], said("How it is written")] = "json"
    format: Annotated[ResponseFormat, said("What a page is written in: json, ndjson or csv")] = ResponseFormat.JSON
    records: Annotated[str, said("Path to the list of records in a page; . if the page is the list")] = "."
    total: Annotated[str | None, said("Path to the number of all records; what was read is checked against it")] = None
    total_header: Annotated[str | None, said("The same, as a header of the response")] = None
    error: Annotated[
        str | None, said("Path where a response with status 200 says that it failed; what stands there is shown")
    ] = None
    nothing: Annotated[
        list[int], said("Statuses that mean that there are no records, such as 404; 204 always does")
    ] = _EMPTY_LIST
    pagination: Annotated[PaginationKeys | None, said("How the next page is asked for; unset: there is one page")] = (
        None
    )
    incremental: Annotated[IncrementalKeys | None, said("How only changes are asked for; unset: all, every time")] = (
        None
    )
    mode: Annotated[
        Mode,
        said("changes (new and changed records), snapshot (all records: others have vanished) or append (events)"),
    ] = Mode.CHANGES
    parent: Annotated[ParentKeys | None, said("The resource whose records are asked about one by one")] = None
    fields: Annotated[
        dict[str, str | FieldKeys] | None,
        said("Where each field of the dataset comes from; unset: records as they are"),
    ] = None
    key: Annotated[list[str], said("Paths to what tells records apart; unset: the key of the dataset, if mapped")] = (
        _EMPTY_LIST
    )
    schedule: Annotated[str | None, said("every 15m, or a cron expression in UTC such as 0 6 * * *")] = None
    expect: Annotated[ExpectKeys, said("What a pull should bring")] = msgspec.field(default_factory=ExpectKeys)


class RestKeys(Keys, kw_only=True):
    """A source of the kind `rest`: an HTTP API."""

    kind: Annotated[Literal["rest"], said("rest")]
    title: Annotated[str, said("Name for people")] = ""
    description: Annotated[str, said("What it is")] = ""
    base_url: Annotated[str, said("Address that the paths of resources follow; its host is the only one that is asked")]
    hosts: Annotated[list[str], said("More hosts, with :PORT where it is not the usual one")] = msgspec.field(
        default_factory=list
    )
    private: Annotated[bool, said("true: the hosts may have addresses of a private network or of this machine")] = False
    authentication: Annotated[AuthenticationKeys | None, said("How requests prove who asks")] = None
    headers: Annotated[dict[str, str], said("Headers of all requests; secrets as references")] = msgspec.field(
        default_factory=dict
    )
    limits: Annotated[LimitsKeys, said("How fast it may be asked")] = msgspec.field(default_factory=LimitsKeys)
    retries: Annotated[RetriesKeys, said("How often a request is tried")] = msgspec.field(default_factory=RetriesKeys)
    timeout: Annotated[TimeoutKeys, said("How long a request may take")] = msgspec.field(default_factory=TimeoutKeys)
    tls: Annotated[TlsKeys, said("Certificates")] = msgspec.field(default_factory=TlsKeys)
    proxy: Annotated[str | None, said("HTTP proxy that requests go through: an address, or a reference to one")] = None
    max_page: Annotated[str, said("Largest page, decompressed, such as 64 MiB")] = "64 MiB"
    resources: Annotated[list[ResourceKeys], said("What it serves")]


KINDS: dict[str, type[Keys]] = {"rest": RestKeys, "files": FilesKeys}
