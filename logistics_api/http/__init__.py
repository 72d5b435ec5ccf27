"""HTTP: the middleware around FastAPI (ordered in `stack`), and what the responses of all subjects share (`responses`).

Middleware is plain ASGI, never `BaseHTTPMiddleware`, which triples the cost of a request. A request passes
through it from the outside in; the response returns through the `send` that each layer passes to the next.
"""
