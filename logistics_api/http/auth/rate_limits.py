"""Rate limits: token buckets, each a single number, in the memory of this process only."""

from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from math import ceil
from time import monotonic

from cachetools import LRUCache

from logistics_api.errors import Problem

MOST_ADDRESSES = 10_000
"""Maximum number of addresses with a bucket; beyond it, the least recently used is dropped."""


class Bucket:
    """Admits `burst` requests at once, then `rate` requests a second. A rate of 0 means no limit."""

    __slots__ = ("_full_at", "_interval", "_slack", "burst", "rate")

    def __init__(self, rate: float, burst: int) -> None:
        self.rate = rate
        self.burst = burst
        self._interval = 1 / rate if rate else 0.0
        self._slack = (burst - 1) * self._interval
        self._full_at = 0.0
        """When the bucket would be full again without further requests."""

    def take(self) -> None:
        """Counts a request.

        Raises:
            Problem: 429, there are too many.
        """
        if not self.rate:
            return
        now = monotonic()
        full_at = self._full_at
        if full_at < now:
            full_at = now
        if full_at - now > self._slack:
            raise self._too_many(full_at - now - self._slack)
        self._full_at = full_at + self._interval

    def _too_many(self, wait_seconds: float) -> Problem:
        seconds = max(1, ceil(wait_seconds))
        return Problem(
            429,
            "too-many-requests",
            "Too many requests",
            f"The limit is {self.rate:g} requests a second, after {self.burst} at once. Try again in {seconds} s.",
            headers={
                "Retry-After": str(seconds),
                "RateLimit-Policy": f'"requests";q={self.burst};w={max(1, ceil(self.burst * self._interval))}',
                "RateLimit": f'"requests";r=0;t={seconds}',
            },
        )


class AddressLimits:
    """A bucket for each client address, up to `MOST_ADDRESSES`."""

    def __init__(self, rate: float, burst: int) -> None:
        self._rate = rate
        self._burst = burst
        self._buckets: LRUCache[str, Bucket] = LRUCache(MOST_ADDRESSES)

    def take(self, address: str) -> None:
        """Counts a request from an address.

        Raises:
            Problem: 429, there are too many.
        """
        if not self._rate:
            return
        network = _network(address)
        bucket = self._buckets.get(network)
        if bucket is None:
            bucket = self._buckets[network] = Bucket(self._rate, self._burst)
        bucket.take()

    def __len__(self) -> int:
        return len(self._buckets)


@lru_cache(MOST_ADDRESSES)
def _network(address: str) -> str:
    """An IPv6 client usually has a whole /64 network of 2^64 addresses, so these count as one."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is None:
        return str(IPv6Address(int(parsed) >> 64 << 64))
    return address
