"""What evaluating rules takes, how long until messages are delivered, and what an idle worker takes."""

import time

import psutil  # type: ignore[import-untyped]

from bench.alert_deliveries import delivering
from bench.comparing import spread
from bench.database import another_database
from bench.part import Bench, Part
from bench.results import Cell, Column, Findings, Table, Target
from bench.webhook_rate import WANTED_SECONDS, declared_receiver, send_many, webhooks_of
from bench.workers import running_worker
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
_WANTED_EVALUATION, _WANTED_CPU, _WANTED_MIB = 1.0, 0.5, 60.0
_REFRESHES, _BROKEN_FILES, _SENDINGS = 100, 20, 3
_WANTED_AFTER_REFRESH_MS, _WANTED_AFTER_FILE_SECONDS = 250.0, 2.0

Measured = tuple[Table, list[Target]]

_RECORDS = """
INSERT INTO raw.vehicle_logs (log_id, vehicle_id, trip_date, mileage, fuel_used, file_id, record_no)
SELECT 'L' || subject || '-' || day, 'V' || subject, date '2026-01-01' + day, 100 + subject %% 7, 10, %(file_id)s,
    subject * 100 + day
FROM generate_series(1, %(subjects)s) AS subject CROSS JOIN generate_series(1, %(days)s) AS day
"""


def _measure(bench: Bench) -> Findings:
    parts = [_delivering(bench), _sending(bench), _evaluating(bench), _idling(bench)]
    return Findings([table for table, _ in parts], [target for _, targets in parts for target in targets])


def _delivering(bench: Bench) -> Measured:
    refreshes, files = (max(10, round(count * bench.scale)) for count in (_REFRESHES, _BROKEN_FILES))
    bench.say(f"{refreshes} refreshes and {files} broken files, each until its message is received")
    with delivering(bench) as times:
        after_refresh = sorted(1_000 * times.after_refresh() for _ in range(refreshes))
        after_file = sorted(1_000 * times.after_broken_file() for _ in range(files))
    p99, longest = after_refresh[int(refreshes * 0.99)], after_file[-1]
    rows: list[list[Cell]] = [
        [what, len(found), found[len(found) // 2], found[int(len(found) * 0.99)]]
        for what, found in (
            ("commit of a refresh, a rule about a metric", after_refresh),
            ("a file that is loaded and fails", after_file),
        )
    ]
    columns = [Column("from", "text"), Column("times", "count"), Column("median, ms", "ms"), Column("99 %, ms", "ms")]
    return Table("Until the message is received, by a webhook", columns, rows), [
        Target("commit of a refresh to delivered, 99 %", "ms", "at most", _WANTED_AFTER_REFRESH_MS, p99),
        Target(
            "failed file to delivered, the longest", "seconds", "at most", _WANTED_AFTER_FILE_SECONDS, longest / 1_000
        ),
    ]


def _sending(bench: Bench) -> Measured:
    url, count = bench.database.url, webhooks_of(bench)
    bench.say(f"{count:,} webhooks")
    with declared_receiver(url):
        found = [send_many(url, count, f"alerts {run}") for run in range(bench.repetitions(_SENDINGS))]
    seconds, cpu = spread([each.seconds for each in found]), spread([each.cpu_seconds for each in found])
    columns = [
        Column("webhooks", "count"), Column("runs", "count"), Column("seconds", "seconds"), Column("from–to", "text"),
        Column("of it CPU, receiver included", "seconds"),
    ]  # fmt: skip
    rows: list[list[Cell]] = [[count, len(found), seconds.median, str(seconds), cpu.median]]
    return Table("Webhooks that wait, sent by one worker", columns, rows), [
        Target(f"{count:,} webhooks by one worker", "seconds", "at most", WANTED_SECONDS, seconds.median)
    ]


def _evaluating(bench: Bench) -> Measured:
    subjects, url = round(_SUBJECTS * bench.scale), bench.database.url
    bench.say(f"a rule about each of {subjects:,} vehicles")
    bench.database.reset()  # a rule watches no more than these
    with connect(url) as connection:
        _fill(connection, subjects)
        refresh(url, full=True)
        catalogue = catalogue_in_force(connection)
        rows = [
            _row("no vehicle fires", connection, catalogue, _rule(connection, above=1_000_000), subjects),
            _row("the same again, all firing", connection, catalogue, _rule(connection, above=1), subjects),
        ]
    seconds = max(float(row[3]) for row in rows if row[3] is not None)
    columns = [
        Column("what", "text"), Column("subjects", "count"), Column("first look, seconds", "seconds"),
        Column("further looks, seconds", "seconds"),
    ]  # fmt: skip
    return Table("A rule about each of so many vehicles", columns, rows), [
        Target(f"{subjects:,} subjects of a rule, a further look", "seconds", "at most", _WANTED_EVALUATION, seconds)
    ]


def _idling(bench: Bench) -> Measured:
    bench.say("an idle worker")
    cpu, memory = _idle(another_database(bench.database, "idle_worker"))
    title = f"A worker that has nothing to do, over {_IDLE_SECONDS} seconds"
    return Table(title, [Column("of one core, %", "percent"), Column("memory, MiB", "MiB")], [[cpu, memory]]), [
        Target("idle worker: share of a core", "percent", "at most", _WANTED_CPU, cpu),
        Target("idle worker: memory", "MiB", "at most", _WANTED_MIB, memory),
    ]


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
    with running_worker(url) as worker:
        time.sleep(_IDLE_SECONDS)
        process = psutil.Process(worker)
        before = sum(process.cpu_times()[:2])
        time.sleep(_IDLE_SECONDS)
        used = sum(process.cpu_times()[:2]) - before
        return 100 * used / _IDLE_SECONDS, process.memory_info().rss / 2**20


PART = Part(
    "alerts",
    "Alerts",
    """\
A worker with a rule about a metric and one webhook: a file is loaded, and the clock runs from the commit of the refresh
by which the rule begins or ceases to fire until the receiver has the message. Then from before the load of a file that
ends too early until its failure is received. Webhooks that wait are sent as in *Notifications*.

A rule watches a metric of each of 10,000 vehicles over seven days. The first look reads the figures and, where all
fire, opens 10,000 incidents; further looks find everything as it was, and write the time of the look. CPU and memory of
the worker are those of its second minute, with all built-in rules and nothing to do.""",
    _measure,
)
