"""Reads definition files: one YAML file per source, `NAME.yaml` in the folder `sources/` of the data folder.

`shapes` has the keys, `definition` what they become. Here is judged what they mean together: what a type of pagination
needs, that secrets are references, that parents exist. Every message names file, line, column and key.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

import msgspec

from logistics_core.catalogue.contract_shapes import NAME, ShapeFault, check_shape, described, listed, suggestion
from logistics_core.catalogue.contract_yaml import KeyPath, Place, with_place
from logistics_core.places.checks import check_address, checked, fault, length, reference
from logistics_core.places.keys import FilesKeys, Keys
from logistics_core.places.reading import place_of_document
from logistics_core.places.secrets import Secret, is_reference, is_sensitive
from logistics_pipeline.files.definition_files import (
    DefinitionError,
    check_name,
    definition_paths,
    parse_document,
    read_text,
)
from logistics_pipeline.sources.definitions.definition import (
    WINDOW_PLACEHOLDERS,
    Authentication,
    AuthenticationType,
    Expect,
    FilesSource,
    Incremental,
    Limits,
    MappedField,
    Mode,
    Pagination,
    PaginationType,
    ParameterValue,
    Parent,
    Resource,
    RestSource,
    Retries,
    SentIn,
    Source,
    TimeFormat,
    TimeLimits,
    Tls,
)
from logistics_pipeline.sources.definitions.paths import parse_path
from logistics_pipeline.sources.definitions.shapes import (
    KINDS,
    AuthenticationKeys,
    FieldKeys,
    IncrementalKeys,
    PaginationKeys,
    ResourceKeys,
    RestKeys,
)
from logistics_pipeline.sources.definitions.times import parse_schedule, parse_start
from logistics_pipeline.sources.definitions.units import conversion

MAX_RESOURCES = 200
_LONGEST_LOOKBACK = timedelta(days=3_660)
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(B|KiB|MiB|GiB|kB|MB|GB)?")
_SIZES = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "kB": 10**3, "MB": 10**6, "GB": 10**9}
_PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
_PAGING_WORDS = re.compile(r"page|next|cursor|continu", re.IGNORECASE)

Result = TypeVar("Result")


@dataclass(frozen=True)
class Definitions:
    """The sources of a folder, and what is wrong with files that cannot be used."""

    sources: Mapping[str, Source] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)
    """By the name that a source would have; a sentence each."""

    @property
    def rest(self) -> Mapping[str, RestSource]:
        """Those of the kind `rest`."""
        return {name: each for name, each in self.sources.items() if isinstance(each, RestSource)}

    @property
    def files(self) -> Mapping[str, FilesSource]:
        """Those of the kind `files`."""
        return {name: each for name, each in self.sources.items() if isinstance(each, FilesSource)}


def read_definitions(folder: Path) -> Definitions:
    """All definitions in a folder, which need not exist. One that cannot be used does not keep others from their work.

    Raises:
        DefinitionError: the folder cannot be read.
    """
    sources: dict[str, Source] = {}
    problems: dict[str, str] = {}
    for path in definition_paths(folder, "sources"):
        try:
            sources[path.stem] = read_definition(path)
        except DefinitionError as error:
            problems[path.stem] = str(error)
    return Definitions(sources, problems)


def read_definition(path: Path) -> Source:
    """Reads one file. The source has its name.

    Raises:
        DefinitionError: it cannot be read, or is no definition of a source.
    """
    return parse_definition(read_text(path, "definition"), path.stem, str(path))


def parse_definition(text: str, name: str, where: str) -> Source:
    """The source that a text defines. `where` names the text in messages.

    Raises:
        DefinitionError: it defines none.
    """
    check_name(name, where, "definition", "source")
    document, places = _document(text, where)
    try:
        return _source(document, name, sha256(text.encode()).hexdigest(), places)
    except ShapeFault as error:
        raise DefinitionError(f"{where}: {with_place(error.path, str(error), places)}") from error


def stored_definition(document: Any, name: str, digest: str) -> Source:
    """The source that a document defines which was read and stored before. `digest` is that of its file.

    Raises:
        DefinitionError: this version of the program cannot use it.
    """
    try:
        return _source(document, name, digest, {})
    except ShapeFault as error:
        raise DefinitionError(f"The stored definition of the source {name} cannot be used: {error}") from error


def json_schema() -> dict[str, Any]:
    """What a definition may hold, as a JSON Schema for editors."""
    schemas, components = msgspec.json.schema_components(KINDS.values(), ref_template="#/$defs/{name}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Source",
        "oneOf": list(schemas),
        "$defs": components,
    }


def _document(text: str, where: str) -> tuple[Any, Mapping[KeyPath, Place]]:
    read = parse_document(text, where, "definition")
    if not isinstance(read.value, dict):
        raise DefinitionError(
            f"{where} defines no source: it is {described(read.value)}. Expected: the keys of a source, `kind: rest` "
            "or `kind: files` first. `logistics sources add URL` proposes a definition."
        )
    return read.value, read.places


def _source(document: dict[str, Any], name: str, digest: str, places: Mapping[KeyPath, Place]) -> Source:
    if "kind" not in document:
        fault((), f"The file lacks the key `kind`. Add it, with one of {', '.join(KINDS)}.")
    kind = document["kind"]
    if not isinstance(kind, str) or kind not in KINDS:
        meant = suggestion(kind, KINDS) if isinstance(kind, str) else ""
        fault(("kind",), f"is {described(kind, places.get(('kind',)))}. Expected: rest or files.{meant}")
    shape: type[Keys] = KINDS[kind]
    plain = msgspec.to_builtins(document)
    if shape is FilesKeys:
        place = place_of_document(document, name, places)
        title, description = plain.get("title", ""), plain.get("description", "")
        return FilesSource(name=name, sha256=digest, document=plain, title=title, description=description, place=place)
    check_shape(document, RestKeys, places)
    return _rest(msgspec.convert(document, RestKeys), name, digest, plain)


# -- REST ------------------------------------------------------------------------------------------------------------


def _rest(keys: RestKeys, name: str, digest: str, document: Mapping[str, Any]) -> RestSource:
    base = _http_address(keys.base_url, ("baseUrl",))
    if not keys.resources:
        fault(("resources",), "is an empty list. Expected: at least one resource.")
    if len(keys.resources) > MAX_RESOURCES:
        fault(("resources",), f"has {len(keys.resources):,} items. Expected: at most {MAX_RESOURCES}.")
    hosts = [base.netloc.lower(), *(_host(each, ("hosts", number)) for number, each in enumerate(keys.hosts))]
    authentication = _authentication(keys.authentication)
    if authentication.token_url:
        hosts.append(urlsplit(authentication.token_url).netloc.lower())
    resources = tuple(_resource(each, ("resources", number)) for number, each in enumerate(keys.resources))
    return RestSource(
        name=name, sha256=digest, document=document, title=keys.title, description=keys.description,
        base_url=keys.base_url.rstrip("/"), hosts=tuple(dict.fromkeys(hosts)), private=keys.private,
        authentication=authentication, headers=_headers(keys.headers, ("headers",)), limits=_limits(keys),
        retries=_retries(keys), time_limits=_time_limits(keys), tls=_tls(keys),
        proxy=_optional(keys.proxy, _proxy, ("proxy",)), max_page_bytes=_size(keys.max_page, ("maxPage",)),
        resources=_in_order(resources),
    )  # fmt: skip


def _limits(keys: RestKeys) -> Limits:
    limits = keys.limits
    if limits.per_second is not None:
        _check_range(limits.per_second, ("limits", "perSecond"), 1 / 86400, 10_000)
    _check_range(limits.burst, ("limits", "burst"), 1, 10_000)
    _check_range(limits.concurrent, ("limits", "concurrent"), 1, 32)
    if limits.per_day is not None:
        _check_range(limits.per_day, ("limits", "perDay"), 1, 10**9)
    longest = length(limits.longest_wait, ("limits", "longestWait"))
    return Limits(limits.per_second, limits.burst, limits.concurrent, longest, limits.per_day)


def _retries(keys: RestKeys) -> Retries:
    _check_range(keys.retries.attempts, ("retries", "attempts"), 1, 100)
    return Retries(keys.retries.attempts, length(keys.retries.longest, ("retries", "longest")))


def _time_limits(keys: RestKeys) -> TimeLimits:
    found = {name: length(getattr(keys.timeout, name), ("timeout", name)) for name in ("connect", "read", "page")}
    for name, limit in found.items():
        if not limit:
            fault(("timeout", name), "is 0. Expected: a time; without a limit a server could keep a pull for ever.")
    return TimeLimits(**found)


def _tls(keys: RestKeys) -> Tls:
    tls = keys.tls
    if tls.key is not None and tls.certificate is None:
        fault(("tls", "key"), "is set, but `certificate` is not. Add the certificate that the key belongs to.")
    if tls.unverified is not None and len(tls.unverified.strip()) < 10:
        fault(
            ("tls", "unverified"),
            "is too short. Expected: a sentence that says why the certificate is not checked; every pull shows it.",
        )
    return Tls(tls.ca_file, tls.certificate, tls.key, tls.unverified)


def _proxy(text: str, path: KeyPath) -> str | Secret:
    if is_reference(text):
        return reference(text, path)
    _http_address(text, path)
    return text


def _authentication(keys: AuthenticationKeys | None) -> Authentication:
    if keys is None:
        return Authentication()
    kind, where = keys.type, ("authentication",)
    _check_keys_of_type(keys, kind)
    found = Authentication(
        type=kind,
        token=_optional(keys.token, reference, (*where, "token")),
        sent_in=SentIn(keys.sent_in or SentIn.HEADER),
        name=keys.name or ("X-API-Key" if kind is AuthenticationType.API_KEY else ""),
        prefix=_optional(keys.prefix, _word, (*where, "prefix")) or "",
        username=_reference_or_text(keys.username or "", (*where, "username")),
        password=_optional(keys.password, reference, (*where, "password")),
        token_url=keys.token_url or "",
        client_id=_reference_or_text(keys.client_id or "", (*where, "clientId")),
        client_secret=_optional(keys.client_secret, reference, (*where, "clientSecret")),
        refresh_token=_optional(keys.refresh_token, reference, (*where, "refreshToken")),
        scope=keys.scope or "",
        audience=keys.audience or "",
        client_in=SentIn(keys.client_in or SentIn.BODY),
    )
    if found.token_url:
        _http_address(found.token_url, (*where, "tokenUrl"))
    return found


_NEEDED = {
    AuthenticationType.NONE: (),
    AuthenticationType.API_KEY: ("token",),
    AuthenticationType.BASIC: ("username",),
    AuthenticationType.BEARER: ("token",),
    AuthenticationType.CLIENT_CREDENTIALS: ("tokenUrl", "clientId", "clientSecret"),
    AuthenticationType.REFRESH_TOKEN: ("tokenUrl", "clientId", "refreshToken"),
}
_ALLOWED = {
    AuthenticationType.API_KEY: ("in", "name", "prefix"),
    AuthenticationType.BASIC: ("password",),
    AuthenticationType.CLIENT_CREDENTIALS: ("scope", "audience", "clientIn"),
    AuthenticationType.REFRESH_TOKEN: ("clientSecret", "scope", "audience", "clientIn"),
}


def _word(text: str, path: KeyPath) -> str:
    if not re.fullmatch(r"[!-~]{1,40}", text):
        fault(path, f"is {text!r}. Expected: one word, such as Token, that stands before the key.")
    return text


def _check_keys_of_type(keys: AuthenticationKeys, kind: AuthenticationType) -> None:
    given = {
        each.encode_name
        for each in msgspec.structs.fields(AuthenticationKeys)
        if getattr(keys, each.name) is not None and each.name != "type"
    }
    needed = _NEEDED[kind]
    for name in needed:
        if name not in given:
            fault(("authentication",), f"lacks the key `{name}`, which the type {kind} needs. Add it.")
    for name in sorted(given - set(needed) - set(_ALLOWED.get(kind, ()))):
        known = ", ".join((*needed, *_ALLOWED.get(kind, ()))) or "none besides the type"
        fault(("authentication", name), f"means nothing with the type {kind}, whose keys are: {known}. Remove it.")


# -- resources -------------------------------------------------------------------------------------------------------


def _resource(keys: ResourceKeys, at: KeyPath) -> Resource:
    if not NAME.fullmatch(keys.name):
        fault((*at, "name"), f"is {keys.name!r}. Expected: small letters, digits and underscores, a letter first.")
    _check_path(keys.path, (*at, "path"))
    if keys.body is not None and keys.method != "POST":
        fault((*at, "body"), "is set, but the method is GET, which has none. Set `method: POST`, or remove the body.")
    if keys.dataset is not None and not NAME.fullmatch(keys.dataset):
        fault((*at, "dataset"), f"is {keys.dataset!r}, which is no name of a dataset.")
    incremental = _incremental(keys, at)
    pagination = _pagination(keys, at)
    if incremental is not None and incremental.keeps_cursor and pagination.type is not PaginationType.CURSOR:
        fault((*at, "incremental", "keepsCursor"), "is true, but the pagination is not of the type cursor.")
    if keys.mode is Mode.SNAPSHOT and incremental is not None:
        fault((*at, "mode"), "is snapshot, which reads all records every time. Remove `incremental`, or set changes.")
    found = Resource(
        name=keys.name, path=keys.path, dataset=keys.dataset, title=keys.title, method=keys.method,
        parameters={key: _parameter(key, value, (*at, "parameters", key)) for key, value in keys.parameters.items()},
        headers=_headers(keys.headers, (*at, "headers")), body=_body(keys.body, (*at, "body")),
        body_format=keys.body_format, format=keys.format, records=_path(keys.records, (*at, "records")),
        total=_optional(keys.total, _path, (*at, "total")) or (), total_header=keys.total_header or "",
        error=_optional(keys.error, _path, (*at, "error")) or (), nothing=_statuses(keys.nothing, (*at, "nothing")),
        pagination=pagination, incremental=incremental, mode=keys.mode, parent=_parent(keys, at),
        fields=_fields(keys, at), key=tuple(_path(each, (*at, "key", n)) for n, each in enumerate(keys.key)),
        schedule=_optional(keys.schedule, checked(parse_schedule), (*at, "schedule")), expect=_expect(keys, at),
    )  # fmt: skip
    if found.mode is Mode.SNAPSHOT and not found.key:
        fault(at, "lacks the key `key`. A snapshot needs it, to tell which records have vanished. Add it.")
    return found


def _check_path(text: str, path: KeyPath) -> None:
    parts = urlsplit(text)
    if parts.scheme or parts.netloc or text.startswith("//"):
        fault(path, f"is {text!r}. Expected: a path below `baseUrl`, such as /trips.")
    if parts.query or "?" in text or "#" in text:
        fault(path, "holds a ? or #. Write query parameters below `parameters`.")
    if re.search(r"[\x00-\x20\x7f\\]", text) or ".." in text.split("/"):
        fault(path, f"is {text!r}. Expected: a path without blanks, backslashes and `..`.")


def _pagination(keys: ResourceKeys, at: KeyPath) -> Pagination:
    given, where = keys.pagination, (*at, "pagination")
    if given is None:
        return Pagination()
    _check_pagination(given, keys, where)
    return Pagination(
        type=given.type, sent_in=given.sent_in, parameter=given.parameter or "",
        next=_optional(given.next, _path, (*where, "next")) or (), next_header=given.next_header or "",
        has_more=_optional(given.has_more, _path, (*where, "hasMore")) or (),
        size_parameter=given.size_parameter or "", size=given.size,
        start=given.start if given.start is not None else int(given.type is PaginationType.PAGE),
        pages=_optional(given.pages, _path, (*where, "pages")) or (),
        key=_optional(given.key, _path, (*where, "key")) or (), ends=given.ends, overlap=given.overlap,
    )  # fmt: skip


def _check_pagination(given: PaginationKeys, keys: ResourceKeys, where: KeyPath) -> None:
    kind = given.type
    if kind in (PaginationType.CURSOR, PaginationType.OFFSET, PaginationType.PAGE, PaginationType.KEYSET):
        _need(given.parameter, where, "parameter", kind)
    if kind is PaginationType.KEYSET:
        _need(given.key, where, "key", kind)
    if kind in (PaginationType.CURSOR, PaginationType.NEXT_URL) and not (given.next or given.next_header):
        fault(where, f"lacks the key `next`, or `nextHeader`: where a page has the next {_NEXT[kind]}. Add one.")
    if given.sent_in is SentIn.BODY and keys.method != "POST":
        fault((*where, "in"), "is body, but the method of the resource is GET. Set `method: POST`.")
    if given.ends == "short" and given.size is None:
        fault((*where, "ends"), "is short, but `size` is unset. Add it: a page with fewer records is the last one.")
    if given.size is not None:
        _check_range(given.size, (*where, "size"), 1, 10**6)
    if given.overlap and (kind is not PaginationType.OFFSET or given.size is None or given.overlap >= given.size):
        fault((*where, "overlap"), "needs the type offset and a `size` that is greater.")
    if given.overlap < 0:
        fault((*where, "overlap"), f"is {given.overlap}. Expected: 0 or more.")


_NEXT = {PaginationType.CURSOR: "cursor", PaginationType.NEXT_URL: "address"}


def _need(value: object, where: KeyPath, name: str, kind: str) -> None:
    if not value:
        fault(where, f"lacks the key `{name}`, which the type {kind} needs. Add it.")


def _incremental(keys: ResourceKeys, at: KeyPath) -> Incremental | None:
    given, where = keys.incremental, (*at, "incremental")
    used = _placeholders(keys) & set(WINDOW_PLACEHOLDERS)
    if given is None:
        if used and keys.parent is None:
            fault(at, f"holds {{{min(used)}}}, but has no `incremental`, whose window stands there. Add it.")
        return None
    _check_incremental(given, keys, where, used)
    return Incremental(
        parameter=given.parameter or "", until=given.until or "", sent_in=given.sent_in,
        field=_optional(given.field, _path, (*where, "field")) or (), format=_time_format(given.format, where),
        start=None if given.start is None else checked(parse_start)(given.start, (*where, "start")),
        lookback=_lookback(given.lookback, (*where, "lookback")),
        step=_optional(given.step, length, (*where, "step")), keeps_cursor=given.keeps_cursor,
    )  # fmt: skip


def _check_incremental(given: IncrementalKeys, keys: ResourceKeys, where: KeyPath, used: set[str]) -> None:
    if not given.keeps_cursor and not given.parameter and "since" not in used:
        fault(
            where,
            "lacks the key `parameter`: what carries the begin of the window. Add it, or write {since} where it stands "
            "in a parameter or the body.",
        )
    if given.step is not None and not given.until and "until" not in used:
        fault((*where, "step"), "is set, but `until` is not: windows need an end. Add it.")
    if given.step is not None and given.start is None:
        fault((*where, "step"), "is set, but `start` is not. Add it: where the first window begins.")
    if given.step is not None and length(given.step, (*where, "step")) < timedelta(minutes=1):
        fault((*where, "step"), f"is {given.step!r}. Expected: at least 1m.")
    if given.sent_in is SentIn.BODY and keys.method != "POST":
        fault((*where, "in"), "is body, but the method of the resource is GET. Set `method: POST`.")


def _time_format(text: str, where: KeyPath) -> str:
    if text not in set(TimeFormat) and "%" not in text:
        known = [*TimeFormat]
        fault(
            (*where, "format"),
            f"is {text!r}. Expected: one of {listed(known)}, or a pattern such as %Y-%m-%d %H:%M:%S."
            f"{suggestion(text, known)}",
        )
    return text


def _parent(keys: ResourceKeys, at: KeyPath) -> Parent | None:
    names = _placeholders(keys) - set(WINDOW_PLACEHOLDERS)
    if keys.parent is None:
        if used := sorted(set(_PLACEHOLDER.findall(keys.path))):
            fault((*at, "path"), f"holds {{{used[0]}}}, but the resource has no `parent` whose values stand there.")
        return None
    if len(names) != 1:
        fault(
            (*at, "parent"),
            f"needs one name in braces in `path`, `parameters` or `body`, where the values of {keys.parent.field} "
            f"stand, such as /vehicles/{{vehicle}}/trips. Found: {listed(sorted(names)) or 'none'}.",
        )
    return Parent(keys.parent.resource, _path(keys.parent.field, (*at, "parent", "field")), names.pop())


def _placeholders(keys: ResourceKeys) -> set[str]:
    """The names in braces."""
    return set(_PLACEHOLDER.findall(f"{keys.path} {list(keys.parameters.values())} {_texts(keys.body)}"))


def _texts(body: Any) -> str:
    if isinstance(body, dict):
        return " ".join(map(_texts, body.values()))
    return " ".join(map(_texts, body)) if isinstance(body, list) else str(body)


def _expect(keys: ResourceKeys, at: KeyPath) -> Expect:
    given = keys.expect
    max_age = _optional(given.max_age, length, (*at, "expect", "maxAge"))
    if max_age is not None and (keys.incremental is None or keys.incremental.field is None):
        fault((*at, "expect", "maxAge"), "needs `incremental.field`: the time of a record.")
    for number, each in enumerate(given.fields):
        _path(each, (*at, "expect", "fields", number))
    return Expect(given.min_records, max_age, tuple(given.fields))


def _in_order(resources: tuple[Resource, ...]) -> tuple[Resource, ...]:
    """Parents before their children."""
    by_name: dict[str, Resource] = {}
    for number, each in enumerate(resources):
        if each.name in by_name:
            fault(("resources", number, "name"), f"is {each.name!r}, as is that of another resource. Rename one.")
        by_name[each.name] = each
    ordered: dict[str, Resource] = {}
    for number, each in enumerate(resources):
        line = [each]
        while line[-1].parent is not None:
            wanted = line[-1].parent.resource
            if wanted not in by_name:
                known = f"There are: {listed(by_name)}.{suggestion(wanted, by_name)}"
                fault(("resources", number, "parent", "resource"), f"is {wanted!r}, which is no resource. {known}")
            if by_name[wanted] in line:
                fault(("resources", number, "parent"), f"leads back to {wanted}. A resource is not its own parent.")
            line.append(by_name[wanted])
        ordered |= {one.name: one for one in reversed(line)}
    return tuple(ordered.values())


# -- fields ----------------------------------------------------------------------------------------------------------


def _fields(keys: ResourceKeys, at: KeyPath) -> tuple[MappedField, ...] | None:
    if keys.fields is None:
        return None
    where = (*at, "fields")
    if not keys.fields:
        fault(where, "is empty. Name the fields of the dataset, or remove it: then records are landed as they are.")
    return tuple(
        MappedField(name, path=_path(given, (*where, name)))
        if isinstance(given, str)
        else _field(name, given, (*where, name), keys)
        for name, given in keys.fields.items()
    )


def _field(name: str, given: FieldKeys, where: KeyPath, keys: ResourceKeys) -> MappedField:
    has_constant, has_otherwise = given.constant is not msgspec.UNSET, given.otherwise is not msgspec.UNSET
    origins = [given.path is not None, has_constant, given.parent]
    if sum(origins) != 1:
        fault(where, "needs one of `path`, `constant` and `parent: true`, which say where the value comes from.")
    if given.parent and keys.parent is None:
        fault((*where, "parent"), "is true, but the resource has no parent.")
    changes = [key for key in ("unit", "scale", "values", "format") if getattr(given, key) is not None]
    changes += ["text"] if given.text else []
    if len(changes) > 1:
        fault(where, f"has {' and '.join(changes)}. One of them at most can change a value.")
    if has_constant and changes:
        fault((*where, changes[0]), "means nothing for a constant. Write the value that is wanted.")
    if has_otherwise and given.values is None:
        fault((*where, "otherwise"), "is set, but `values` is not. Add the values that it is an alternative to.")
    factor, offset = _conversion(given, where)
    return MappedField(
        name, path=_optional(given.path, _path, (*where, "path")) or (),
        constant=given.constant if has_constant else None, parent=given.parent, is_path=given.path is not None,
        factor=factor, offset=offset, values=given.values,
        otherwise=given.otherwise if has_otherwise else None, has_otherwise=has_otherwise,
        format=None if given.format is None else _time_format(given.format, where), text=given.text,
        required=given.required,
    )  # fmt: skip


def _conversion(given: FieldKeys, where: KeyPath) -> tuple[Fraction | None, Fraction]:
    if given.unit is not None:
        return checked(conversion)(given.unit, (*where, "unit"))
    if given.scale is None:
        return None, Fraction(0)
    if not given.scale:
        fault((*where, "scale"), f"is {given.scale}. Expected: a number that is not 0.")
    return Fraction(str(given.scale)), Fraction(0)


# -- values ----------------------------------------------------------------------------------------------------------


_path = checked(parse_path)


def _optional(value: Any, read: Callable[[Any, KeyPath], Result], path: KeyPath) -> Result | None:
    return None if value is None else read(value, path)


def _reference_or_text(text: str, path: KeyPath) -> str | Secret:
    return reference(text, path) if is_reference(text) else text


def _headers(given: Mapping[str, str], path: KeyPath) -> dict[str, str | Secret]:
    found: dict[str, str | Secret] = {}
    for name, value in given.items():
        if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name):
            fault((*path, name), "is no name of a header.")
        if re.search(r"[\r\n\x00]", value):
            fault((*path, name), "holds a line break, which no header can.")
        read = reference if is_sensitive(name) else _reference_or_text
        found[name] = read(value, (*path, name))
    return found


def _parameter(name: str, value: Any, path: KeyPath) -> ParameterValue:
    if isinstance(value, list):
        if is_sensitive(name) and not _PAGING_WORDS.search(name):
            fault(path, "is a list, and carries secrets by its name. Expected: one reference, env:NAME or file:PATH.")
        return tuple(value)
    if isinstance(value, str) and is_reference(value):
        return reference(value, path)
    if is_sensitive(name) and not _PAGING_WORDS.search(name):
        return reference(str(value), path)
    return value  # type: ignore[no-any-return]


def _body(value: Any, path: KeyPath) -> Any:
    """The body with references read; values of keys that carry secrets must be such."""
    if isinstance(value, dict):
        return {
            key: reference(str(each), (*path, key))
            if isinstance(each, str) and is_sensitive(key) and not _PAGING_WORDS.search(key)
            else _body(each, (*path, key))
            for key, each in value.items()
        }
    if isinstance(value, list):
        return [_body(each, (*path, number)) for number, each in enumerate(value)]
    return _reference_or_text(value, path) if isinstance(value, str) else value


def _lookback(text: str, path: KeyPath) -> timedelta:
    found = length(text, path)
    if found > _LONGEST_LOOKBACK:
        fault(path, f"is {text!r}. Expected: at most {_LONGEST_LOOKBACK.days:,}d.")
    return found


def _statuses(given: Sequence[int], path: KeyPath) -> tuple[int, ...]:
    for number, status in enumerate(given):
        if not 300 <= status <= 599:
            fault((*path, number), f"is {status}. Expected: a status of 300 to 599, as one of 2xx has the records.")
    return tuple(given)


def _http_address(text: str, path: KeyPath) -> Any:
    parts = check_address(text, path)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        fault(path, f"is {text[:200]!r}. Expected: an address such as https://api.example.com/v1.")
    if not re.fullmatch(r"[!-~]+", parts.netloc):
        fault(path, "holds a host that is not ASCII. Expected: the name as networks know it, such as xn--bcher-kva.de.")
    if "@" in parts.netloc:
        fault(path, "holds a user name. Use `authentication`.")
    if any(is_sensitive(name) for name, _ in parse_qsl(parts.query)):
        fault(path, "holds a secret. Use `authentication` of the type apiKey with `in: query`.")
    if parts.query or parts.fragment:
        fault(path, "holds a ? or #. Write query parameters below `parameters` of a resource.")
    return parts


def _host(text: str, path: KeyPath) -> str:
    if not re.fullmatch(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?", text):
        fault(path, f"is {text!r}. Expected: a name such as cdn.example.com, with :PORT where it is not the usual one.")
    return text.lower()


def _size(text: str, path: KeyPath) -> int:
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        fault(path, f"is {text!r}. Expected: a size such as 64 MiB.")
    size = int(float(found[1]) * _SIZES[found[2] or "B"])
    _check_range(size, path, 1 << 10, 4 << 30)
    return size


def _check_range(value: float, path: KeyPath, lowest: float, highest: float) -> None:
    if not lowest <= value <= highest:
        fault(path, f"is {value:,}. Expected: {lowest:,g} to {highest:,g}.")
