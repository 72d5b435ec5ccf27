"""How often one may ask: a window of so many requests, with the headers that APIs announce it by."""

import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from math import ceil

from tests.sources.servers.http import Handle, Request, Response, json_response


@dataclass
class RateLimit:
    """So many requests in each window; `style` is how it says so: seconds, date, ratelimit or none."""

    handle: Handle
    requests: int
    window_seconds: float
    style: str = "seconds"
    refused: int = 0
    _began_at: float = 0
    _used: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, request: Request) -> Response:
        with self._lock:
            now = time.monotonic()
            if now - self._began_at >= self.window_seconds:
                self._began_at, self._used = now, 0
            self._used += 1
            is_refused = self._used > self.requests
            left_seconds = self.window_seconds - (now - self._began_at)
            self.refused += is_refused
        headers = self._headers(left_seconds, is_refused)
        if is_refused:
            return json_response({"error": "Too many requests"}, 429, headers)
        return self.handle(request).with_headers(**headers)

    def _headers(self, left_seconds: float, is_refused: bool) -> dict[str, str]:
        if self.style == "ratelimit":
            remaining = max(0, self.requests - self._used)
            return {
                "X-RateLimit-Limit": str(self.requests),
                "X-RateLimit-Remaining": str(remaining),
                "X-RateLimit-Reset": str(max(1, round(left_seconds))),
            }
        if not is_refused or self.style == "none":
            return {}
        return {"Retry-After": retry_after(left_seconds, self.style)}


def retry_after(seconds: float, style: str = "seconds") -> str:
    """RFC 9110: seconds or a date."""
    whole = ceil(seconds)
    if style == "date":
        return format_datetime(datetime.now(UTC) + timedelta(seconds=whole), usegmt=True)
    return str(whole)
