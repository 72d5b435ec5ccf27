"""What every request passes through before and after FastAPI, as plain ASGI.

Request id, admission, the answers kept, compression, Server-Timing, metrics, and the errors nobody expected. Never as
`BaseHTTPMiddleware`: that triples the cost of a request. Decision 0015 says why figures are kept here and nowhere else.
"""

from logistics_api.http.cache import Cache
from logistics_api.http.caching_layer import Edge
from logistics_api.http.protocols import Access, Metrics, RequestLog

__all__ = ["Access", "Cache", "Edge", "Metrics", "RequestLog"]
