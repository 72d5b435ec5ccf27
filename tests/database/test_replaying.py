"""Rejects that are replayed end as if their records had been good from the start, once, whatever happens meanwhile."""

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from logistics_core.sql_files import read_sql
from logistics_pipeline import ledger
from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.analytics.tables import TABLES
from logistics_pipeline.database.connections import Connection, with_database
from logistics_pipeline.errors import FileError, TransientError
from logistics_pipeline.files.folder import FoundFile
from logistics_pipeline.loading.contract.reject_kinds import reject_kind
from logistics_pipeline.loading.layouts import layout_from_json
from logistics_pipeline.loading.options import BatchLimits
from logistics_pipeline.loading.reject_limit import RejectLimit
from logistics_pipeline.loading.rejects import failed_files
from logistics_pipeline.loading.rejects.export_lines import export_line
from logistics_pipeline.loading.rejects.replay import replay_export, replay_stored
from logistics_pipeline.loading.rejects.replay_results import Replay
from tests.database.conftest import (
    Contents,
    FolderUnderTest,
    Interrupted,
    at_statement,
    every_trouble,
    raise_interrupted,
)
from tests.database.records import LAYOUTS, Record, as_array, as_csv, as_lines, log, shipment, vehicle
from tests.examples import few_or_all

Read = Callable[[], Contents]
Line = dict[str, Any]


@pytest.fixture
def mended(tmp_path: Path) -> Path:
    return tmp_path / "mended.ndjson"


def export(connection: Connection) -> list[Line]:
    """The unresolved rejects as `logistics rejects export` writes them."""
    return [
        json.loads(export_line(reject, layout_from_json(file.layout)))
        for file in ledger.files_with_rejects(connection)
        for reject in ledger.rejects(connection, file_id=file.file_id)
    ]


def mend(lines: Iterable[Line], **changes: object) -> list[Line]:
    return [line | {"record": line["record"] | changes} for line in lines]


def replay(folder: FolderUnderTest, path: Path, lines: Iterable[Line], **changes: Any) -> Replay:
    path.write_bytes(as_lines(list(lines)))
    return replay_export(folder.url, path, replace(folder.options, **changes))


def accounts(connection: Connection) -> list[tuple[int, int, int, int]]:
    """Read, loaded, superseded, rejected of every file; balanced, and true of what the tables hold."""
    files = ledger.files_in_order(connection)
    for file in files:
        assert file.is_balanced
        left = ledger.rejects(connection, file_id=file.file_id)
        assert file.records_rejected == sum(1 for _ in left)
    assert counted_kinds(connection) == recounted_kinds(connection)
    return [(f.records_read, f.records_loaded, f.records_superseded, f.records_rejected) for f in files]


def counted_kinds(connection: Connection) -> list[tuple[Any, ...]]:
    """The rejects by kind as the ledger counts them."""
    return connection.execute(
        "SELECT file_id, field, kind, count, first_record FROM ingest.reject_kinds WHERE count > 0 ORDER BY 1, 2, 3"
    ).fetchall()


def recounted_kinds(connection: Connection) -> list[tuple[Any, ...]]:
    """The same, counted in the rejects themselves."""
    counts = dict[tuple[int, str | None, str], list[int]]()
    for file_id, column, reason, number in connection.execute(
        "SELECT file_id, field, reason, record_no FROM ingest.rejects WHERE resolved_at IS NULL ORDER BY 1, 4"
    ):
        counts.setdefault((file_id, column, reject_kind(reason)), [0, number])[0] += 1
    return sorted(
        ((*kind, *found) for kind, found in counts.items()), key=lambda row: (row[0], row[1] is None, row[1], row[2])
    )


def vehicles(connection: Connection) -> list[tuple[Any, ...]]:
    return connection.execute(
        "SELECT vehicle_id, total_mileage, file_id, record_no FROM raw.vehicles ORDER BY 1"
    ).fetchall()


def resolved(connection: Connection) -> list[tuple[Any, ...]]:
    return connection.execute(
        "SELECT file_id, record_no, resolved_at IS NOT NULL, mended FROM ingest.rejects ORDER BY 1, 2"
    ).fetchall()


ALL = RejectLimit.parse("100%")


def bad(number: int) -> Record:
    return vehicle(number, total_mileage=-1)


# -- one replay ----------------------------------------------------------------------------------------------------


def test_a_mended_record_goes_in_under_its_own_number_and_its_reject_is_resolved(
    raw_folder: FolderUnderTest, connection: Connection, mended: Path
) -> None:
    raw_folder.drop_and_load("vehicles.json", [vehicle(1), bad(2), vehicle(3), bad(4)])

    done = replay(raw_folder, mended, mend(export(connection)[:1], total_mileage=2.50))

    assert (done.loaded, done.superseded, done.still_bad, done.is_clean) == (1, 0, 0, True)
    assert [(str(mileage), record_no) for _, mileage, _, record_no in vehicles(connection)] == [
        ("1001", 1),
        ("2.5", 2),
        ("1003", 3),
    ]
    assert accounts(connection) == [(4, 3, 0, 1)]
    assert resolved(connection) == [
        (1, 2, True, b'{"vehicle_id": "v2", "name": "Truck 2", "total_mileage": 2.5}'),
        (1, 4, False, None),
    ]


def test_what_was_accepted_is_passed_over_by_the_next_replay(
    raw_folder: FolderUnderTest, connection: Connection, mended: Path, contents: Read
) -> None:
    raw_folder.drop_and_load("vehicles.json", [bad(1), bad(2)])
    lines = mend(export(connection), total_mileage=7)
    replay(raw_folder, mended, lines)
    after_one = contents()

    again = replay(raw_folder, mended, mend(lines, total_mileage=8))

    assert (again.accepted, again.resolved_before, again.is_clean) == (0, 2, True)
    assert contents() == after_one


def test_a_reject_named_twice_goes_in_once(raw_folder: FolderUnderTest, connection: Connection, mended: Path) -> None:
    raw_folder.drop_and_load("vehicles.json", [bad(1), bad(2)])
    one, two = export(connection)

    done = replay(raw_folder, mended, [one, *mend([one], total_mileage=1), *mend([one, two], total_mileage=2)])

    assert (done.loaded, done.still_bad, done.resolved_before) == (2, 1, 1)
    assert [mileage for _, mileage, *_ in vehicles(connection)] == [1, 2]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ([bad(1), vehicle(1)], [], [(2, 1, 1, 0), (0, 0, 0, 0)]),
        ([vehicle(1), bad(1)], [], [(2, 1, 1, 0), (0, 0, 0, 0)]),
        ([bad(1), bad(1), bad(1)], [], [(3, 1, 2, 0), (0, 0, 0, 0)]),
        ([bad(1)], [vehicle(1)], [(1, 0, 1, 0), (1, 1, 0, 0)]),
        ([vehicle(1)], [bad(1)], [(1, 0, 1, 0), (1, 1, 0, 0)]),
        ([bad(1)], [bad(1)], [(1, 0, 1, 0), (1, 1, 0, 0)]),
    ],
)
def test_the_highest_record_wins_its_key_whichever_came_in_first(
    first: list[Record],
    second: list[Record],
    expected: list[tuple[int, ...]],
    raw_folder: FolderUnderTest,
    connection: Connection,
    mended: Path,
) -> None:
    raw_folder.drop_and_load("vehicles/a.json", first)
    raw_folder.drop_and_load("vehicles/b.json", second)

    replay(raw_folder, mended, mend(reversed(export(connection)), total_mileage=5))

    assert accounts(connection) == expected
    ((_, _, file_id, record_no),) = vehicles(connection)
    assert (file_id, record_no) == ((2, 1) if second else (1, len(first)))


def test_what_is_still_bad_stays_and_the_ledger_keeps_the_reason_of_its_raw_text(
    raw_folder: FolderUnderTest, connection: Connection, mended: Path
) -> None:
    raw_folder.drop_and_load("vehicles.json", [bad(1), bad(2)])

    done = replay(raw_folder, mended, mend(export(connection), total_mileage="much"))

    assert (done.accepted, done.still_bad, done.is_clean) == (0, 2, False)
    assert [(p.record_no, p.line_no, "must be a number" in p.reason) for p in done.problems] == [
        (1, 1, True),
        (2, 2, True),
    ]
    assert accounts(connection) == [(2, 0, 0, 2)]
    assert all("at least 0" in reject.reason for reject in ledger.rejects(connection))


def test_a_true_that_becomes_a_one_is_mended(raw_folder: FolderUnderTest, connection: Connection, mended: Path) -> None:
    raw_folder.drop_and_load("vehicles.json", [vehicle(1, total_mileage=True)])

    done = replay(raw_folder, mended, mend(export(connection), total_mileage=1))

    assert (done.loaded, [mileage for _, mileage, *_ in vehicles(connection)]) == (1, [1])


def test_digits_and_characters_go_through_an_export_unchanged(
    raw_folder: FolderUnderTest, connection: Connection, mended: Path
) -> None:
    name = 'tab\t, "quotes", back\\slash, line\nbreak, ümläut \u2028 北京'
    content = as_array([vehicle(1, name=name), vehicle(2)]).replace(b"1001", b"0.1000000000000000000000000000001")
    raw_folder.drop_and_load("vehicles.json", content.replace(b'"v1"', b"null"))
    file, (reject,) = ledger.file_by_id(connection, 1), ledger.rejects(connection)

    mended.write_bytes(
        export_line(reject, layout_from_json(file.layout)).replace(b'"vehicle_id": null', b'"vehicle_id": "v1"')
    )
    replay_export(raw_folder.url, mended, raw_folder.options)

    row = connection.execute("SELECT name, total_mileage::text FROM raw.vehicles WHERE vehicle_id = 'v1'").fetchone()
    assert row == (name, "0.1000000000000000000000000000001")


def test_broken_bytes_stay_broken_until_somebody_mends_them(
    raw_folder: FolderUnderTest, connection: Connection, mended: Path
) -> None:
    raw_folder.drop_and_load(
        "vehicles.ndjson", b'{"vehicle_id": "v1", "name": "Tr\xfcck \xc3\xbc", "total_mileage": -1}\n'
    )
    lines = export(connection)
    assert "raw_base64" in lines[0]

    half = replay(raw_folder, mended, mend(lines, total_mileage=1))
    whole = replay(raw_folder, mended, mend(lines, total_mileage=1, name="Trück"))

    assert (half.still_bad, "UTF-8" in half.problems[0].reason) == (1, True)
    assert (whole.loaded, accounts(connection)) == (1, [(1, 1, 0, 0)])


def test_fields_that_a_mended_record_should_not_have_are_noticed(
    raw_folder: FolderUnderTest, connection: Connection, mended: Path
) -> None:
    raw_folder.drop_and_load("vehicles.json", [bad(1) | {"colour": "red"}])

    done = replay(raw_folder, mended, mend(export(connection), total_mileage=1, mileage=9))

    assert done.unknown_fields == ["colour", "mileage"]
    assert ledger.file_by_id(connection, 1).unknown_fields == ["colour", "mileage"]


def test_a_row_that_postgresql_refuses_stays_rejected_alone(
    raw_folder: FolderUnderTest, connection: Connection, mended: Path
) -> None:
    raw_folder.drop_and_load("vehicles.json", [bad(number % 7) for number in range(12)])
    connection.execute("ALTER TABLE raw.vehicles ADD CONSTRAINT odd CHECK (name <> 'bad')")
    lines = mend(export(connection), total_mileage=1)
    lines[3]["record"]["name"] = lines[11]["record"]["name"] = "bad"

    done = replay(raw_folder, mended, lines, batch=BatchLimits(100, 1 << 20))

    assert (done.accepted, done.still_bad) == (10, 2)
    assert all(problem.reason.startswith("PostgreSQL refused it: ") for problem in done.problems)
    assert accounts(connection) == [(12, 7, 3, 2)]
    assert [row[3] for row in vehicles(connection)] == [8, 9, 10, 11, 5, 6, 7]


def test_many_rejects_are_replayed_batch_by_batch(
    raw_folder: FolderUnderTest, connection: Connection, mended: Path
) -> None:
    raw_folder.drop_and_load(
        "vehicles.ndjson", [bad(number) for number in range(100)], batch=BatchLimits(1000, 1 << 20)
    )

    few = replay(raw_folder, mended, mend(export(connection)[:60], total_mileage=1), batch=BatchLimits(25, 1 << 20))
    small = replay(raw_folder, mended, mend(export(connection)[:20], total_mileage=1), batch=BatchLimits(1000, 200))
    connection.execute(
        "UPDATE ingest.rejects SET raw = convert_to(replace(convert_from(raw, 'UTF8'), '-1', '1'), 'UTF8')"
    )
    stored = replay_stored(
        raw_folder.url, replace(raw_folder.options, batch=BatchLimits(1000, 200)), path="vehicles.ndjson"
    )

    assert (few.loaded, small.loaded, stored.loaded) == (60, 20, 20)
    query = "SELECT records FROM ingest.batches WHERE last_record IS NULL ORDER BY batch_id"
    sizes = [records for (records,) in connection.execute(query).fetchall()]
    assert sizes[:3] == [25, 25, 10]
    assert sum(sizes) == 100
    assert max(sizes[3:]) <= 4, "a batch ends at 200 bytes"


# -- as they stand, by what holds now ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LAYOUTS)
def test_what_the_settings_of_now_accept_goes_in_from_every_layout(
    name: str, raw_folder: FolderUnderTest, connection: Connection
) -> None:
    dates = ["2024-01-01", "03/02/2024", "04/02/2024", "11/02/2024", "nonsense"]
    records = [log(number, trip_date=date, vehicle_id='a;b, "c"\td') for number, date in enumerate(dates)]
    name = name.replace("shipments", "vehicle_logs")
    raw_folder.drop_and_load(name, LAYOUTS[name.replace("vehicle_logs", "shipments")](records))

    done = replay_stored(raw_folder.url, replace(raw_folder.options, date_order="dmy"), path=name)

    assert (done.loaded, done.still_bad) == (3, 1)
    assert accounts(connection) == [(5, 4, 0, 1)]
    rows = connection.execute(
        "SELECT log_id, to_char(trip_date, 'DD.MM.'), vehicle_id, record_no FROM raw.vehicle_logs ORDER BY 4"
    ).fetchall()
    assert rows == [
        (f"l{number}", day, 'a;b, "c"\td', number + 1)
        for number, day in enumerate(["01.01.", "03.02.", "04.02.", "11.02."])
    ]
    assert [mended for *_, mended in resolved(connection)] == [None] * 4
    assert "nonsense" in next(ledger.rejects(connection)).reason


@pytest.mark.parametrize("delimiter", [b",", b";", b"\t", b"|"])
@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
def test_a_csv_row_is_read_again_as_its_file_was(
    delimiter: bytes, newline: bytes, raw_folder: FolderUnderTest, connection: Connection
) -> None:
    rows = [
        [b"log_id", b"trip_date", b"vehicle_id"],
        [b"l1", b"1/2/2024", b'"a ""b""\n,;|"'],
        [b"l2", b"2024-01-01", b"v"],
    ]
    raw_folder.drop_and_load("vehicle_logs.csv", b"".join(delimiter.join(row) + newline for row in rows))

    done = replay_stored(raw_folder.url, replace(raw_folder.options, date_order="mdy"), dataset="vehicle_logs")

    assert done.loaded == 1
    rows_now = connection.execute("SELECT vehicle_id, trip_date::text FROM raw.vehicle_logs ORDER BY log_id").fetchall()
    assert rows_now == [('a "b"\n,;|', "2024-01-02"), ("v", "2024-01-01")]


def test_a_dataset_is_replayed_file_by_file_and_no_other_dataset(
    raw_folder: FolderUnderTest, connection: Connection
) -> None:
    for number in range(3):
        raw_folder.drop_and_load(f"vehicle_logs/{number}.json", [log(number, trip_date="1/2/2024"), log(9)])
    raw_folder.drop_and_load("vehicles.json", [bad(1)])

    done = replay_stored(raw_folder.url, replace(raw_folder.options, date_order="mdy"), dataset="vehicle_logs")

    assert (done.loaded, done.still_bad) == (3, 0)
    assert accounts(connection) == [(2, 1, 1, 0), (2, 1, 1, 0), (2, 2, 0, 0), (1, 0, 0, 1)]


def test_what_is_still_bad_as_it_stands_has_the_reason_of_now(
    raw_folder: FolderUnderTest, connection: Connection
) -> None:
    raw_folder.drop_and_load("vehicle_logs.json", [log(1, trip_date="31/31/2024")])

    done = replay_stored(raw_folder.url, replace(raw_folder.options, date_order="mdy"), path="vehicle_logs.json")

    (reject,) = ledger.rejects(connection)
    assert (done.still_bad, done.problems[0].reason) == (1, reject.reason)
    assert "mdy" not in reject.reason and "ambiguous" not in reject.reason


def test_rows_whose_header_nobody_kept_can_only_be_mended_as_a_whole(
    raw_folder: FolderUnderTest, connection: Connection, mended: Path
) -> None:
    raw_folder.drop_and_load("vehicles.csv", as_csv([bad(1), bad(2)]))
    connection.execute("UPDATE ingest.files SET layout = NULL")

    stored = replay_stored(raw_folder.url, raw_folder.options, path="vehicles.csv")
    one, two = export(connection)
    done = replay(raw_folder, mended, [one, two | {"record": vehicle(2)}])

    assert (stored.still_bad, done.still_bad, done.loaded) == (2, 1, 1)
    assert "header" in stored.problems[0].reason
    assert "at least 0" in next(ledger.rejects(connection)).reason


# -- lines that do not fit -----------------------------------------------------------------------------------------


def test_lines_that_mean_no_reject_of_this_ledger_are_told_and_the_others_go_in(
    raw_folder: FolderUnderTest, connection: Connection, mended: Path
) -> None:
    raw_folder.drop_and_load("vehicles.json", [vehicle(1), bad(2), bad(3)])
    two, three = mend(export(connection), total_mileage=0)
    lines = [
        "no object",
        {},
        two | {"file": "vehicles/other.json"},
        two | {"version": 2},
        two | {"record_no": 1},
        two | {"raw": "another"},
        {name: value for name, value in two.items() if name != "raw"},
        two | {"record_no": "2"},
        two | {"file": "a\0b"},
        two | {"raw_base64": "?"},
        three,
    ]

    done = replay(raw_folder, mended, lines)  # type: ignore[arg-type]

    assert (done.unusable, done.loaded, done.is_clean) == (10, 1, False)
    assert {problem.line_no for problem in done.problems} == set(range(1, 11))
    assert len({problem.reason for problem in done.problems}) >= 6
    assert accounts(connection) == [(3, 2, 0, 1)]


def test_a_line_that_is_no_json_does_not_keep_the_others_out(
    raw_folder: FolderUnderTest, connection: Connection, mended: Path
) -> None:
    raw_folder.drop_and_load("vehicles.json", [bad(1)])
    mended.write_bytes(b'\xef\xbb\xbf{"file": \n\n' + as_lines(mend(export(connection), total_mileage=0)))

    done = replay_export(raw_folder.url, mended, raw_folder.options)

    assert (done.unusable, done.loaded) == (1, 1)
    assert (done.problems[0].line_no, "not JSON" in done.problems[0].reason) == (1, True)


def test_an_export_that_cannot_be_read_is_said(raw_folder: FolderUnderTest, mended: Path) -> None:
    with pytest.raises(FileError, match="cannot be opened"):
        replay_export(raw_folder.url, mended, raw_folder.options)


# -- the figures and the failed folder -----------------------------------------------------------------------------


def figures(connection: Connection) -> dict[str, list[tuple[Any, ...]]]:
    return {
        table: connection.execute(f"SELECT * FROM analytics.{table} ORDER BY {table}".encode()).fetchall()
        for table in TABLES
    }


def test_the_figures_of_the_days_concerned_are_refreshed_and_of_no_others(
    raw_folder: FolderUnderTest, connection: Connection, mended: Path
) -> None:
    raw_folder.drop_and_load(
        "vehicle_logs.json", [*[log(number) for number in range(5)], log(0, mileage=-1), log(7, mileage=-1)]
    )
    raw_folder.drop_and_load(
        "shipments.json", [*[shipment(number) for number in range(10)], shipment(3, weight=-1, log_id="l1")]
    )
    refresh(raw_folder.url)

    lines = export(connection)
    replay(raw_folder, mended, mend(lines[:2], mileage=1))
    logs = refresh(raw_folder.url)
    of_logs = figures(connection)
    replay(raw_folder, mended, mend(lines[2:], weight=1))
    shipments = refresh(raw_folder.url)
    of_shipments = figures(connection)
    refresh(raw_folder.url, full=True)

    assert logs.days == 2, "the day of the log that was replaced, and of the new one"
    assert shipments.days == 2, "the days of the log that lost the shipment and of the one that has it now"
    assert of_logs != of_shipments == figures(connection)


def test_the_failed_folder_holds_what_is_left(
    raw_folder: FolderUnderTest, connection: Connection, mended: Path
) -> None:
    failed = raw_folder.options.failed_dir / "vehicles.rejected.csv"
    raw_folder.drop_and_load("vehicles.csv", as_csv([vehicle(1), bad(2), bad(3)]))
    first, second = mend(export(connection), total_mileage=0)
    as_loaded = failed.read_bytes().splitlines()

    replay(raw_folder, mended, [first])
    assert failed.read_bytes().splitlines() == [as_loaded[0], as_loaded[2]]
    replay(raw_folder, mended, [second])
    assert not list(raw_folder.options.failed_dir.iterdir())


def test_a_replay_that_did_not_come_to_the_failed_folder_is_made_up_for_by_the_next(
    raw_folder: FolderUnderTest, connection: Connection, mended: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw_folder.drop_and_load("vehicles.json", [bad(1)])
    lines = mend(export(connection), total_mileage=0)

    def die(*_: object) -> None:
        raise Interrupted

    with monkeypatch.context() as patch:
        patch.setattr("logistics_pipeline.loading.rejects.replay.export_or_warn", die)
        with pytest.raises(Interrupted):
            replay(raw_folder, mended, lines)
    assert list(raw_folder.options.failed_dir.iterdir())
    replay(raw_folder, mended, lines)
    assert not list(raw_folder.options.failed_dir.iterdir())


def test_a_failed_folder_that_cannot_be_written_is_a_warning(
    raw_folder: FolderUnderTest, connection: Connection, mended: Path
) -> None:
    raw_folder.drop_and_load("vehicles.json", [bad(1), bad(2)])
    lines = mend(export(connection)[:1], total_mileage=0)
    no_folder = mended.with_name("a file")
    no_folder.touch()

    done = replay(raw_folder, mended, lines, failed_dir=no_folder)

    assert done.loaded == 1
    assert "safe in the database" in (ledger.file_by_id(connection, 1).warning or "")


def test_the_rejects_of_an_older_version_do_not_replace_those_of_the_newest(
    raw_folder: FolderUnderTest, connection: Connection, mended: Path
) -> None:
    raw_folder.drop_and_load("vehicles.json", [bad(1), bad(2)])
    raw_folder.drop_and_load("vehicles.json", [vehicle(1), bad(3)])
    failed = raw_folder.options.failed_dir / "vehicles.rejected.json"
    newest = failed.read_bytes()
    old = [line for line in export(connection) if line["version"] == 1]

    done = replay(raw_folder, mended, mend(old, total_mileage=0))

    assert (done.loaded, done.superseded) == (1, 1)
    assert accounts(connection) == [(2, 1, 1, 0), (2, 1, 0, 1)]
    assert failed.read_bytes() == newest


def test_the_failed_folder_is_left_to_a_load_that_is_going_on(
    raw_folder: FolderUnderTest, connection: Connection, mended: Path
) -> None:
    raw_folder.drop_and_load("vehicles.json", [bad(1)])
    mended.write_bytes(as_lines(mend(export(connection), total_mileage=0)))
    failed = raw_folder.options.failed_dir / "vehicles.rejected.json"
    waits, seen = threading.Event(), []

    def on_wait(path: str) -> None:
        seen.append(path)
        waits.set()

    connection.execute("SELECT pg_advisory_lock(hashtextextended('logistics load vehicles.json', 0))")
    thread = threading.Thread(target=lambda: replay_export(raw_folder.url, mended, raw_folder.options, on_wait=on_wait))
    thread.start()
    assert waits.wait(30)
    assert (accounts(connection), failed.exists()) == ([(1, 1, 0, 0)], True)
    connection.execute("SELECT pg_advisory_unlock_all()")
    thread.join(30)
    assert (seen, failed.exists()) == (["vehicles.json"], False)


# -- whatever happens meanwhile ------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.usefixtures("impatient")
@every_trouble
def test_a_replay_that_dies_before_any_of_its_statements_ends_like_an_undisturbed_one(
    trouble: Callable[[Connection], None],
    raw_folder: FolderUnderTest,
    connection: Connection,
    contents: Read,
    empty: Callable[[], None],
    mended: Path,
) -> None:
    files = [
        raw_folder.drop("vehicles/a.json", [bad(1), vehicle(2), bad(3), bad(4), bad(1), vehicle(5)]),
        raw_folder.drop("vehicles/b.json", [vehicle(1), bad(2), bad(6), bad(5)]),
    ]

    def load_both() -> None:
        empty()
        for found in files:
            raw_folder.load(found)

    def replay_all() -> None:
        replay(raw_folder, mended, mend(lines, total_mileage=1), batch=BatchLimits(3, 1 << 20))

    load_both()
    lines = export(connection)
    replay_all()
    undisturbed = contents(), resolved(connection), accounts(connection)

    for number in count():
        load_both()
        with at_statement(number, trouble, of="logistics replay") as seen, suppress(Interrupted):
            replay_all()
        if len(seen) <= number:
            break
        replay_all()
        assert (contents(), resolved(connection), accounts(connection)) == undisturbed, f"died before: {seen[number]}"

    assert number > 15


def test_two_replays_at_once_take_every_reject_in_once(
    raw_folder: FolderUnderTest, connection: Connection, mended: Path
) -> None:
    raw_folder.drop_and_load("vehicles/a.ndjson", [bad(number) for number in range(60)])
    raw_folder.drop_and_load("vehicles/b.ndjson", [bad(number) for number in range(30, 90)])
    mended.write_bytes(as_lines(mend(export(connection), total_mileage=1)))
    done: list[Replay] = []

    threads = [
        threading.Thread(target=lambda: done.append(replay_export(raw_folder.url, mended, raw_folder.options)))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert sum(each.accepted for each in done) == 120
    assert sum(each.resolved_before for each in done) == 240
    assert accounts(connection) == [(60, 30, 30, 0), (60, 60, 0, 0)]


@pytest.mark.slow
def test_replays_and_loads_of_the_same_keys_at_once_end_as_if_they_had_followed_each_other(
    raw_folder: FolderUnderTest, connection: Connection, mended: Path
) -> None:
    keys = range(1_500)
    raw_folder.drop_and_load("vehicles/a.ndjson", [bad(key) if key % 2 else vehicle(key) for key in keys])
    files = [
        raw_folder.drop(f"vehicles/{name}.ndjson", [vehicle(key, name=name) for key in order])
        for name, order in (("b", keys[:1_000]), ("c", reversed(keys[500:])))
    ]
    for found in files:
        ledger.register(connection, found)
    mended.write_bytes(as_lines(mend(export(connection), total_mileage=1)))
    limits = BatchLimits(200, 1 << 20)
    done: list[object] = []

    work = [
        lambda: done.append(raw_folder.load(files[0], batch=limits).is_loaded),
        lambda: done.append(raw_folder.load(files[1], batch=limits).is_loaded),
        lambda: done.append(replay_export(raw_folder.url, mended, replace(raw_folder.options, batch=limits)).is_clean),
    ]
    threads = [threading.Thread(target=each) for each in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)

    assert done == [True] * 3
    assert accounts(connection) == [(1_500, 0, 1_500, 0), (1_000, 500, 500, 0), (1_000, 1_000, 0, 0)]


entries = st.lists(st.tuples(st.integers(0, 4), st.integers(-2, 2)), max_size=8)
"""Records as (key, measure); a negative measure is against the contract, and is mended by dropping its sign."""


@dataclass
class Version:
    """A registered version of a file, as the model knows it."""

    found: FoundFile
    entries: list[tuple[int, int]]
    is_current: bool = True
    mended: set[int] = field(default_factory=set)
    """Numbers of records that a replay has taken in."""


class Replaying(RuleBasedStateMachine):
    """Files with overlapping keys, loaded, interrupted, changed, and their rejects replayed in between, all or some."""

    def __init__(
        self, raw_folder: FolderUnderTest, connection: Connection, empty: Callable[[], None], path: Path
    ) -> None:
        super().__init__()
        self.connection = connection
        self.path = path
        self.folder = replace(
            raw_folder,
            options=replace(raw_folder.options, batch=BatchLimits(3, 1 << 20), retry_seconds=0.001, max_rejects=ALL),
        )
        self.versions: list[Version] = []
        self.names = count()
        self.lines: dict[tuple[str, int, int], Line] = {}
        """Every reject that was ever exported: people keep exports, and replay old ones."""
        empty()

    # -- what happens ----------------------------------------------------------------------------------------------

    @rule(suffix=st.sampled_from([".json", ".ndjson", ".csv"]), entries=entries)
    def register(self, suffix: str, entries: list[tuple[int, int]]) -> None:
        self._register(f"vehicles/{next(self.names)}{suffix}", entries)

    @precondition(lambda self: self.versions)
    @rule(data=st.data(), entries=entries)
    def change(self, data: st.DataObject, entries: list[tuple[int, int]]) -> None:
        old = self._choose(data)
        name = str(old.found.path.relative_to(self.folder.options.raw_dir))
        if self._content(name, entries) != old.found.path.read_bytes():
            old.is_current = False
            self._register(name, entries)

    @precondition(lambda self: self.versions)
    @rule(data=st.data(), statement=st.none() | st.integers(0, 25))
    def load(self, data: st.DataObject, statement: int | None) -> None:
        version = self._choose(data)
        with at_statement(-1 if statement is None else statement, raise_interrupted), suppress(Interrupted):
            self._load(version)

    @precondition(lambda self: self.versions)
    @rule(data=st.data(), statement=st.none() | st.integers(0, 25))
    def replay_some(self, data: st.DataObject, statement: int | None) -> None:
        """Some lines are mended, some are as they were exported, some were replayed before; a replay may die."""
        lines = data.draw(st.permutations(self._exported()), label="lines")
        mended = data.draw(st.sets(st.sampled_from(range(len(lines)))) if lines else st.just(set()), label="mended")
        lines = [self._mended(line) if number in mended else line for number, line in enumerate(lines)]
        with (
            at_statement(-1 if statement is None else statement, raise_interrupted, of="logistics replay"),
            suppress(Interrupted),
        ):
            replay(self.folder, self.path, lines)
        self._learn()

    @precondition(lambda self: len(self.versions) > 1)
    @rule(data=st.data(), statement=st.integers(0, 25))
    def replay_while_a_file_is_loaded(self, data: st.DataObject, statement: int) -> None:
        version = self._choose(data)

        def meanwhile(_: Connection) -> None:
            with suppress(TransientError):  # where it would have to wait for us
                self.folder.load(version.found)

        with at_statement(statement, meanwhile, of="logistics replay"), suppress(TransientError):
            replay(self.folder, self.path, map(self._mended, self._exported()))
        self._learn()

    @precondition(lambda self: self.versions)
    @rule()
    def replay_as_they_stand(self) -> None:
        assert replay_stored(self.folder.url, self.folder.options, dataset="vehicles").accepted == 0

    def teardown(self) -> None:
        for version in self.versions:
            if version.is_current:
                self._load(version)
        assert replay(self.folder, self.path, map(self._mended, self._exported())).is_clean
        self._learn()
        self.the_tables_equal_the_model()
        assert not export(self.connection)

    # -- what must hold --------------------------------------------------------------------------------------------

    @invariant()
    def the_tables_equal_the_model(self) -> None:
        files = ledger.files_in_order(self.connection)
        expected: dict[str, tuple[int, int, int]] = {}
        rejected: Counter[int] = Counter()
        for file, version in zip(files, self.versions, strict=True):
            for number, (key, measure) in enumerate(version.entries[: file.records_read], start=1):
                if measure < 0 and number not in version.mended:
                    rejected[file.file_id] += 1
                else:
                    expected[f"v{key}"] = (abs(measure), file.file_id, number)
        assert {key: tuple(values) for key, *values in vehicles(self.connection)} == expected
        owners = Counter(file_id for _, file_id, _ in expected.values())
        for file, account in zip(files, accounts(self.connection), strict=True):
            loaded = owners[file.file_id]
            left = rejected[file.file_id]
            assert account == (file.records_read, loaded, file.records_read - loaded - left, left)

    # -- the pieces ------------------------------------------------------------------------------------------------

    def _load(self, version: Version) -> None:
        report = self.folder.load(version.found)
        assert report.is_loaded or report.file.records_rejected == report.file.records_read > 0

    def _exported(self) -> list[Line]:
        new = export(self.connection)
        self.lines.update({(line["file"], line["version"], line["record_no"]): line for line in new})
        return list(self.lines.values())

    def _mended(self, line: Line) -> Line:
        record = line["record"]
        return line | {"record": record | {"total_mileage": str(record["total_mileage"]).removeprefix("-")}}

    def _learn(self) -> None:
        """What was taken in before a death is read from the marks; that they tell the truth is what is tested."""
        for file_id, record_no, is_resolved, _ in resolved(self.connection):
            if is_resolved:
                self.versions[file_id - 1].mended.add(record_no)

    def _content(self, name: str, entries: list[tuple[int, int]]) -> bytes:
        records = [vehicle(key, total_mileage=measure) for key, measure in entries]
        if not records and not name.endswith(".json"):
            return b"vehicle_id,name,total_mileage\n"
        write = {".csv": as_csv, ".ndjson": as_lines, ".json": as_array}[Path(name).suffix]
        return write(records)

    def _register(self, name: str, entries: list[tuple[int, int]]) -> None:
        found = self.folder.drop(name, self._content(name, entries))
        file = ledger.register(self.connection, found)
        assert file.file_id == len(self.versions) + 1
        self.versions.append(Version(found, entries))

    def _choose(self, data: st.DataObject) -> Version:
        return data.draw(st.sampled_from([version for version in self.versions if version.is_current]), label="file")


@few_or_all(8, of=25)
@pytest.mark.usefixtures("impatient")
def test_any_sequence_of_loads_and_replays_ends_as_if_the_mended_records_had_been_in_the_files(
    raw_folder: FolderUnderTest,
    connection: Connection,
    empty: Callable[[], None],
    mended: Path,
    limit_lock_waits: Callable[[str], None],
    examples: int,
) -> None:
    # A file loaded in the middle of a replay's transaction must not wait for it: they share a thread.
    limit_lock_waits("50ms")
    run_state_machine_as_test(
        lambda: Replaying(raw_folder, connection, empty, mended),
        settings=settings(
            max_examples=examples,
            stateful_step_count=14,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
        ),
    )


def test_what_was_loaded_before_there_were_replays_is_brought_along(server_url: str) -> None:
    name = "before_replays"
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}".encode())
    with psycopg.connect(with_database(server_url, name)) as connection:
        connection.execute(read_sql("migrations/0001_ledger").encode())
        for path, format in (
            ("a", "json array under x.y, gzip"),
            ("b", "ndjson"),
            ("c", "csv with commas"),
            ("d", None),
        ):
            connection.execute(
                "INSERT INTO ingest.files (dataset, path, format, size_bytes, modified_ns, records_read, "
                "records_rejected) VALUES ('vehicles', %s, %s, 1, 1, 1, 1)",
                (path, format),
            )
        connection.execute("INSERT INTO ingest.rejects SELECT file_id, 1, 0, NULL, 'bad', '' FROM ingest.files")
        connection.execute("INSERT INTO ingest.batches (file_id, last_record, records, merged) VALUES (1, 1, 1, false)")

        connection.execute(read_sql("migrations/0002_bulk_loads_and_replays").encode())
        for later in (
            "0003_unloading",
            "0006_missing_files",
            "0008_load_quality",
            "0018_files_of_places",
        ):  # the ledger is read by its newest version
            connection.execute(read_sql(f"migrations/{later}").encode())

        layouts = [file.layout for file in ledger.files_with_rejects(connection)]
        assert layouts == [{"kind": "elements"}, {"kind": "lines"}, None, None]
        assert [reject.resolved_at for reject in ledger.rejects(connection)] == [None] * 4
        assert connection.execute("SELECT batch_id, last_record FROM ingest.batches").fetchall() == [(1, 1)]
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def test_the_export_of_a_load_that_ends_later_leaves_out_what_was_resolved(
    raw_folder: FolderUnderTest, connection: Connection, mended: Path
) -> None:
    found = raw_folder.drop("vehicles.json", [bad(1), bad(2), *[vehicle(number) for number in range(3, 20)]])

    def die(*_: object) -> None:
        raise Interrupted

    with pytest.raises(Interrupted):
        raw_folder.load(found, on_progress=die)
    assert ledger.file_by_id(connection, 1).state == "loading"

    replay(raw_folder, mended, mend(export(connection)[:1], total_mileage=1))
    raw_folder.load(found)

    assert accounts(connection) == [(19, 18, 0, 1)]
    exported = failed_files.export_paths("vehicles.json", raw_folder.options.failed_dir)[0].read_bytes()
    assert exported == as_array([bad(2)])
