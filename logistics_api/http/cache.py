"""The response cache, and which of its responses are fresh."""

from cachetools import LRUCache

from logistics_api.database.freshness import Freshness
from logistics_api.http.cached_responses import CachedResponse

Key = tuple[str, bytes] | tuple[str, bytes, str]
"""Path and query string as sent: a different order of parameters is a different key (decision 0015).

For callers that may see some rows only, also the rows (decision 0057): they share no response with anybody else.
"""

LARGEST_SHARE = 8
"""A response larger than 1/8 of the cache is not cached: it would evict too many others."""


MOST_VERSIONS = 3
"""Data versions cached per key: a client can ask for all figures of one version, see `If-Data-Version`."""


class ResponseCache:
    """Responses by key, at most `max_bytes` together; the least recently used are evicted.

    Responses of older data versions stay while there is room: they can be served stale while the database is
    unavailable, and complete a page whose other figures are older.
    """

    def __init__(self, freshness: Freshness, max_bytes: int) -> None:
        self.freshness = freshness
        self.generation = 0
        """Increases when other datasets are served: what an older application has answered is not cached any more."""
        self._responses: LRUCache[Key, CachedResponse] = LRUCache(max_bytes, getsizeof=lambda cached: cached.total_size)

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
        """Whether the response can be sent instead of computing it: it shows the newest figures known."""
        freshness = self.freshness
        return freshness.reachable and cached.published is freshness.published and not cached.is_for_outages

    def clear(self) -> None:
        """Forgets every response, also those that are being computed now."""
        self.generation += 1
        self._responses.clear()

    def store(self, key: Key, cached: CachedResponse, generation: int) -> None:
        """Caches a response if its data version is the newest one known, and the generation is the present one.

        An older response lost a race against a refresh. A newer version becomes known within milliseconds; the response
        is then cached on the next request.
        """
        published = self.freshness.published
        if published is None or int(cached.data_version) != published.data_version or generation != self.generation:
            return
        cached.published = published
        cached.keep_older(self.find(key), MOST_VERSIONS - 1)
        self._put(key, cached)

    def resize(self, key: Key, cached: CachedResponse) -> None:
        """Updates the size of a response after a representation was added, if it is still cached."""
        newest = self._responses.get(key)
        if newest is not None and newest.of_version(cached.data_version) is cached:
            del self._responses[key]
            self._put(key, newest)

    def _put(self, key: Key, cached: CachedResponse) -> None:
        cached.key_bytes = sum(map(len, key))
        largest = self._responses.maxsize // LARGEST_SHARE
        if cached.total_size > largest:
            cached.older = ()
        if cached.total_size <= largest:
            self._responses[key] = cached
