"""Gauges of the application's parts: cache, connections, streams, keys."""

from collections.abc import Callable, Iterator
from time import monotonic

from logistics_api.database.pool import Database
from logistics_api.events.broker import Events
from logistics_api.http.auth.authentication import Authenticator
from logistics_api.http.cache import ResponseCache
from logistics_api.metrics.recording import Metrics


def add_gauges(
    metrics: Metrics, *, database: Database, cache: ResponseCache, events: Events, authenticator: Authenticator
) -> None:
    """Adds them to /metrics."""
    metrics.gauge("logistics_cache_entries", "Cached responses", lambda: len(cache))
    metrics.gauge("logistics_cache_bytes", "Memory of the cached responses", lambda: cache.bytes)
    metrics.gauge("logistics_event_streams", "Clients that listen to /api/events", lambda: len(events))
    metrics.gauge(
        "logistics_database_connected",
        "1 while the connection that watches the database is there, else 0",
        lambda: float(database.freshness.reachable),
    )
    metrics.gauge(
        "logistics_data_version_confirmed_seconds",
        "Time since the data version was last seen to be the newest",
        lambda: monotonic() - database.freshness.confirmed_at,
    )
    _add_pools(metrics, database)
    metrics.gauge(
        "logistics_api_keys", "Keys in force that this process knows", lambda: len(list(authenticator.keyring))
    )
    metrics.counter(
        "logistics_principal_requests",
        "Requests admitted, by the name of the key; those of everybody and without a key as anonymous",
        "principal",
        lambda: _requests(authenticator),
    )


def _add_pools(metrics: Metrics, database: Database) -> None:
    def each(read: Callable[[dict[str, int]], int]) -> Callable[[], Iterator[tuple[str, float]]]:
        return lambda: ((name, read(figures)) for name, figures in database.pools().items())

    metrics.gauges(
        "logistics_pool_connections", "Connections to the database", "pool", each(lambda pool: pool["pool_size"])
    )
    metrics.gauges(
        "logistics_pool_in_use",
        "Connections that answer a request",
        "pool",
        each(lambda pool: pool["pool_size"] - pool["pool_available"]),
    )
    metrics.gauges(
        "logistics_pool_waiting",
        "Requests that wait for a connection",
        "pool",
        each(lambda pool: pool["requests_waiting"]),
    )


def _requests(authenticator: Authenticator) -> Iterator[tuple[str, float]]:
    yield authenticator.anonymous.name, authenticator.anonymous.requests
    for principal in authenticator.keyring:
        yield f"{principal.name}", principal.requests
