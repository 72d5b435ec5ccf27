"""Gauges of the application's components: cache, connections, streams, keys."""

from collections.abc import Callable, Iterator
from math import nan
from time import monotonic

from logistics_api.database.pool import Database
from logistics_api.events.broker import Events
from logistics_api.http.auth.authentication import Authenticator
from logistics_api.http.cache import ResponseCache
from logistics_api.monitoring.recording import Metrics


def add_gauges(
    metrics: Metrics, *, database: Database, cache: ResponseCache, events: Events, authenticator: Authenticator
) -> None:
    """Adds the gauges to /metrics."""
    replication = database.freshness.replication
    metrics.gauge("logistics_cache_entries", "Cached responses", lambda: len(cache))
    metrics.gauge("logistics_cache_bytes", "Memory used by cached responses, in bytes", lambda: cache.bytes)
    metrics.gauge("logistics_event_streams", "Clients connected to /api/events", lambda: len(events))
    metrics.gauge(
        "logistics_database_connected",
        "1 while the connection that watches the database is open, else 0",
        lambda: float(database.freshness.reachable),
    )
    metrics.gauge(
        "logistics_data_version_confirmed_seconds",
        "Seconds since the data version was last confirmed to be the newest",
        lambda: monotonic() - database.freshness.confirmed_at,
    )
    metrics.gauge(
        "logistics_replica_caught_up_seconds",
        "Seconds since the replica that is read is known to have had all that the primary had; NaN without a replica",
        lambda: monotonic() - replication.caught_up_at if replication.is_replica else nan,
    )
    _add_pools(metrics, database)
    metrics.gauge(
        "logistics_api_keys", "Active API keys known to this process", lambda: len(list(authenticator.keyring))
    )
    metrics.gauge("logistics_sessions", "Sessions of people known to this process", lambda: len(authenticator.sessions))
    metrics.counter(
        "logistics_principal_requests",
        "Admitted requests by API key name; (people) for those of all people, anonymous for others and to open paths",
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
        "Connections in use by a request",
        "pool",
        each(lambda pool: pool["pool_size"] - pool["pool_available"]),
    )
    metrics.gauges(
        "logistics_pool_waiting",
        "Requests waiting for a connection",
        "pool",
        each(lambda pool: pool["requests_waiting"]),
    )


def _requests(authenticator: Authenticator) -> Iterator[tuple[str, float]]:
    yield authenticator.anonymous.name, authenticator.anonymous.requests
    yield "(people)", authenticator.sessions.requests
    for principal in authenticator.keyring:
        yield f"{principal.name}", principal.requests
