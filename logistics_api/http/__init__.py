"""HTTP: the middleware around FastAPI (`stack` has its order), and what responses of all subjects share (`responses`).

Middleware is plain ASGI, never `BaseHTTPMiddleware`, which triples the cost of a request. A request passes it from the
outside to the inside; the response comes back through the `send` that each layer hands to the next.
"""
