"""The response cache, and which of its responses are fresh."""

from cachetools import LRUCache

from logistics_api.database.freshness import Freshness
from logistics_api.http.cached_responses import CachedResponse

Key = tuple[str, bytes]
"""Path and query string as sent: a different order of parameters is a different key (decision 0015)."""

LARGEST_SHARE = 8
"""A response larger than 1/8 of the cache is not cached: it would evict too many others."""


class ResponseCache:
    """Responses by key, at most `max_bytes` together; the least recently used are evicted.

    Responses of older data versions stay while there is room: they can be served stale while the database is
    unavailable.
    """

    def __init__(self, freshness: Freshness, max_bytes: int) -> None:
        self.freshness = freshness
        self._responses: LRUCache[Key, CachedResponse] = LRUCache(max_bytes, getsizeof=lambda cached: cached.size)

    @property
    def bytes(self) -> int:
        return int(self._responses.currsize)

    def __len__(self) -> int:
        return len(self._responses)

    def find(self, key: Key) -> CachedResponse | None:
        """The newest cached response, of any data version."""
        try:
            return self._responses[key]
        except KeyError:
            return None

    def is_fresh(self, cached: CachedResponse) -> bool:
        """Whether the response shows the newest figures known."""
        freshness = self.freshness
        return freshness.reachable and cached.published is freshness.published

    def store(self, key: Key, cached: CachedResponse) -> None:
        """Caches a response if its data version is the newest one known.

        An older response lost a race against a refresh. A newer version becomes known within milliseconds; the response
        is then cached on the next request.
        """
        published = self.freshness.published
        if published is None or int(cached.data_version) != published.data_version:
            return
        cached.published = published
        self._put(key, cached)

    def resize(self, key: Key, cached: CachedResponse) -> None:
        """Updates the size of a response after a representation was added, if it is still cached."""
        if self._responses.get(key) is cached:
            del self._responses[key]
            self._put(key, cached)

    def _put(self, key: Key, cached: CachedResponse) -> None:
        cached.key_bytes = len(key[0]) + len(key[1])
        if cached.size * LARGEST_SHARE <= self._responses.maxsize:
            self._responses[key] = cached
