"""Metrics of stocks: their values at the end of each day or month, as they were known then.

A dataset with snapshots has no days of records. A period of its metrics is a point in the order of files instead: the
last file that was registered by the end of the period. A period that is not over is as of now.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from logistics_api.as_of.resolving import known_histories, why_unknown
from logistics_api.database.pool import Database
from logistics_api.errors import refused_parameter
from logistics_api.querying.metric_query import MetricQuery, Point, datasets_read, periods_of
from logistics_core.catalogue import Catalogue
from logistics_core.metrics.periods import DayRange, period_of

MAX_POINTS = 4_000

DAYS = """
-- Finds the days that snapshots of a dataset can be of.
-- One row: the days of its first file and of the file since which every version is known, or NULL; today.
-- Reads ingest.files, .histories.
SELECT
    (SELECT (min(registered_at) AT TIME ZONE %(zone)s)::date FROM ingest.files WHERE dataset = %(dataset)s),
    (
        SELECT (registered_at AT TIME ZONE %(zone)s)::date
        FROM ingest.histories AS history
        JOIN ingest.files ON file_id = since_file_id
        WHERE history.dataset = %(dataset)s
    ),
    (clock_timestamp() AT TIME ZONE %(zone)s)::date
"""

FILES = """
-- Finds the last file that was registered by the end of each of some days; 0 before the first one.
-- One row: the numbers of the files, in the order of the days.
-- Reads ingest.files.
SELECT array_agg(file_id ORDER BY number)
FROM unnest(%(days)s::date[]) WITH ORDINALITY AS each (day, number)
CROSS JOIN LATERAL (
    SELECT coalesce(max(found.file_id), 0) AS file_id
    FROM (
        SELECT file_id
        FROM ingest.files
        WHERE registered_at < (day + 1)::timestamp AT TIME ZONE %(zone)s
        ORDER BY file_id DESC
        LIMIT 1
    ) AS found
) AS last
"""


def is_of_snapshots(query: MetricQuery) -> bool:
    """Whether a question is about the state of a dataset at the end of periods."""
    has_time = query.grain is not None or query.days is not None or query.compare is not None
    return query.dataset.snapshots is not None and has_time


async def with_points(database: Database, query: MetricQuery, catalogue: Catalogue) -> MetricQuery:
    """The question with the file as of which each of its periods is.

    Raises:
        Problem: 422, there would be too many periods, or what was known then is not known any more; whatever
            `Database.fetch_row` raises.
    """
    assert query.dataset.history is not None
    datasets = datasets_read(query, catalogue)
    histories = await known_histories(database, datasets)
    zone = query.dataset.history.time_zone
    first, since, today = await database.fetch_row(DAYS, {"zone": zone, "dataset": query.dataset.name})
    has_gaps = any(each["gaps"] for each in histories.values())
    days = _days(query.days, (since if has_gaps and since is not None else first) or today, today)
    asked = replace(query, days=days, newest_day=today)
    periods = periods_of(asked) if asked.grain is not None or asked.compare is not None else ()
    wanted = [(_label(each.days, asked), each.days, each.compared) for each in periods] or [(days.end, days, None)]
    if len(wanted) > MAX_POINTS:
        raise refused_parameter("start", f"at most {MAX_POINTS:,} periods", str(days.start))
    ends = [min(each.end, today) for _, each, _ in wanted]
    before = [max(date.min, each.end) if each is not None else date.min for _, _, each in wanted]
    numbers = await _files(database, [*ends, *before], zone)
    latest = numbers if query.as_of is None else [min(number, query.as_of) for number in numbers]
    now, earlier = latest[: len(ends)], latest[len(ends) :]
    why = why_unknown(datasets, histories, min(now))
    if why is not None:
        raise refused_parameter("start", why, str(days.start))
    known = [why_unknown(datasets, histories, number) is None for number in earlier]
    points = tuple(
        Point(label, file, number if compared is not None and is_known else None)
        for (label, _, compared), file, number, is_known in zip(wanted, now, earlier, known, strict=True)
    )
    return replace(asked, points=points)


def _days(asked: DayRange | None, first: date, today: date) -> DayRange:
    """The range, whose open ends are those of the calendar, within the days that there were."""
    start = first if asked is None or asked.start == date.min else asked.start
    end = today if asked is None else min(asked.end, today)
    return DayRange(min(start, end), end)


def _label(days: DayRange, query: MetricQuery) -> date:
    return days.end if query.grain is None else period_of(days.start, query.grain).start


async def _files(database: Database, days: Sequence[date], zone: str) -> list[int]:
    found: list[Any] = await database.fetch_value(FILES, {"days": [min(day, _LAST) for day in days], "zone": zone})
    return found


_LAST = date.max - timedelta(days=1)
