"""GET /docs and /redoc: FastAPI's pages, with scripts from the fastapi-offline package instead of a CDN."""

from collections.abc import Awaitable, Callable
from importlib.resources import files

from fastapi import FastAPI
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from starlette.requests import Request
from starlette.responses import Response

from logistics_api.http.content_policy import content_security_policy

SCRIPTS = "documentation"
"""Where the files of the package are mounted; relative to the pages, and so behind any proxy."""


def install(app: FastAPI) -> None:
    """Adds the two pages."""
    title = app.title
    swagger = get_swagger_ui_html(
        openapi_url="openapi.json",
        title=title,
        swagger_js_url=f"{SCRIPTS}/swagger-ui-bundle.js",
        swagger_css_url=f"{SCRIPTS}/swagger-ui.css",
        swagger_favicon_url=f"{SCRIPTS}/favicon.png",
        swagger_ui_parameters={"validatorUrl": None},
    )
    redoc = get_redoc_html(
        openapi_url="openapi.json",
        title=title,
        redoc_js_url=f"{SCRIPTS}/redoc.standalone.js",
        redoc_favicon_url=f"{SCRIPTS}/favicon.png",
        with_google_fonts=False,
    )
    for path, page in (("/docs", swagger), ("/redoc", redoc)):
        app.add_route(path, _serve(page), methods=["GET"], include_in_schema=False)
    app.mount(f"/{SCRIPTS}", StaticFiles(directory=str(files("fastapi_offline") / "static")))


def _serve(page: HTMLResponse) -> Callable[[Request], Awaitable[Response]]:
    """Serves a page that may only load files from this server and only run its own scripts."""
    body = bytes(page.body)
    headers = {"Content-Security-Policy": content_security_policy(body), "X-Content-Type-Options": "nosniff"}

    async def serve(_: Request) -> Response:
        return HTMLResponse(body, headers=headers)

    return serve
