"""What evaluating rules takes, and what a worker takes that has nothing to do."""

import os
import subprocess
import sys
import time

import psutil  # type: ignore[import-untyped]

from bench.comparing import spread
from bench.part import Bench, Part
from bench.results import Cell, Column, Findings, Table, Target
from logistics_core.alert_rules.reading import rule_of_document
from logistics_core.alert_rules.rules import Rule
from logistics_core.catalogue import Catalogue
from logistics_pipeline.alerting.evaluating import evaluate
from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.database.connections import Connection, connect
from logistics_pipeline.database.contracts import catalogue_in_force

_SUBJECTS = 10_000
_DAYS = 30
_IDLE_SECONDS = 60
_WANTED_SECONDS, _WANTED_CPU, _WANTED_MIB = 1.0, 0.5, 60.0

_RECORDS = """
INSERT INTO raw.vehicle_logs (log_id, vehicle_id, trip_date, mileage, fuel_used, file_id, record_no)
SELECT 'L' || subject || '-' || day, 'V' || subject, date '2026-01-01' + day, 100 + subject %% 7, 10, %(file_id)s,
    subject * 100 + day
FROM generate_series(1, %(subjects)s) AS subject CROSS JOIN generate_series(1, %(days)s) AS day
"""


def _measure(bench: Bench) -> Findings:
    subjects = round(_SUBJECTS * bench.scale)
    url = bench.database.url
    with connect(url) as connection:
        _fill(connection, subjects)
        refresh(url, full=True)
        catalogue = catalogue_in_force(connection)
        rows = [
            _row("no vehicle fires", connection, catalogue, _rule(connection, above=1_000_000), subjects),
            _row("the same again, all firing", connection, catalogue, _rule(connection, above=1), subjects),
        ]
    bench.say("an idle worker")
    cpu, memory = _idle(url)
    seconds = max(float(row[3]) for row in rows if row[3] is not None)
    return Findings(
        [
            Table(
                "A rule about each of so many vehicles",
                [
                    Column("what", "text"), Column("subjects", "count"), Column("first look, seconds", "seconds"),
                    Column("further looks, seconds", "seconds"),
                ],
                rows,
            ),
            Table(
                f"A worker that has nothing to do, over {_IDLE_SECONDS} seconds",
                [Column("of one core, %", "percent"), Column("memory, MiB", "MiB")],
                [[cpu, memory]],
            ),
        ],
        [
            Target(f"{_SUBJECTS:,} subjects of a rule, a further look", "seconds", "at most", _WANTED_SECONDS, seconds),
            Target("idle worker: share of a core", "percent", "at most", _WANTED_CPU, cpu),
            Target("idle worker: memory", "MiB", "at most", _WANTED_MIB, memory),
        ],
        [],
    )  # fmt: skip


def _fill(connection: Connection, subjects: int) -> None:
    row = connection.execute(
        "INSERT INTO ingest.files "
        "(path, version, state, dataset, size_bytes, modified_ns, records_read, records_loaded) VALUES "
        "('vehicle_logs.json', 1, 'loaded', 'vehicle_logs', 1, 1, %(rows)s, %(rows)s) RETURNING file_id",
        {"rows": subjects * _DAYS},
    ).fetchone()
    assert row is not None
    connection.execute(_RECORDS, {"subjects": subjects, "days": _DAYS, "file_id": row[0]})


def _rule(connection: Connection, *, above: float) -> Rule:
    connection.execute(
        "INSERT INTO alert.rules (name, definition, origin) VALUES ('bench', '{}', 'file') ON CONFLICT DO NOTHING"
    )
    watch = {"kind": "metric", "dataset": "vehicle_logs", "metric": "distance", "by": ["vehicle_id"], "over": 7}
    return rule_of_document({"title": "Far", "watch": watch, "when": {"above": above}, "groupBy": ["rule"]}, "bench")


def _row(what: str, connection: Connection, catalogue: Catalogue, rule: Rule, subjects: int) -> list[Cell]:
    times = []
    for _ in range(4):
        began = time.perf_counter()
        found = evaluate(connection, catalogue, rule, lambda *_: None)
        times.append(time.perf_counter() - began)
        assert found.error is None and found.subjects == subjects, found
    return [what, subjects, times[0], spread(times[1:]).median]


def _idle(url: str) -> tuple[float, float]:
    """Share of one core in percent, and resident memory in MiB, of a worker in its second minute."""
    variables = os.environ | {"LOGISTICS_DATABASE_URL": url}
    with subprocess.Popen(
        [sys.executable, "-m", "logistics_pipeline.worker"], env=variables, stderr=subprocess.DEVNULL
    ) as worker:
        try:
            time.sleep(_IDLE_SECONDS)
            process = psutil.Process(worker.pid)
            before = sum(process.cpu_times()[:2])
            time.sleep(_IDLE_SECONDS)
            used = sum(process.cpu_times()[:2]) - before
            return 100 * used / _IDLE_SECONDS, process.memory_info().rss / 2**20
        finally:
            worker.terminate()


PART = Part(
    "alerts",
    "Alerts",
    """\
A rule watches a metric of each of 10,000 vehicles over seven days. The first look reads the figures and, where all
fire, opens 10,000 incidents; further looks find everything as it was, and write the time of the look. CPU and memory of
the worker are those of its second minute, with all built-in rules and nothing to do.""",
    _measure,
)
