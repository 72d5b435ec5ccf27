"""GraphiQL for browsers at /graphql: its scripts come from a package, none from elsewhere, under a strict policy."""

from importlib.resources import files

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles

from logistics_api.http.content_policy import content_security_policy

SCRIPTS = "graphiql"
"""Where the files of the package are mounted, beside the page."""
_PACKAGE = "graphene_django_graphiql_static"

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>GraphQL · Logistics Analytics Platform</title>
<link rel="icon" href="favicon.ico">
<link rel="stylesheet" href="graphiql/graphiql.min.css">
<style>html, body, #graphiql { height: 100%; margin: 0; }</style>
</head>
<body>
<main id="graphiql">Loading…</main>
<script src="graphiql/react.production.min.js"></script>
<script src="graphiql/react-dom.production.min.js"></script>
<script src="graphiql/graphiql.min.js"></script>
<script>
const query = `{
  datasets { name title }
  shipments(first: 10) {
    nodes { shipmentId origin destination cost log { tripDate vehicle { name } } }
    pageInfo { hasNextPage endCursor }
  }
}
`;
const fetcher = GraphiQL.createFetcher({ url: "api/graphql" });
ReactDOM.render(
  React.createElement(GraphiQL, { fetcher, defaultQuery: query }),
  document.getElementById("graphiql"),
);
</script>
</body>
</html>
"""

_BODY = PAGE.encode()
_HEADERS = {
    "Content-Security-Policy": content_security_policy(_BODY, has_fonts=True),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


def install(app: FastAPI) -> None:
    """Mounts the scripts."""
    app.mount(f"/{SCRIPTS}", StaticFiles(directory=str(files(_PACKAGE) / "static" / _PACKAGE)))


def is_for_browsers(request: Request) -> bool:
    """Whether a browser asks for the page: not for an answer."""
    accepted = ",".join(request.headers.getlist("accept"))
    return request.method == "GET" and "text/html" in accepted and not request.scope["query_string"]


def graphiql_page(_: Request) -> HTMLResponse:
    """The page."""
    return HTMLResponse(_BODY, headers=_HEADERS)
