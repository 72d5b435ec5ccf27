"""How fast a source may be asked: a token bucket in the database, and what responses say about limits.

The bucket is shared by all processes that pull from a source, which no library over memory can be: two Dagster runs
together must not ask more than one may. It is one number, the time at which the bucket will be full again (GCRA).
"""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock

from logistics_core.time_lengths import length_text
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.sources.definition import RestSource
from logistics_pipeline.sources.faults import FaultKind, PausedPull
from logistics_pipeline.sources.times import http_date

_EARLIEST_EPOCH = 1_000_000_000
"""Larger numbers are times; smaller ones are seconds from now."""

_TAKE = """
INSERT INTO source.rate_limits AS bucket (source, full_at, day, requests)
VALUES (%(source)s, clock_timestamp() + %(interval)s, (clock_timestamp() AT TIME ZONE 'UTC')::date, 1)
ON CONFLICT (source) DO UPDATE SET
    full_at = greatest(bucket.full_at, clock_timestamp()) + %(interval)s,
    requests = CASE WHEN bucket.day = excluded.day THEN bucket.requests ELSE 0 END + 1,
    day = excluded.day
WHERE bucket.day < excluded.day OR %(per_day)s::bigint IS NULL OR bucket.requests < %(per_day)s
RETURNING extract(epoch FROM greatest(full_at - %(interval)s * %(burst)s, blocked_until) - clock_timestamp())::float
"""


@dataclass
class RateLimit:
    """The bucket of a source. Asks the database only if there is a limit, or once a response has set one."""

    source: RestSource
    connection: Connection
    lock: Lock
    """Held while the connection is used."""
    sleep: Callable[[float], None] = time.sleep
    waited: float = 0.0
    _is_asked: bool = False

    def __post_init__(self) -> None:
        limits = self.source.limits
        self._is_asked = limits.per_second is not None or limits.per_day is not None or self._blocked_for() > 0

    def wait(self) -> None:
        """Waits until another request may be sent.

        Raises:
            PausedPull: that would take longer than a pull waits.
        """
        if not self._is_asked:
            return
        seconds = self._take()
        if seconds > 0:
            self.pause(seconds, "its rate limit")

    def pause(self, seconds: float, why: str) -> None:
        """Waits, if that is not too long.

        Raises:
            PausedPull: it is.
        """
        longest = self.source.limits.longest_wait
        if seconds > longest.total_seconds():
            until = datetime.now(UTC) + timedelta(seconds=seconds)
            raise PausedPull(
                FaultKind.RATE_LIMIT,
                f"{self.source.name} may be asked again at {until:%Y-%m-%d %H:%M:%S} UTC, by {why}.",
                f"The pull goes on then. It waits for up to {length_text(longest)} (`limits.longestWait`).",
                until=until,
            )
        self.waited += seconds
        self.sleep(seconds)

    def obey(self, headers: Mapping[str, str]) -> None:
        """Notes what a response says about the requests to come."""
        if (seconds := wait_wanted(headers, is_refused=False)) is not None and seconds > 0:
            self.block(seconds)

    def block(self, seconds: float) -> None:
        """No process asks the source for so long."""
        self._is_asked = True
        with self.lock:
            self.connection.execute(
                "INSERT INTO source.rate_limits AS bucket (source, blocked_until) "
                "VALUES (%(source)s, clock_timestamp() + %(pause)s) ON CONFLICT (source) DO UPDATE "
                "SET blocked_until = greatest(bucket.blocked_until, excluded.blocked_until)",
                {"source": self.source.name, "pause": timedelta(seconds=min(seconds, 10 * 86400))},
            )

    def _take(self) -> float:
        limits = self.source.limits
        interval = timedelta(seconds=1 / limits.per_second) if limits.per_second else timedelta(0)
        with self.lock:
            row = self.connection.execute(
                _TAKE,
                {
                    "source": self.source.name,
                    "interval": interval,
                    "burst": limits.burst,
                    "per_day": limits.per_day,
                },
            ).fetchone()
        return float(row[0] or 0) if row is not None else _until_tomorrow()

    def _blocked_for(self) -> float:
        with self.lock:
            row = self.connection.execute(
                "SELECT extract(epoch FROM blocked_until - clock_timestamp())::float FROM source.rate_limits "
                "WHERE source = %s AND blocked_until IS NOT NULL",
                (self.source.name,),
            ).fetchone()
        return float(row[0]) if row is not None else 0.0


def _until_tomorrow() -> float:
    now = datetime.now(UTC)
    tomorrow = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return (tomorrow - now).total_seconds() + 1


def wait_wanted(headers: Mapping[str, str], *, is_refused: bool) -> float | None:
    """Seconds that a response wants to pass before the next request; None if it says nothing.

    `Retry-After` in seconds or as a date, by the clock of the server; `X-RateLimit-*`, `RateLimit-*` and `RateLimit`
    where nothing is left. A response that was not refused is obeyed only if it says that nothing is left.
    """
    wanted = _retry_after(headers)
    if wanted is not None:
        return wanted
    remaining, reset = _remaining(headers)
    if reset is None or (remaining is None and not is_refused) or (remaining or 0) > 0:
        return None
    return reset


def _retry_after(headers: Mapping[str, str]) -> float | None:
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    if re.fullmatch(r"[0-9]+(\.[0-9]*)?", text):
        return _seconds_until(float(text), headers)
    moment = http_date(text)
    return None if moment is None else max(0.0, (moment - _now(headers)).total_seconds())


def _remaining(headers: Mapping[str, str]) -> tuple[float | None, float | None]:
    """How many requests are left, and in how many seconds there are new ones."""
    combined = headers.get("ratelimit", "")
    if combined:
        names = dict(re.findall(r"\b(r|t|remaining|reset)\s*=\s*([0-9.]+)", combined))
        left, reset = names.get("r", names.get("remaining")), names.get("t", names.get("reset"))
    else:
        left, reset = _header(headers, "remaining"), _header(headers, "reset")
    try:
        return (
            None if left is None else float(left),
            None if reset is None else _seconds_until(float(reset), headers),
        )
    except ValueError:
        moment = http_date(reset or "")
        return None, None if moment is None else max(0.0, (moment - _now(headers)).total_seconds())


def _header(headers: Mapping[str, str], part: str) -> str | None:
    for prefix in ("x-ratelimit-", "ratelimit-", "x-rate-limit-"):
        if (value := headers.get(prefix + part)) is not None:
            return value.split(",")[0].strip()
    return None


def _seconds_until(number: float, headers: Mapping[str, str]) -> float:
    if number < _EARLIEST_EPOCH:
        return number
    seconds = number / 1000 if number > _EARLIEST_EPOCH * 1000 else number
    return max(0.0, seconds - _now(headers).timestamp())


def _now(headers: Mapping[str, str]) -> datetime:
    """The clock of the server, where it tells it."""
    return http_date(headers.get("date", "")) or datetime.now(UTC)
