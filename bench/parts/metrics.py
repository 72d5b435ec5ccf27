"""Metrics of a dropped dataset: keeping the pre-aggregates, and questions to them, to the records and to DuckDB."""

import json
import subprocess
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from statistics import median

from bench.comparing import seconds, spread
from bench.part import Bench, Part
from bench.peers import Environment
from bench.results import Cell, Column, Findings, Table, Target
from logistics_api.querying.metric_query import MetricQuery
from logistics_api.querying.metric_sql import Parameters, statement
from logistics_api.querying.planner import Plan, Source, plan
from logistics_core.catalogue import Catalogue, Dataset
from logistics_core.metrics.defaults import metrics_of
from logistics_core.metrics.paths import read_path
from logistics_core.metrics.periods import Comparison, DayRange, Grain
from logistics_core.metrics.rollups import StoredRollup, contents_of, from_document
from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.contracts.accepting import accept_contract
from logistics_pipeline.contracts.retiring import retire_dataset
from logistics_pipeline.contracts.texts import contract_of_file
from logistics_pipeline.database.contracts import catalogue_in_force

_CONTRACT = Path(__file__).parent.parent / "contracts" / "metrics" / "deliveries.yaml"
_RECORDS = 10_000_000
_FIRST_DAY, _DAYS = date(2024, 1, 1), 730
_REPETITIONS = 5
_YEAR = DayRange(date(2025, 1, 1), date(2025, 12, 31))
WANTED_MILLISECONDS = 30
WANTED_DAY_SHARE = 200

_FILL = """
    INSERT INTO raw.deliveries
        (delivery, delivered_on, depot, carrier, express, customer, weight, price, file_id, record_no)
    SELECT
        %(first)s + n, %(day)s::date + (n %% %(days)s)::int, 'depot ' || n * 7 %% 12,
        CASE WHEN n %% 50 > 0 THEN 'carrier ' || n * 11 %% 9 END, n %% 3 = 0, 'C' || n * 31 %% 50000,
        CASE WHEN n %% 20 > 0 THEN (n * 13 %% 9000) / 10.0 END, (n * 17 %% 90000) / 100.0, %(file)s, n + 1
    FROM generate_series(0, %(records)s - 1) AS n
"""


@dataclass(frozen=True)
class _Question:
    title: str
    metrics: tuple[str, ...]
    sql: str
    """The same for DuckDB."""
    by: tuple[str, ...] = ()
    grain: Grain | None = None
    compare: Comparison | None = None


_IN_YEAR = "delivered_on BETWEEN '2025-01-01' AND '2025-12-31'"
_QUESTIONS = (
    _Question(
        "revenue and deliveries by day and depot, 365 days",
        ("revenue", "deliveries_made"),
        f"SELECT delivered_on, depot, sum(price), count(*) FROM deliveries WHERE {_IN_YEAR} GROUP BY ALL ORDER BY ALL",
        by=("depot",),
        grain=Grain.DAY,
    ),
    _Question(
        "by month and carrier, with the month before",
        ("revenue", "avg_weight"),
        "SELECT *, lag(r) OVER (PARTITION BY carrier ORDER BY m) FROM (SELECT date_trunc('month', delivered_on) AS m, "
        "carrier, sum(price) AS r, avg(weight) AS w FROM deliveries WHERE delivered_on BETWEEN '2024-12-01' AND "
        "'2025-12-31' GROUP BY ALL) ORDER BY ALL",
        by=("carrier",),
        grain=Grain.MONTH,
        compare=Comparison.PREVIOUS,
    ),
    _Question(
        "distinct customers by month",
        ("customers",),
        f"SELECT date_trunc('month', delivered_on) AS m, count(DISTINCT customer) FROM deliveries WHERE {_IN_YEAR} "
        "GROUP BY ALL ORDER BY ALL",
        grain=Grain.MONTH,
    ),
    _Question(
        "distinct customers of the year by depot",
        ("customers",),
        f"SELECT depot, count(DISTINCT customer) FROM deliveries WHERE {_IN_YEAR} GROUP BY ALL ORDER BY ALL",
        by=("depot",),
    ),
    _Question(
        "90 % of the weights by depot",
        ("p90_weight",),
        f"SELECT depot, quantile_disc(weight, 0.9) FROM deliveries WHERE {_IN_YEAR} GROUP BY ALL ORDER BY ALL",
        by=("depot",),
    ),
)

_KEEPING = [
    Column("records", "count"),
    Column("rollups", "count"),
    Column("their rows", "count"),
    Column("all days anew, s", "seconds"),
    Column("one more day, s", "seconds"),
    Column("from–to", "text"),
    Column("all days / one day", "ratio"),
]
_ANSWERS = [
    Column("question", "text"),
    Column("runs", "count"),
    Column("from the rollup, ms", "ms"),
    Column("from–to", "text"),
    Column("error", "text"),
    Column("from the records (plain GROUP BY), ms", "ms"),
    Column("DuckDB on Parquet, ms", "ms"),
]


def _measure(bench: Bench) -> Findings:
    contract = contract_of_file(_CONTRACT)
    accept_contract(bench.database.connection, contract, accepted_by="benchmark")
    try:
        return _measured(bench, contract.dataset)
    finally:
        bench.database.reset()
        retire_dataset(bench.database.connection, contract.name, retired_by="benchmark")


def _measured(bench: Bench, dataset: Dataset) -> Findings:
    records, repetitions = bench.records(_RECORDS), bench.repetitions(_REPETITIONS)
    bench.database.reset()
    bench.say(f"{records:,} records over {_DAYS} days")
    _fill(bench, records, 0, _FIRST_DAY, _DAYS)
    full = seconds(lambda: refresh(bench.database.url, full=True))
    bench.say("one more day")
    days = []
    for number in range(3):
        _fill(bench, records // _DAYS, records + number * records, _FIRST_DAY + timedelta(_DAYS + number), 1)
        days.append(seconds(lambda: refresh(bench.database.url)))
    one_day = spread(days)
    stored = _stored(bench, dataset)
    keeping: list[Cell] = [
        records, len(stored), sum(each.rows for each in stored), full, one_day.median, str(one_day),
        full / one_day.median,
    ]  # fmt: skip
    bench.say("questions")
    others = _duckdb(bench, repetitions)
    rows = [_ask(bench, dataset, stored, question, repetitions, others) for question in _QUESTIONS]
    first = rows[0][2]
    assert isinstance(first, float)
    targets = [
        Target("by day and one dimension, 365 days, from the rollup", "ms", "at most", WANTED_MILLISECONDS, first),
        Target("all days against one", "ratio", "at least", WANTED_DAY_SHARE, full / one_day.median),
    ]
    return Findings(
        [Table("Keeping pre-aggregates", _KEEPING, [keeping]), Table("Questions", _ANSWERS, rows)],
        targets if bench.scale == 1 else [],
    )


def _fill(bench: Bench, records: int, first: int, day: date, days: int) -> None:
    """Rows as a load leaves them, made by the server: how they come in is measured elsewhere."""
    connection = bench.database.connection
    with connection.transaction():
        row = connection.execute(
            "INSERT INTO ingest.files (dataset, path, size_bytes, modified_ns, state, records_read, records_loaded) "
            "VALUES ('deliveries', %s, 1, 1, 'loaded', %s, %s) RETURNING file_id",
            (f"deliveries/{first}.csv", records, records),
        ).fetchone()
        assert row is not None
        values = {"first": first, "day": day, "days": days, "file": row[0], "records": records}
        connection.execute(_FILL.encode(), values)
        connection.execute(
            "INSERT INTO ingest.batches (file_id, records, stale_days, merged) VALUES (%s, %s, %s, true)",
            (row[0], records, [day + timedelta(offset) for offset in range(days)]),
        )


def _stored(bench: Bench, dataset: Dataset) -> list[StoredRollup]:
    found = bench.database.connection.execute(
        "SELECT table_name, document, rows FROM analytics.rollups WHERE dataset = %s AND replaced_at IS NULL",
        (dataset.name,),
    ).fetchall()
    rollups = ((table, from_document(document, contents_of(dataset)), rows) for table, document, rows in found)
    return [StoredRollup(table, rollup, rows) for table, rollup, rows in rollups if rollup is not None]


def _ask(
    bench: Bench,
    dataset: Dataset,
    stored: list[StoredRollup],
    question: _Question,
    repetitions: int,
    others: dict[str, float],
) -> list[Cell]:
    catalogue = catalogue_in_force(bench.database.connection)
    query = MetricQuery(
        dataset,
        tuple(each for each in metrics_of(dataset) if each.name in question.metrics),
        by=tuple(read_path(name, dataset, catalogue) for name in question.by),
        grain=question.grain,
        days=_YEAR,
        compare=question.compare,
        limit=10_000,
    )
    chosen = plan(query, stored)
    from_rollup = spread(_milliseconds(bench, query, chosen, catalogue, repetitions))
    rows = Plan(Source.ROWS, None, {})
    from_rows = median(_milliseconds(bench, replace(query, exact=True), rows, catalogue, max(1, repetitions // 2)))
    error = max((chosen.error_of(metric, query) or 0 for metric in query.metrics), default=0)
    answered = from_rollup.median if chosen.source is Source.ROLLUP else None
    return [
        question.title, repetitions, answered, str(from_rollup), f"≈ {error:.1%}" if error else "exact", from_rows,
        others.get(question.title),
    ]  # fmt: skip


def _milliseconds(
    bench: Bench, query: MetricQuery, chosen: Plan, catalogue: Catalogue, repetitions: int
) -> list[float]:
    parameters = Parameters()
    text = statement(query, chosen, catalogue, parameters)
    connection = bench.database.connection
    connection.execute(text, parameters.values).fetchall()  # what is not in memory yet
    return [1000 * seconds(lambda: connection.execute(text, parameters.values).fetchall()) for _ in range(repetitions)]


def _duckdb(bench: Bench, repetitions: int) -> dict[str, float]:
    """Milliseconds by question."""
    environment = Environment("duckdb_sniff", "DuckDB", "duckdb")
    environment.install()
    source, target = bench.folder / "deliveries.csv", bench.folder / "deliveries.parquet"
    columns = "delivered_on, depot, carrier, express, customer, weight, price"
    export = f"COPY (SELECT {columns} FROM raw.deliveries) TO STDOUT (FORMAT csv, HEADER)"
    with source.open("wb") as file, bench.database.connection.cursor() as cursor, cursor.copy(export) as copy:
        for chunk in copy:
            file.write(chunk)
    command = [environment.python, Path(__file__).parent.parent / "peers" / "duckdb_groups.py", source, target]
    done = subprocess.run(
        [*map(str, command), str(repetitions)],
        input=json.dumps({question.title: question.sql for question in _QUESTIONS}),
        capture_output=True,
        text=True,
        check=True,
    )
    source.unlink()
    target.unlink()
    return {name: 1000 * median(times) for name, times in json.loads(done.stdout).items()}


PART = Part(
    "metrics",
    "Metrics",
    f"""\
A dataset of a contract with {_RECORDS:,} records over {_DAYS} days, six of its eight fields dimensions or measures.
*All days anew* is `logistics refresh --full` of it; *one more day* the refresh after another 1/{_DAYS} of the records
has arrived. The questions are those that the API asks, timed at the client of the database: once of the
pre-aggregates, once of the records, which is the `GROUP BY` that anybody would write, and by DuckDB of a Parquet file
of the same records.""",
    _measure,
)
