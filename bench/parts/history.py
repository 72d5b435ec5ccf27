"""Earlier versions of records: what keeping them costs, beside closing and inserting versions, and asking for them."""

from collections.abc import Callable
from functools import partial
from statistics import median

from psycopg import sql

from bench.comparing import cpu_ratios, in_turns, rate_ratios, seconds, spread
from bench.datasets import SHIPMENTS
from bench.loading import Run, load_sample
from bench.part import Bench, Part
from bench.processes import cpu_seconds
from bench.results import Cell, Column, Findings, Table, Target
from bench.samples import Sample, make_sample, redeliver
from logistics_core import versions
from logistics_pipeline import ledger
from logistics_pipeline.migrations.history_tables import drop_history_table, keep_history

_KEYS = 100_000
_VERSIONS = 5
_REPETITIONS = 5
_QUESTIONS = 9
WANTED_SHARE = 1 / 3
WANTED_MILLISECONDS = 150

_PEER = """
DROP SCHEMA IF EXISTS peer CASCADE;
CREATE SCHEMA peer;
CREATE TABLE peer.versions (LIKE raw.shipments, valid_from integer NOT NULL, valid_to integer);
ALTER TABLE peer.versions ADD PRIMARY KEY (shipment_id, valid_from);
CREATE UNIQUE INDEX current ON peer.versions (shipment_id) WHERE valid_to IS NULL;
CREATE TABLE peer.kept (LIKE history.shipments INCLUDING INDEXES);
CREATE TABLE peer.delivery (LIKE raw.shipments);
"""
"""Versions that are closed and inserted, as snapshots of dbt are, beside a table like that of superseded records."""
_DELIVER = """
TRUNCATE peer.delivery;
INSERT INTO peer.delivery SELECT * FROM raw.shipments;
UPDATE peer.delivery SET file_id = %(file)s;
"""
_CLOSE = """
UPDATE peer.versions SET valid_to = %(file)s FROM peer.delivery
WHERE versions.shipment_id = delivery.shipment_id AND valid_to IS NULL
"""
_INSERT = "INSERT INTO peer.versions SELECT delivery.*, %(file)s, NULL FROM peer.delivery"
_APPEND = "INSERT INTO peer.kept SELECT delivery.*, 0 FROM peer.delivery"
_SIZE = "SELECT pg_total_relation_size(%s::regclass) / 1048576.0"

_WRITING = [
    Column("way", "text"),
    Column("rows", "count"),
    Column("runs", "count"),
    Column("s per 100,000", "seconds"),
    Column("MiB for 5 versions", "MiB"),
]
_LOADING = [
    Column("load", "text"),
    Column("records", "count"),
    Column("runs", "count"),
    Column("without history, rows/s", "rate"),
    Column("with history, rows/s", "rate"),
    Column("with / without", "ratio"),
    Column("from–to", "text"),
    Column("CPU with / without", "ratio"),
]
_ASKING = [
    Column("question", "text"),
    Column("runs", "count"),
    Column("as of a file, CPU ms", "ms"),
    Column("as of a file, ms", "ms"),
    Column("closed versions, ms", "ms"),
    Column("now, ms", "ms"),
]


def _measure(bench: Bench) -> Findings:
    keys = bench.records(_KEYS)
    sample = make_sample(bench.folder, SHIPMENTS, keys)
    try:
        loading = _loads(bench, sample)
        writing, share = _writes(bench, keys)
        asking, milliseconds = _questions(bench)
    finally:
        _forget(bench)
        bench.database.connection.execute("DROP SCHEMA IF EXISTS peer CASCADE")
        sample.remove()
    share_target = Target(f"{keys:,} versions appended / closed and inserted", "ratio", "at most", WANTED_SHARE, share)
    what = f"{keys:,} keys × {_VERSIONS} versions as of a file, CPU"
    targets = [share_target, Target(what, "ms", "at most", WANTED_MILLISECONDS, milliseconds)]
    return Findings(
        [
            Table("What history adds to a load", _LOADING, loading),
            Table("Writing versions", _WRITING, writing),
            Table(f"Asking for {keys:,} keys × {_VERSIONS} versions", _ASKING, asking),
        ],
        targets,
    )


def _forget(bench: Bench) -> None:
    bench.database.reset()
    drop_history_table(bench.database.connection, SHIPMENTS.name)


def _keep(bench: Bench) -> None:
    _forget(bench)
    keep_history(bench.database.connection, SHIPMENTS)


def _load_after(bench: Bench, sample: Sample, begin: Callable[[Bench], None], deliveries: int) -> Run:
    """Loads a file after so many deliveries of the same records."""
    begin(bench)
    last = sample
    for _ in range(deliveries):
        load_sample(bench, last)
        last = redeliver(sample)
    bench.database.connection.execute("CHECKPOINT")
    return load_sample(bench, last)


def _loads(bench: Bench, sample: Sample) -> list[list[Cell]]:
    """New keys, then a second delivery of them, without history and with it. Leaves five versions of each key."""
    repetitions = bench.repetitions(_REPETITIONS)
    rows: list[list[Cell]] = []
    for title, begins in (("new keys", 0), ("every key loaded before", 1)):
        bench.say(f"loads: {title}")

        contenders = [partial(_load_after, bench, sample, begin, begins) for begin in (_forget, _keep)]
        without, with_ = in_turns(contenders, repetitions)
        ratio = rate_ratios(with_, without)
        rows.append(
            [
                title,
                sample.records,
                repetitions,
                median(run.rate for run in without),
                median(run.rate for run in with_),
                ratio.median,
                str(ratio),
                cpu_ratios(with_, without).median,
            ]
        )
    for number in range(2, _VERSIONS):
        load_sample(bench, redeliver(sample, f"again-{number}"))
    return rows


def _writes(bench: Bench, keys: int) -> tuple[list[list[Cell]], float]:
    """Five deliveries of every key: each version appended, and the one before closed and the new one inserted."""
    connection, repetitions = bench.database.connection, bench.repetitions(_REPETITIONS)
    appended, closed = list[float](), list[float]()
    for repetition in range(repetitions):
        bench.say(f"versions: run {repetition + 1} of {repetitions}")
        connection.execute(_PEER.encode())
        for file_id in range(1, _VERSIONS + 1):
            for statement in _DELIVER.split(";")[:-1]:
                connection.execute(statement.encode(), {"file": file_id} if "%(" in statement else None)
            connection.execute("CHECKPOINT")
            append = seconds(lambda: connection.execute(_APPEND))

            def close(file_id: int = file_id) -> None:
                with connection.transaction():
                    connection.execute(_CLOSE, {"file": file_id})
                    connection.execute(_INSERT, {"file": file_id})

            connection.execute("CHECKPOINT")
            close_and_insert = seconds(close)
            if file_id > 1:  # the first version closes nothing
                appended.append(append)
                closed.append(close_and_insert)
    ratio = spread([one / other for one, other in zip(appended, closed, strict=True)])
    connection.execute("VACUUM ANALYZE peer.versions")
    scale = 100_000 / keys
    rows: list[list[Cell]] = [
        [way, keys, len(taken), median(taken) * scale, float(bench.database.value(_SIZE, table))]
        for way, taken, table in (
            ("appended", appended, "peer.kept"),
            ("closed and inserted", closed, "peer.versions"),
        )
    ]
    return rows, ratio.median


def _questions(bench: Bench) -> tuple[list[list[Cell]], float]:
    """The third of five files: every key has a newer version and older ones."""
    connection = bench.database.connection
    connection.execute("VACUUM ANALYZE raw.shipments")
    connection.execute("VACUUM ANALYZE history.shipments")
    files = [file.file_id for file in ledger.files_in_order(connection)]
    file = sql.Literal(files[_VERSIONS // 2])
    known = _relations(file, versions.as_of)
    by_key = _relations(file, versions.as_of_by_key)
    key = bench.database.value("SELECT shipment_id FROM raw.shipments ORDER BY shipment_id LIMIT 1 OFFSET 777")
    questions = (
        ("sum of all rows", "SELECT sum(cost), count(*) FROM {} AS page", known),
        ("by origin", "SELECT origin, sum(cost), avg(weight) FROM {} AS page GROUP BY 1", known),
        ("a page of 100 rows by key", "SELECT * FROM {} AS page ORDER BY shipment_id LIMIT 101", by_key),
        ("one key", f"SELECT * FROM {{}} AS page WHERE shipment_id = '{key}'", by_key),
    )
    runs = bench.repetitions(_QUESTIONS)
    rows: list[list[Cell]] = []
    for title, text, relations in questions:
        bench.say(f"question: {title}")
        statements = [sql.SQL(text).format(relation) for relation in relations]
        times: list[list[float]] = [[] for _ in statements]
        for _ in range(runs):
            for number, statement in enumerate(statements):
                times[number].append(1000 * seconds(partial(_fetch, bench, statement)))
        rows.append([title, runs, _cpu_milliseconds(bench, statements[0], runs), *(median(each) for each in times)])
    first = rows[0][2]
    assert isinstance(first, float)
    return rows, first


def _cpu_milliseconds(bench: Bench, statement: sql.Composed, runs: int) -> float:
    """What a statement takes of one server process: its clock says more of a machine that does other things."""
    connection = bench.database.connection
    connection.execute("SET max_parallel_workers_per_gather = 0")
    since = cpu_seconds(connection.info.backend_pid)
    for _ in range(runs):
        _fetch(bench, statement)
    taken = cpu_seconds(connection.info.backend_pid) - since
    connection.execute("RESET max_parallel_workers_per_gather")
    return 1000 * taken / runs


def _fetch(bench: Bench, statement: sql.Composed) -> None:
    bench.database.connection.execute(statement).fetchall()


def _relations(file: sql.Literal, form: Callable[..., sql.Composable]) -> tuple[sql.Composable, ...]:
    """The rows as of a file, the same of versions that are closed, and the rows as they are now."""
    closed = sql.SQL(
        "(SELECT * FROM peer.versions WHERE valid_from <= {at} AND (valid_to > {at} OR valid_to IS NULL))"
    ).format(at=sql.Literal(_VERSIONS // 2 + 1))
    return form(SHIPMENTS, file), closed, sql.Identifier("raw", "shipments")


PART = Part(
    "history",
    "Earlier versions",
    f"""\
{_KEYS:,} shipments, each in {_VERSIONS} versions, by as many files. The loader's own runs come first: new keys, and a
second delivery in which every record supersedes one that is kept. Then versions alone: appended, as superseded records
are, and in the way of snapshots, where the version before is closed and the new one inserted; at most a third of the
time is wanted. At last questions about what there was as of the third file, beside the same to closed versions and to
the rows as they are now; all keys are to take at most {WANTED_MILLISECONDS} ms of the CPU.""",
    _measure,
)
