"""The answers that are kept, and which of them are still true."""

from cachetools import LRUCache

from logistics_api.database.freshness import Freshness
from logistics_api.http.cached_responses import Entry

Key = tuple[str, bytes]
"""Path and query string, as they came: another order of the parameters is another key (decision 0015)."""

LARGEST_SHARE = 8
"""An answer larger than this part of the whole is not kept: it would push out too many others."""


class Cache:
    """Entries by key, the least recently used pushed out, together never larger than `max_bytes`.

    Entries of older data versions stay as long as there is room: they are what is left to say while the database is
    away.
    """

    def __init__(self, freshness: Freshness, max_bytes: int) -> None:
        self.freshness = freshness
        self._entries: LRUCache[Key, Entry] = LRUCache(max_bytes, getsizeof=lambda entry: entry.size)

    @property
    def bytes(self) -> int:
        return int(self._entries.currsize)

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, key: Key) -> Entry | None:
        """The newest entry there is, whatever its version."""
        try:
            return self._entries[key]
        except KeyError:
            return None

    def is_fresh(self, entry: Entry) -> bool:
        """Whether it is of the newest figures there are, as far as can be known now."""
        freshness = self.freshness
        return freshness.reachable and entry.published is freshness.published

    def keep(self, key: Key, entry: Entry) -> None:
        """Keeps an entry, provided that it is of the version known to be the newest.

        An older one lost a race against a refresh. A newer one will be known within milliseconds, and asked for again.
        """
        published = self.freshness.published
        if published is None or int(entry.data_version) != published.data_version:
            return
        entry.published = published
        self._place(key, entry)

    def grown(self, key: Key, entry: Entry) -> None:
        """A further representation was made: weighs the entry anew, where it is still kept."""
        if self._entries.get(key) is entry:
            del self._entries[key]
            self._place(key, entry)

    def _place(self, key: Key, entry: Entry) -> None:
        entry.key_bytes = len(key[0]) + len(key[1])
        if entry.size * LARGEST_SHARE <= self._entries.maxsize:
            self._entries[key] = entry
