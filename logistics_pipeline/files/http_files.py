"""Files of web servers: one file, the files of a folder that the server lists, or those of a list of addresses.

Only the host of the place's URL is ever asked, and only below that URL (a list of addresses: anywhere on the host).
Listings are those of Apache, nginx, Caddy and others: any page with links, or the JSON that nginx and Caddy can answer
with. What a link leads to is asked once with HEAD, and again when what the listing says beside it changes.
"""

import ipaddress
import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from html.parser import HTMLParser
from typing import Any, BinaryIO, NamedTuple
from urllib.parse import quote, unquote, urljoin, urlsplit

import httpx2

from logistics_core.places.definition import PlaceDefinition
from logistics_core.places.time_limits import CONNECT_SECONDS, SILENCE_SECONDS
from logistics_pipeline.errors import FileChangedError, FileError, TransientError
from logistics_pipeline.files.http_paths import folder_path
from logistics_pipeline.files.stores import (
    FileGoneError,
    ListedFile,
    PlaceError,
    Store,
    StoredVersion,
    read_in_time,
    trusted,
)

MOST_REDIRECTS = 3
MOST_LISTING_BYTES = 64 << 20
DEEPEST = 20
_LOOKED_AT_ONCE = 8
_SETTLED_SECONDS = 120
"""A listing shows minutes: a file that changed so shortly before it was asked about may change again unseen."""

CHANGED = "The file was replaced while it was read. Its new content is a new version and is loaded as such"
GONE = "The file was removed while it was read"
NO_RANGES = (
    "The server does not hand out parts of files, so a load cannot be resumed. Declare `land: true` for the source: "
    "then the file is copied to disk first"
)
_SAFE = "/~!$&'()*+,;=:@-._"


class HttpStore(Store):
    """The files below a URL."""

    has_whole_files = False

    def __init__(self, place: PlaceDefinition) -> None:
        self._place = place
        parts = urlsplit(place.url)
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._is_list = place.option("list") == "urls"
        self._is_single = not self._is_list and not parts.path.endswith("/")
        self._path = folder_path(place)
        """Of all files, with a slash at the end: raw keys are relative to it."""
        self._check_host(parts.hostname or "")
        self._client = httpx2.Client(
            timeout=httpx2.Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS),
            verify=trusted(place),
            headers={"Accept-Encoding": "identity", "User-Agent": "logistics-analytics"},
            auth=_authentication(place),
        )
        self._listed: dict[str, tuple[str, StoredVersion]] = {}
        """What a listing said beside a link, and what the server said of the file then."""

    def look(self, key: str) -> StoredVersion | None:
        if self._is_single and self._address(key) != self._place.url:
            return None
        response = self._head(self._address(key))
        if response.status_code in (404, 410):
            return None
        self._check(response, self._address(key))
        return _version(response)

    def read(self, key: str, version: StoredVersion, start: int, end: int) -> bytes:
        headers = _conditions(version) | {"Range": f"bytes={start}-{end - 1}"}
        address = self._address(key)
        with self._asking(address), self._client.stream("GET", address, headers=headers) as response:
            self._check_part(response, address, version, start)
            return read_in_time(response.iter_raw(1 << 16), end - start, "server")

    def download(self, key: str, version: StoredVersion, file: BinaryIO) -> None:
        """One request: a server that hands out no parts of files can be read as well."""
        address = self._address(key)
        with self._asking(address), self._client.stream("GET", address, headers=_conditions(version)) as response:
            self._check_part(response, address, version, 0)
            for block in response.iter_raw(1 << 20):
                file.write(block)

    def close(self) -> None:
        self._client.close()

    def pages(self, after: str | None = None) -> Iterator[list[ListedFile]]:
        if self._is_single:
            key = self._raw_key(self._place.url)
            version = self.look(key)
            yield [] if version is None else [ListedFile(key, version)]
        elif self._is_list:
            yield self._asked(self._listed_addresses())
        else:
            yield from self._folders(self._address(""))

    # -- listings --------------------------------------------------------------------------------------------------

    def _folders(self, begin: str) -> Iterator[list[ListedFile]]:
        """The files of a folder and of those below it, a folder at a time."""
        waiting, seen = [(begin, 0)], {begin}
        while waiting:
            address, depth = waiting.pop()
            files = []
            for link in self._links(address):
                if not link.address.endswith("/"):
                    files.append(link)
                elif self._place.option("recursive") != "false" and depth < DEEPEST and link.address not in seen:
                    seen.add(link.address)
                    waiting.append((link.address, depth + 1))
            yield self._asked(files)

    def _links(self, address: str) -> list["_Link"]:
        """What a listing leads to: below its own address alone, without sorting links and the like."""
        body, kind = self._get(address)
        found = _json_links(body) if "json" in kind else _html_links(body)
        links: dict[str, _Link] = {}
        for link in found:
            parts = urlsplit(urljoin(address, link.address))
            whole = f"{parts.scheme}://{parts.netloc}{parts.path}"
            inside = not parts.query and whole.startswith(address) and whole != address
            if inside and not _leads_up(parts.path) and "/" not in whole[len(address) :].rstrip("/"):
                links.setdefault(whole, _Link(whole, link.text))
        return list(links.values())

    def _listed_addresses(self) -> list["_Link"]:
        body, _ = self._get(self._place.url)
        links = []
        for number, line in enumerate(body.decode("utf-8-sig", "surrogateescape").splitlines(), 1):
            text = line.strip()
            if not text or text.startswith("#"):
                continue
            parts = urlsplit(urljoin(self._place.url, text))
            if f"{parts.scheme}://{parts.netloc}" != self._origin or parts.query or _leads_up(parts.path):
                raise PlaceError(
                    f"{self._place.url}: line {number} is no address that is read. Expected: a path on "
                    f"{self._origin}, without a question mark (what follows one may be a secret)."
                )
            links.append(_Link(f"{self._origin}{parts.path}", ""))
        return links

    def _asked(self, links: list["_Link"]) -> list[ListedFile]:
        """The files that links lead to, as the server describes them."""
        with ThreadPoolExecutor(_LOOKED_AT_ONCE) as threads:
            versions = list(threads.map(self._version_of, links))
        return [
            ListedFile(self._raw_key(link.address), version)
            for link, version in zip(links, versions, strict=True)
            if version is not None
        ]

    def _version_of(self, link: "_Link") -> StoredVersion | None:
        before = self._listed.get(link.address)
        if before is not None and link.text and before[0] == link.text:
            return before[1]
        version = self.look(self._raw_key(link.address))
        if version is not None and time.time() - version.modified_ns / 1e9 > _SETTLED_SECONDS:
            self._listed[link.address] = link.text, version
        return version

    # -- requests --------------------------------------------------------------------------------------------------

    def _address(self, key: str) -> str:
        return f"{self._origin}{quote(self._path + key, safe=_SAFE, errors='surrogateescape')}"

    def _raw_key(self, address: str) -> str:
        return unquote(urlsplit(address).path, errors="surrogateescape").removeprefix(self._path)

    def _head(self, address: str) -> httpx2.Response:
        with self._asking(address):
            response = self._request("HEAD", address)
            if response.status_code in (405, 501):  # a server that knows GET alone
                with self._client.stream("GET", address) as response:
                    return response
            return response

    def _request(self, method: str, address: str) -> httpx2.Response:
        """A request; redirections are followed on the same host alone."""
        for _ in range(MOST_REDIRECTS):
            response = self._client.request(method, address)
            if not response.has_redirect_location:
                return response
            target = urljoin(address, response.headers["Location"])
            if urlsplit(target)[:2] != urlsplit(self._origin)[:2]:
                break
            address = target
        raise PlaceError(
            f"{address} is redirected elsewhere. Only {self._origin} is asked: declare the address that counts."
        )

    def _get(self, address: str) -> tuple[bytes, str]:
        """The body and the type of a listing."""
        with self._asking(address):
            response = self._request("GET", address)
            self._check(response, address)
        if len(response.content) > MOST_LISTING_BYTES:
            raise PlaceError(f"{address}: the listing has more than {MOST_LISTING_BYTES:,} bytes. Narrow `url`.")
        return response.content, response.headers.get("Content-Type", "")

    @contextmanager
    def _asking(self, address: str) -> Iterator[None]:
        try:
            yield
        except httpx2.TransportError as error:
            if "CERTIFICATE" in str(error).upper():
                raise PlaceError(
                    f"{address}: the certificate of the server is not accepted ({error}). Name that of its authority "
                    "in `caFile`."
                ) from None
            raise TransientError(f"{address} cannot be read now: {str(error) or 'no answer'}") from error
        except httpx2.InvalidURL as error:
            raise PlaceError(f"{address} is no address ({error}). Correct the source {self._place.name}.") from None

    def _check(self, response: httpx2.Response, address: str) -> None:
        status = response.status_code
        if status in (401, 403, 407):
            raise PlaceError(
                f"{address}: access is denied (HTTP {status}). Correct the credentials of the source "
                f"{self._place.name} (`username` and `password`, or `token`)."
            )
        if status in (408, 425, 429) or status >= 500:
            raise TransientError(f"{address} cannot be read now: the server answers with HTTP {status}")
        if status >= 300:
            raise PlaceError(f"{address}: the server answers with HTTP {status}. Correct `url` of {self._place.name}.")

    def _check_part(self, response: httpx2.Response, address: str, version: StoredVersion, start: int) -> None:
        """Whether the answer is of the version that was asked for, and begins where it should."""
        status = response.status_code
        if status in (404, 410):
            raise FileGoneError(GONE)
        if status in (412, 416):
            raise FileChangedError(CHANGED)
        self._check(response, address)
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise FileError("The server changes the file on its way (Content-Encoding), although that was refused")
        now = _version(response)
        if now.fingerprint != version.fingerprint or (now.etag is None and now.modified_ns != version.modified_ns):
            raise FileChangedError(CHANGED)
        if status == 200 and start > 0:
            raise FileError(NO_RANGES)
        if status == 206 and not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            raise TransientError(f"{address}: the server has sent another part than it was asked for")

    def _check_host(self, host: str) -> None:
        """Whether the host may be asked: an address of a private network or of this machine must be declared."""
        if self._place.private:
            return
        try:
            found = {entry[4][0] for entry in socket.getaddrinfo(host, None)}
        except OSError:
            return  # said when it is asked
        if not all(ipaddress.ip_address(address).is_global for address in found):
            raise PlaceError(
                f"{self._place.url}: the host has an address of a private network or of this machine. If that is "
                f"meant, declare `private: true` in the source {self._place.name}."
            )


def _authentication(place: PlaceDefinition) -> Any:
    username, password, token = map(place.credential, ("username", "password", "token"))
    if token is not None:
        return _Bearer(token)
    return None if username is None else httpx2.BasicAuth(username, password or "")


class _Bearer(httpx2.Auth):
    def __init__(self, token: str) -> None:
        self._token = token

    def auth_flow(self, request: httpx2.Request) -> Iterator[httpx2.Request]:  # type: ignore[override]
        request.headers["Authorization"] = f"Bearer {self._token}"
        yield request


# -- answers ---------------------------------------------------------------------------------------------------------


def _version(response: httpx2.Response) -> StoredVersion:
    """What the headers of an answer say of a file."""
    headers = response.headers
    whole = headers.get("Content-Range", "").rpartition("/")[2] or headers.get("Content-Length", "")
    if not whole.isdecimal():
        raise FileError("The server does not say how large the file is. Declare another source for it")
    etag, modified = headers.get("ETag"), headers.get("Last-Modified")
    try:
        at = parsedate_to_datetime(modified) if modified else None
    except ValueError:
        at = None
    strong = etag.strip('"') if etag and not etag.startswith("W/") else etag
    return StoredVersion(int(whole), int(at.timestamp()) * 1_000_000_000 if at else 0, strong or None)


def _conditions(version: StoredVersion) -> dict[str, str]:
    """Headers that make the server refuse another version."""
    if version.etag is not None and not version.etag.startswith("W/"):
        return {"If-Match": f'"{version.etag}"'}
    if not version.modified_ns:
        return {}
    at = datetime.fromtimestamp(version.modified_ns // 1_000_000_000, UTC)
    return {"If-Unmodified-Since": format_datetime(at, usegmt=True)}


# -- listings --------------------------------------------------------------------------------------------------------


class _Link(NamedTuple):
    address: str
    text: str
    """What the listing says beside it: usually size and time."""


class _Anchors(HTMLParser):
    """Collects links, each with the text up to the next one."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[tuple[str, list[str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        target = dict(attrs).get("href") if tag == "a" else None
        if target:
            self.links.append((target, []))

    def handle_data(self, data: str) -> None:
        if self.links and data.strip():
            self.links[-1][1].append(data.strip())


def _html_links(body: bytes) -> list[_Link]:
    anchors = _Anchors()
    anchors.feed(body.decode("utf-8", "surrogateescape"))
    return [_Link(target, " ".join(text[1:])) for target, text in anchors.links]


def _json_links(body: bytes) -> list[_Link]:
    """The listing of nginx (`autoindex_format json`) or Caddy."""
    try:
        entries = json.loads(body)
    except ValueError as error:
        raise TransientError(f"The server answered with a listing that is no JSON ({error})") from error
    links = []
    for entry in entries if isinstance(entries, list) else []:
        name = str(entry.get("name", ""))
        is_folder = bool(entry.get("is_dir")) or entry.get("type") == "directory"
        target = quote(name.rstrip("/"), safe="") + ("/" if is_folder else "")
        links.append(_Link(target, f"{entry.get('mtime') or entry.get('mod_time') or ''} {entry.get('size', '')}"))
    return links


def _leads_up(path: str) -> bool:
    """Whether a part of a path, once decoded, leads to another folder than the link shows."""
    parts = [unquote(part) for part in path.split("/")]
    return any(part in (".", "..") or "/" in part for part in parts)
