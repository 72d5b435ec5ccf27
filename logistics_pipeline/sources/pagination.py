"""What the next request is: pure functions of the definition, of the request before and of what its page says.

A token is what a request of a page differs by: a JSON object with one of `url`, `cursor`, `offset`, `page` and `key`.
The first page has an empty one. None: there are no more pages.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from logistics_core.places.secrets import Secret
from logistics_pipeline.sources.definition import Pagination, PaginationType, ParameterValue, RestSource, SentIn
from logistics_pipeline.sources.faults import FaultKind, SourceFault
from logistics_pipeline.sources.http_requests import Request, next_address
from logistics_pipeline.sources.page_content import PageContent
from logistics_pipeline.sources.paths import MISSING, path_text, value_at

Token: TypeAlias = Mapping[str, Any]

FIRST: Token = {}
_LINK = re.compile(r"<([^>]*)>\s*((?:;\s*[^;,=]+(?:=(?:\"[^\"]*\"|[^;,]*))?)*)")


@dataclass(frozen=True)
class Page:
    """What pagination sees of a response."""

    url: str
    headers: Mapping[str, str]
    content: PageContent


def with_token(pagination: Pagination, request: Request, token: Token) -> Request:
    """The request of the page that a token leads to; `request` is that of the walk."""
    sized = request.sending(SentIn.QUERY, pagination.size_parameter, pagination.size)
    if pagination.sent_in is SentIn.BODY and pagination.size_parameter:
        sized = request.sending(SentIn.BODY, pagination.size_parameter, pagination.size)
    if "url" in token:  # it holds all parameters
        return replace(request, url=str(token["url"]), parameters=_secrets_of(request))
    match pagination.type:
        case PaginationType.OFFSET:
            value = token.get("offset", pagination.start)
        case PaginationType.PAGE:
            value = token.get("page", pagination.start)
        case PaginationType.CURSOR:
            value = token.get("cursor")
        case PaginationType.KEYSET:
            value = token.get("key")
        case _:
            return sized
    return sized.sending(pagination.sent_in, pagination.parameter, value)


def _secrets_of(request: Request) -> dict[str, ParameterValue]:
    """Parameters that no address in the archive holds."""
    return {name: value for name, value in request.parameters.items() if isinstance(value, Secret)}


def next_token(source: RestSource, pagination: Pagination, token: Token, page: Page) -> Token | None:
    """The token of the page after this one.

    Raises:
        SourceFault: the page does not say what the definition expects, or leads to a host that is not declared.
    """
    match pagination.type:
        case PaginationType.NONE:
            return None
        case PaginationType.LINK_HEADER:
            link = _next_link(page.headers.get("link", ""))
            return None if link is None else {"url": next_address(source, page.url, link)}
        case PaginationType.NEXT_URL:
            link = _next_value(pagination, page)
            return None if link is None else {"url": next_address(source, page.url, str(link))}
        case PaginationType.CURSOR:
            cursor = _next_value(pagination, page)
            is_short = pagination.ends == "short" and page.content.records < (pagination.size or 0)
            return None if cursor is None or is_short else {"cursor": cursor}
    return _next_by_count(pagination, token, page)


def _next_by_count(pagination: Pagination, token: Token, page: Page) -> Token | None:
    records = page.content.records
    if records == 0 or _says_no_more(pagination, page):
        return None
    if pagination.ends == "short" and records < (pagination.size or 0):
        return None
    match pagination.type:
        case PaginationType.OFFSET:
            offset = int(token.get("offset", pagination.start))
            if records <= pagination.overlap:
                return None
            return {"offset": offset + records - pagination.overlap}
        case PaginationType.PAGE:
            number = int(token.get("page", pagination.start))
            return None if _is_last_page(pagination, page, number) else {"page": number + 1}
    return {"key": _last_key(pagination, page)}


def _next_value(pagination: Pagination, page: Page) -> Any:
    """The cursor or address that a page names; None if it is the last one."""
    if _says_no_more(pagination, page):
        return None
    if pagination.next_header:
        return page.headers.get(pagination.next_header.lower()) or None
    found = page.content.next
    if found is MISSING or found is None or found is False or found == "":
        return None
    if isinstance(found, dict | list):
        raise SourceFault(
            FaultKind.RESPONSE,
            f"{page.url}: {path_text(pagination.next)} is a {'list' if isinstance(found, list) else 'group of keys'}. "
            "Expected: a cursor or an address.",
            "Correct `pagination.next`.",
        )
    return found


def _says_no_more(pagination: Pagination, page: Page) -> bool:
    if not pagination.has_more:
        return False
    found = page.content.has_more
    return found is MISSING or found in (None, False, 0, "", "false", "False", "0")


def _is_last_page(pagination: Pagination, page: Page, number: int) -> bool:
    try:
        return bool(pagination.pages) and number >= int(page.content.pages) - (pagination.start == 0)
    except (TypeError, ValueError):
        return False


def _last_key(pagination: Pagination, page: Page) -> Any:
    found = value_at(page.content.last_record, pagination.key)
    if found is MISSING or found is None or isinstance(found, dict | list):
        raise SourceFault(
            FaultKind.RESPONSE,
            f"{page.url}: the last record has no {path_text(pagination.key)}, which the next page is asked for by.",
            "Correct `pagination.key`.",
        )
    return found


def _next_link(header: str) -> str | None:
    """The address of the next page in a Link header (RFC 8288)."""
    for address, parameters in _LINK.findall(header):
        relation = re.search(r";\s*rel\s*=\s*(?:\"([^\"]*)\"|([^;,\s]+))", parameters, re.IGNORECASE)
        if relation and "next" in (relation[1] or relation[2] or "").lower().split():
            return str(address)
    return None
