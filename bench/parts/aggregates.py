"""What the analytics cost: all days anew, and one more day, beside a plain SELECT over the same rows."""

import shutil
from datetime import date, timedelta
from pathlib import Path
from statistics import median

from bench.comparing import seconds, spread
from bench.loading import load_path
from bench.part import Bench, Part
from bench.results import Cell, Column, Findings, Table, Target
from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.demo.generator import generate

WANTED_FULL_RATIO = 2.5
WANTED_DAY_SHARE = 200
_SIZES = (1_000_000, 10_000_000)
_DAY_RECORDS = 14_000
_FIRST_DAY, _DAYS = date(2024, 1, 1), 730
_REPETITIONS = 3

_PLAIN_SELECT = """
    SELECT log.trip_date, shipment.origin, shipment.destination,
        count(*), sum(shipment.cost), sum(shipment.weight), sum(shipment.delivery_time)
    FROM raw.vehicle_logs AS log JOIN raw.shipments AS shipment USING (log_id)
    GROUP BY 1, 2, 3
"""

_COLUMNS = [
    Column("logs and shipments, each", "count"),
    Column("runs", "count"),
    Column("plain SELECT, s", "seconds"),
    Column("all days anew, s", "seconds"),
    Column("of the SELECT", "ratio"),
    Column("one more day, s", "seconds"),
    Column("from–to", "text"),
    Column("all days / one day", "ratio"),
]


def _measure(bench: Bench) -> Findings:
    rows: list[list[Cell]] = []
    targets: list[Target] = []
    for size in _SIZES:
        records, day_records = bench.records(size), max(100, round(_DAY_RECORDS * bench.scale))
        bench.say(f"{records:,} logs and {records:,} shipments over {_DAYS} days")
        bench.database.reset()
        _load(bench, bench.folder / "all", records, _FIRST_DAY, _DAYS)
        refresh(bench.database.url, full=True)
        repetitions = bench.repetitions(_REPETITIONS)
        bench.say("a plain SELECT and all days anew, in turns")
        rounds = [
            (seconds(lambda: bench.database.connection.execute(_PLAIN_SELECT)), _refresh_all(bench))
            for _ in range(repetitions)
        ]
        plain, full = (median(times) for times in zip(*rounds, strict=True))
        ratio = spread([full_seconds / plain_seconds for plain_seconds, full_seconds in rounds])
        bench.say("one more day")
        days = []
        for number in range(repetitions):
            day = _FIRST_DAY + timedelta(days=_DAYS + number)
            _load(bench, bench.folder / f"day{number}", day_records, day, 1, mark=f"{number}")
            days.append(seconds(lambda: refresh(bench.database.url)))
        one_day = spread(days)
        share = full / one_day.median
        rows.append([records, repetitions, plain, full, ratio.median, one_day.median, str(one_day), share])
        what = f"{records:,} logs and shipments: "
        targets = [  # promised of the largest: of few rows the result, one per day and route, is a large part
            Target(f"{what}all days anew against a plain SELECT", "ratio", "at most", WANTED_FULL_RATIO, ratio.median),
            Target(f"{what}all days against one", "ratio", "at least", WANTED_DAY_SHARE, share),
        ]
    return Findings([Table("refresh", _COLUMNS, rows)], targets if bench.scale == 1 else [])


def _load(bench: Bench, folder: Path, records: int, first_day: date, days: int, mark: str = "") -> None:
    """Loads generated files; with a mark, under keys of their own."""
    made = generate(folder, logs=records, shipments=records, bad_every=None, first_day=first_day, days=days)
    for file in made:
        if file.dataset == "vehicles":
            file.path.unlink()
        elif mark:
            text = file.path.read_text().replace('"LOG-', f'"LOG-{mark}-').replace('"SHP-', f'"SHP-{mark}-')
            file.path.write_text(text)
    load_path(bench, folder, 2 * records, 2 * records)
    shutil.rmtree(folder)


def _refresh_all(bench: Bench) -> float:
    return seconds(lambda: refresh(bench.database.url, full=True))


PART = Part(
    "aggregates",
    "The analytics",
    f"""\
The plain SELECT joins and groups all rows by day and route, with as many workers as the server gives it, and
returns its result to the client. *All days anew* is `logistics refresh --full`; *one more day* is the refresh after
loading files with one further day of {_DAY_RECORDS:,} logs and {_DAY_RECORDS:,} shipments.""",
    _measure,
)
