"""The cached responses, and which of them are fresh."""

from cachetools import LRUCache

from logistics_api.database.freshness import Freshness
from logistics_api.http.cached_responses import CachedResponse

Key = tuple[str, bytes]
"""Path and query string, as they were sent: another order of parameters is another key (decision 0015)."""

LARGEST_SHARE = 8
"""A response larger than this part of the cache is not cached: it would evict too many others."""


class ResponseCache:
    """Responses by key, at most `max_bytes` together; the least recently used are evicted.

    Responses of older data versions stay while there is room: they can be served stale while the database is away.
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
        """The newest response there is, whatever its data version."""
        try:
            return self._responses[key]
        except KeyError:
            return None

    def is_fresh(self, cached: CachedResponse) -> bool:
        """Whether it shows the newest figures, as far as is known now."""
        freshness = self.freshness
        return freshness.reachable and cached.published is freshness.published

    def store(self, key: Key, cached: CachedResponse) -> None:
        """Caches a response if it has the data version that is known to be the newest.

        An older one lost a race against a refresh. A newer one becomes known within milliseconds, and is then requested
        again.
        """
        published = self.freshness.published
        if published is None or int(cached.data_version) != published.data_version:
            return
        cached.published = published
        self._put(key, cached)

    def resize(self, key: Key, cached: CachedResponse) -> None:
        """Accounts for a representation that was added, if the response is still cached."""
        if self._responses.get(key) is cached:
            del self._responses[key]
            self._put(key, cached)

    def _put(self, key: Key, cached: CachedResponse) -> None:
        cached.key_bytes = len(key[0]) + len(key[1])
        if cached.size * LARGEST_SHARE <= self._responses.maxsize:
            self._responses[key] = cached
