"""The dashboard's files, served from memory: pages, modules, styles, and Vega with our charts (`vega_bundle`).

There is no build step: what `static/` holds is what the browser gets, modules and style sheets each joined into one.
The files are read once, compressed once, and sent under a URL that holds the hash of them all, so that a browser
requests each once per version. The page itself is requested every time, and names the version.

/openapi.json is served in the same way: it takes a second to make. Other datasets have another `Dashboard`.
"""

import asyncio
import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, lru_cache
from hashlib import sha256
from html import escape
from http import HTTPStatus
from pathlib import Path
from threading import Lock
from typing import Any

from pydantic import BaseModel
from starlette.types import ASGIApp, Receive, Scope, Send

from logistics_api.dashboard.modules import join
from logistics_api.dashboard.vega_bundle import CHARTS, MODULE, BundleError, VegaBundle, compress
from logistics_api.errors import Problem
from logistics_api.http.context import context_of
from logistics_api.http.negotiation import IDENTITY, acceptable_codings, matches
from logistics_api.http.protocols import TemplateOf
from logistics_api.uploads.upload_place import UploadPlace
from logistics_core.settings import Settings

FOLDER = Path(__file__).resolve().parent / "static"
PAGES = re.compile(
    r"/(?:(?:routes|vehicles|data|import|boards|sources|identities)(?:/.*)?"
    r"|costs|pipeline|explore|forecasts|models|alerts|notifications|my-notifications|changes|signed-out)?",
    re.DOTALL,
)
"""Addresses of pages: the modules take over from there, so all of them are the same file."""
ENTRY = "app.js"
"""The entry module; all modules are joined into one."""
FIRST_SCRIPT = "theme.js"
"""A plain script, not a module: it sets the colours before the first paint."""
SERVICE_WORKER = "service-worker.js"
"""A script of its own, which browsers take from the folder that it is for alone."""
STYLES = ("tokens", "base", "shell", "components")
"""The style sheets in their order: sent as one, to save requests."""
TYPES = {".js": "text/javascript", ".css": "text/css", ".json": "application/json", ".svg": "image/svg+xml"}
"""Named here because `mimetypes` depends on tables that slim images lack."""
ENCODINGS = ("br", "gzip")
"""In our order of preference: those that `compress` makes."""
OPENAPI = "/openapi.json"
DEEPEST = 16
"""Number of slashes up to which an address is relative: more are not worth a page of their own in memory."""
PAGES_REMEMBERED = 32
PREFIXES_REMEMBERED = 4
IMMUTABLE = "public, max-age=31536000, immutable"
SECURITY = (
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)


class Dashboard:
    """The dashboard's files by their addresses."""

    def __init__(
        self,
        settings: Settings,
        describe: Callable[[], Mapping[str, Any]],
        datasets: BaseModel,
        measures: BaseModel,
        vega: VegaBundle | None = None,
    ) -> None:
        """`describe` returns the content of /openapi.json and is called once. The rest is embedded in the page.

        `vega`: a bundle that was prepared already.
        """
        self.vega = vega or VegaBundle(settings.data_dir / "cache")
        self._of_vega = f"/assets/{self.vega.version}/"
        self._descriptions = datasets.model_dump_json(), measures.model_dump_json()
        self._describe = describe
        self._description: File | None = None
        self._uploads = UploadPlace(settings)
        self._can_sign_in = settings.oidc_issuer is not None
        self._lock = Lock()

    def prepare(self) -> None:
        """Prepares everything that takes time. Optional; run it in a separate thread when a server starts."""
        _files()
        self._make_description()
        with suppress(BundleError):  # reported to the request for it
            self.vega.files()

    async def find(self, scope: Scope) -> "File | None":
        """Returns the file at the address of a request, or None if it is not the dashboard's.

        Raises:
            Problem: 503, Vega could not be built.
        """
        path = scope["path"]
        if PAGES.fullmatch(path):
            return await self.page(scope)
        if path.startswith(self._of_vega):
            return await self._vega(path.removeprefix(self._of_vega))
        if path == OPENAPI:
            description = self._description or await asyncio.to_thread(self._make_description)
            prefix = context_of(scope).prefix
            return _published(description, prefix) if prefix else description
        if path == f"/{SERVICE_WORKER}":
            return _service_worker()
        if path == "/favicon.ico":
            path = f"/assets/{_release()}/favicon.svg"
        return _files().get(path)

    async def page(self, scope: Scope) -> "File":
        """The one page; its scripts show what its address names, also that it names nothing."""
        uploads = self._uploads.name or "", await self._uploads.origin() or ""
        return _page(self.vega.version, *self._descriptions, root_of(scope), *uploads, can_sign_in=self._can_sign_in)

    def _make_description(self) -> "File":
        with self._lock:
            if self._description is None:
                body = json.dumps(self._describe(), ensure_ascii=False, separators=(",", ":")).encode()
                self._description = File(TYPES[".json"], _tag(body), "no-cache", compress(body, quality=9), OPENAPI)
            return self._description

    async def _vega(self, name: str) -> "File | None":
        if name not in (MODULE, CHARTS):
            return None
        try:
            files = await asyncio.to_thread(self.vega.files)
        except BundleError as error:
            raise Problem(503, "charts-unavailable", "Charts are not available", str(error)) from error
        return File(TYPES[Path(name).suffix], f'"{self.vega.version}"', IMMUTABLE, files[name])


class DashboardMiddleware:
    """Serves the dashboard's files, and forwards everything else.

    It runs before routing, which would first compare the path with every route: that is most of what a small file
    costs, and a page consists of many.
    """

    def __init__(self, app: ASGIApp, *, dashboard: Dashboard, template_of: TemplateOf) -> None:
        self.app = app
        self.dashboard = dashboard
        self._template_of = template_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_read = scope["type"] == "http" and scope["method"] in ("GET", "HEAD")
        found = await self.dashboard.find(scope) if is_read else None
        if found is not None:
            scope["route"] = found
            await found.send(scope, send)
        elif is_read and self._is_navigation(scope) and self._template_of(scope["path"]) is None:
            page = await self.dashboard.page(scope)
            await page.send(scope, send, HTTPStatus.NOT_FOUND)
        else:
            await self.app(scope, receive, send)

    @staticmethod
    def _is_navigation(scope: Scope) -> bool:
        """Whether a browser asks for a page, outside of the API."""
        path = scope["path"]
        accepted = b",".join(value for name, value in scope["headers"] if name == b"accept")
        return b"text/html" in accepted and path != "/api" and not path.startswith("/api/")


@dataclass(eq=False)
class File:
    """A response in all its encodings."""

    content_type: str
    etag: str
    caching: str
    bodies: dict[str, bytes]
    path_format: str = "/assets"
    """What the request counts as in metrics and logs, as a route's template does."""
    connect_to: str = ""
    """Origin beside the API's own that the page may send to."""
    _lengths: dict[str, bytes] = field(init=False)
    _security: tuple[tuple[bytes, bytes], ...] = field(init=False)

    def __post_init__(self) -> None:
        self._lengths = {encoding: str(len(body)).encode() for encoding, body in self.bodies.items()}
        connect = b"connect-src 'self' " + self.connect_to.encode()
        self._security = tuple(
            (name, value.replace(b"connect-src 'self'", connect.rstrip())) for name, value in SECURITY
        )

    async def send(self, scope: Scope, send: Send, status: HTTPStatus = HTTPStatus.OK) -> None:
        context = context_of(scope)
        etag = self.etag.encode()
        is_found = status == HTTPStatus.OK
        headers = [
            *self._security,
            (b"etag", etag),
            (b"cache-control", self.caching.encode() if is_found else b"no-store"),
            (b"vary", b"Accept-Encoding" if is_found else b"Accept, Accept-Encoding"),
        ]
        if is_found and context.if_none_match is not None and matches(context.if_none_match, etag):
            await send({"type": "http.response.start", "status": 304, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
            return
        encoding = next(iter(acceptable_codings(context.accept_encoding, ENCODINGS)), IDENTITY)
        if encoding != IDENTITY:
            headers.append((b"content-encoding", encoding.encode()))
        headers += [
            (b"content-type", f"{self.content_type}; charset=utf-8".encode()),
            (b"content-length", self._lengths[encoding]),
        ]
        body = b"" if scope["method"] == "HEAD" else self.bodies[encoding]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


@cache
def _sources() -> dict[str, bytes]:
    """Name under /assets/<release>/ → content, of everything but the page."""
    files = {
        path.relative_to(FOLDER).as_posix(): path.read_bytes() for path in FOLDER.rglob("*") if path.suffix in TYPES
    }
    del files[SERVICE_WORKER]
    styles = b"\n".join(files.pop(f"styles/{name}.css") for name in STYLES)
    modules = {name: files.pop(name).decode() for name in list(files) if name.endswith(".js") and name != FIRST_SCRIPT}
    made = {ENTRY: join(modules, ENTRY).encode(), "styles.css": styles}
    return dict(sorted((files | made).items()))


@cache
def _service_worker() -> "File":
    body = (FOLDER / SERVICE_WORKER).read_bytes()
    return File(TYPES[".js"], _tag(body), "no-cache", compress(body, quality=9))


@cache
def _release() -> str:
    """The hash of everything: one that changes when any file does."""
    return sha256(b"\0".join(name.encode() + b"\0" + body for name, body in _sources().items())).hexdigest()[:16]


@cache
def _files() -> dict[str, File]:
    prefix = f"/assets/{_release()}"
    return {
        f"{prefix}/{name}": File(TYPES[Path(name).suffix], f'"{_release()}"', IMMUTABLE, compress(body, quality=9))
        for name, body in _sources().items()
    }


def root_of(scope: Scope) -> str:
    """Where the API is, seen from a page: below the prefix, or else relative to the page."""
    prefix = context_of(scope).prefix
    if prefix:
        return f"{prefix}/"
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    depth = raw.count(b"/") - 1
    return "./" if depth == 0 else "../" * depth if depth <= DEEPEST else "/"


@lru_cache(PAGES_REMEMBERED)
def _page(
    vega: str, datasets: str, measures: str, root: str, upload_place: str, upload_origin: str, *, can_sign_in: bool
) -> File:
    """The one page, with the addresses of this version and, so that they need no request, datasets and measures.

    `upload_place` takes files at `upload_origin`; both may be empty. `can_sign_in`: there is an identity provider.
    """
    html = (FOLDER / "index.html").read_text(encoding="utf-8")
    html = html.replace("{{assets}}", f"assets/{_release()}").replace("{{vega}}", escape(vega))
    html = html.replace("{{root}}", escape(root)).replace("{{upload_place}}", escape(upload_place))
    html = html.replace("{{sign_in}}", "yes" if can_sign_in else "")
    html = html.replace("{{datasets}}", escape(datasets)).replace("{{measures}}", escape(measures))
    body = html.encode()
    tag = _tag(body + upload_origin.encode())  # with another policy, it is another page
    return File("text/html", tag, "no-cache", compress(body, quality=9), "/", upload_origin)


@lru_cache(PREFIXES_REMEMBERED)
def _published(description: File, prefix: str) -> File:
    """The OpenAPI document for clients behind a proxy: its paths are below the prefix."""
    servers = b'{"servers":[{"url":"' + prefix.encode() + b'"}],'
    body = servers + description.bodies[IDENTITY].removeprefix(b"{")
    return File(description.content_type, _tag(body), description.caching, compress(body, quality=1), OPENAPI)


def _tag(body: bytes) -> str:
    return f'"{sha256(body).hexdigest()[:16]}"'
