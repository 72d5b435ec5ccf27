"""Requests to the identity provider: bounded in time and size, without redirects, JSON only."""

import asyncio
import json
from collections.abc import Mapping
from ssl import SSLContext
from typing import Any

import httpx2

from logistics_api.openid.errors import Reason, SignInError

REQUEST_SECONDS = 5.0
"""For a whole request, however slowly the answer comes."""
MOST_BYTES = 256 << 10
MOST_AT_ONCE = 8
"""Requests at the same time; others wait, up to `REQUEST_SECONDS`."""


class ProviderRequests:
    """Sends requests. A client is made for each: they are rare, and a server that has restarted is no special case."""

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(MOST_AT_ONCE)
        self._authorities: SSLContext | None = None

    async def get(self, url: str, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        """The JSON object at an address.

        Raises:
            SignInError: unavailable.
        """
        status, document = await self._ask("GET", url, headers or {}, None)
        if status != 200 or document is None:
            raise SignInError(Reason.UNAVAILABLE, f"{url} answered with status {status}, not with a JSON object.")
        return document

    async def post(
        self, url: str, form: Mapping[str, str], headers: Mapping[str, str]
    ) -> tuple[int, dict[str, Any] | None]:
        """Status and JSON object of the answer to a form; None if it is none.

        Raises:
            SignInError: unavailable.
        """
        return await self._ask("POST", url, headers, form)

    async def _ask(
        self, method: str, url: str, headers: Mapping[str, str], form: Mapping[str, str] | None
    ) -> tuple[int, dict[str, Any] | None]:
        sent = {"Accept": "application/json", "Accept-Encoding": "identity", **headers}
        try:
            async with (
                asyncio.timeout(REQUEST_SECONDS),
                self._slots,
                httpx2.AsyncClient(verify=await self._trusted(), timeout=REQUEST_SECONDS) as client,
                client.stream(method, url, headers=sent, data=form) as response,
            ):
                return response.status_code, _json_object(await _body(response, url))
        except TimeoutError as error:
            raise SignInError(
                Reason.UNAVAILABLE, f"{url} did not answer completely within {REQUEST_SECONDS:g} seconds."
            ) from error
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError) as error:
            raise SignInError(Reason.UNAVAILABLE, f"{url} cannot be asked: {error or type(error).__name__}.") from error

    async def _trusted(self) -> SSLContext:
        """The certificate authorities of this machine: read once, in a thread, as that takes a while."""
        if self._authorities is None:
            self._authorities = await asyncio.to_thread(httpx2.create_ssl_context)
        return self._authorities


async def _body(response: httpx2.Response, url: str) -> bytes:
    """The bytes as sent: what is compressed although nobody asked for it is no JSON, and expands to nothing here."""
    body = bytearray()
    async for piece in response.aiter_raw():
        body += piece
        if len(body) > MOST_BYTES:
            raise SignInError(Reason.UNAVAILABLE, f"{url} answered with more than {MOST_BYTES} bytes.")
    return bytes(body)


def _json_object(body: bytes) -> dict[str, Any] | None:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None
