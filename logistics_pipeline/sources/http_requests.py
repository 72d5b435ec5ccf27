"""What is asked of a source: one request, without the credentials, which `authentication` adds."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urljoin, urlsplit, urlunsplit

from logistics_core.places.secrets import Secret, is_sensitive
from logistics_pipeline.sources.definition import ParameterValue, Resource, RestSource, SentIn
from logistics_pipeline.sources.faults import FaultKind, SourceFault
from logistics_pipeline.sources.paths import parse_path, with_value
from logistics_pipeline.sources.secrets import REDACTED, Redactor

_USUAL_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Request:
    """A request before it is sent. It holds references to secrets, never their values."""

    method: str
    url: str
    parameters: Mapping[str, ParameterValue] = field(default_factory=dict)
    headers: Mapping[str, str | Secret] = field(default_factory=dict)
    body: Any = None
    body_format: str = "json"

    def sending(self, sent_in: SentIn, name: str, value: Any) -> "Request":
        """The request with one more value; None leaves it out."""
        if value is None or not name:
            return self
        match sent_in:
            case SentIn.QUERY:
                return replace(self, parameters={**self.parameters, name: value})
            case SentIn.HEADER:
                return replace(self, headers={**self.headers, name: str(value)})
        return replace(self, body=with_value(self.body or {}, parse_path(name), value))

    def filled(self, values: Mapping[str, str]) -> "Request":
        """The request with values in place of their names in braces, within parameters and the body."""

        def fill(text: str) -> str:
            for name, value in values.items():
                text = text.replace("{" + name + "}", value)
            return text

        parameters = {name: fill(value) if isinstance(value, str) else value for name, value in self.parameters.items()}
        return replace(self, parameters=parameters, body=_filled(self.body, fill))

    def target(self, redactor: Redactor) -> str:
        """The whole address, secrets in it."""
        parameters = [
            (name, redactor.reveal(each) if isinstance(each, str | Secret) else _plain(each))
            for name, value in self.parameters.items()
            for each in (value if isinstance(value, tuple) else (value,))
        ]
        if not parameters:
            return self.url
        return f"{self.url}{'&' if '?' in self.url else '?'}{urlencode(parameters)}"

    def content(self, redactor: Redactor) -> tuple[bytes | None, str]:
        """The body as it is sent, secrets in it, and its type."""
        if self.body is None:
            return None, ""
        body = _revealed(self.body, redactor)
        if self.body_format == "form":
            pairs = [(name, _plain(value)) for name, value in body.items()]
            return urlencode(pairs).encode(), "application/x-www-form-urlencoded"
        return json.dumps(body, ensure_ascii=False).encode(), "application/json"


def first_request(source: RestSource, resource: Resource, parent: str | None) -> Request:
    """The request of the first page, before window and pagination."""
    fill = _filler(resource, parent)
    return Request(
        resource.method,
        source.base_url + fill(resource.path, is_path=True),
        {name: fill(value) if isinstance(value, str) else value for name, value in resource.parameters.items()},
        {**source.headers, **resource.headers},
        _filled(resource.body, fill),
        resource.body_format,
    )


def _filler(resource: Resource, parent: str | None) -> Any:
    """What puts the value of the parent into a text."""

    def fill(text: str, *, is_path: bool = False) -> str:
        if resource.parent is None or parent is None:
            return text
        value = quote(parent, safe="") if is_path else parent
        if is_path and value in (".", ".."):
            value = value.replace(".", "%2E")
        return text.replace("{" + resource.parent.placeholder + "}", value)

    return fill


def _filled(body: Any, fill: Any) -> Any:
    if isinstance(body, dict):
        return {key: _filled(value, fill) for key, value in body.items()}
    if isinstance(body, list):
        return [_filled(each, fill) for each in body]
    return fill(body) if isinstance(body, str) else body


def _revealed(body: Any, redactor: Redactor) -> Any:
    if isinstance(body, dict):
        return {key: _revealed(value, redactor) for key, value in body.items()}
    if isinstance(body, list):
        return [_revealed(each, redactor) for each in body]
    return redactor.reveal(body) if isinstance(body, Secret) else body


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def next_address(source: RestSource, base: str, link: str) -> str:
    """The address of a next page, which may be relative to the page's own.

    Raises:
        SourceFault: it leads to a host that is not declared.
    """
    url = _without_redacted(urljoin(base, link.strip()))
    check_host(source, url, f"The address of the next page is {redacted_url(url)}.")
    return url


def _without_redacted(url: str) -> str:
    """The address without parameters whose values are removed from the archive: requests carry them anyway."""
    address, mark, query = url.partition("?")
    if REDACTED not in unquote(query):
        return url
    pairs = [pair for pair in query.split("&") if unquote(pair.partition("=")[2]) != REDACTED]
    return f"{address}{mark if pairs else ''}{'&'.join(pairs)}"


def check_host(source: RestSource, url: str, why: str) -> None:
    """Only hosts that the definition declares are asked, and none without TLS whose address begins with https.

    Raises:
        SourceFault: it is another one.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise SourceFault(FaultKind.HOST, f"{why} It is no address.", "Ask the operator of the source.") from None
    scheme, host = parts.scheme, (parts.hostname or "").lower()
    if scheme not in _USUAL_PORTS or not host or "@" in parts.netloc:
        raise SourceFault(FaultKind.HOST, f"{why} Expected: an address with http or https, without a user name.")
    plain = f"[{host}]" if ":" in host else host
    full = f"{plain}:{port or _USUAL_PORTS[scheme]}"
    declared = {_with_port(each, scheme) for each in source.hosts}
    if full not in declared:
        raise SourceFault(
            FaultKind.HOST,
            f"{why} Its host {full} is not declared. Declared: {', '.join(source.hosts)}.",
            "Add it to `hosts` of the definition if it may get the credentials of this source. Nothing was sent to it.",
        )
    if scheme == "http" and source.base_url.startswith("https:"):
        raise SourceFault(FaultKind.HOST, f"{why} It leaves TLS: https became http.", "Nothing was sent to it.")


def _with_port(host: str, scheme: str) -> str:
    return host if re.search(r":[0-9]+$", host) else f"{host}:{_USUAL_PORTS[scheme]}"


def redacted_url(url: str, redactor: Redactor | None = None) -> str:
    """An address for people: without user name, and without the values of parameters that carry secrets."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "(no address)"
    host = parts.netloc.rpartition("@")[2]
    query = parts.query
    if query:
        pairs: Sequence[tuple[str, str]] = parse_qsl(query, keep_blank_values=True)
        if any(is_sensitive(name) for name, _ in pairs):
            query = urlencode([(name, REDACTED if is_sensitive(name) else value) for name, value in pairs], safe="*")
    text = urlunsplit((parts.scheme, host, parts.path, query, ""))
    return redactor.clean(text) if redactor is not None else text
