"""Earlier versions of records: what there was as of a file follows from the files, not from when they were loaded."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from types import NoneType
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from psycopg import sql
from typer.testing import CliRunner

from logistics_core import versions
from logistics_core.catalogue import Catalogue, Dataset, built_in_catalogue
from logistics_pipeline import ledger
from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.analytics.rollup_check import rollup_differences
from logistics_pipeline.cli import app
from logistics_pipeline.contracts.accepting import accept_contract
from logistics_pipeline.contracts.backfill import backfill_from_extras
from logistics_pipeline.contracts.texts import contract_of_text
from logistics_pipeline.database.connections import Connection, connect, with_database
from logistics_pipeline.database.contracts import catalogue_in_force
from logistics_pipeline.errors import PipelineError, TransientError
from logistics_pipeline.exports.backup import export_everything, restore
from logistics_pipeline.exports.destinations import destination
from logistics_pipeline.files.folder import FoundFile
from logistics_pipeline.loading.options import BatchLimits
from logistics_pipeline.loading.unload import unload_file
from logistics_pipeline.migrations.history_tables import keep_history
from tests.contract_texts import FUEL, payment
from tests.database.conftest import FolderUnderTest, Interrupted, at_statement
from tests.database.records import Record, vehicle
from tests.database.test_replaying import export, replay
from tests.examples import few_or_all
from tests.keyed import READINGS, reading

KEPT = "history: true\n"
NOTE = "    - {name: note, title: Note, type: number, role: measure, description: A number as text}\n"
TEXTS = {"fuel": FUEL + KEPT, "readings": READINGS.lstrip() + KEPT}
"""One key is a text, the other consists of a text and a number, of which equal values are written in two ways."""
RECORDS: dict[str, Callable[..., Record]] = {"fuel": payment, "readings": reading}
MEASURES = {"fuel": "litres", "readings": "value"}
IDENTITIES = {"fuel": "substr(payment, 3)::integer", "readings": "(2 * slot + substr(station, 2)::integer)::integer"}
MENDED = 7


def with_note(text: str) -> str:
    return text.replace("datedBy:", f"{NOTE}datedBy:")


def accept(connection: Connection, text: str) -> Dataset:
    contract = contract_of_text(text, "the file")
    accept_contract(connection, contract, accepted_by="somebody", may_break=True)
    return contract.dataset


def accepted(connection: Connection, *texts: str) -> Catalogue:
    for text in texts:
        accept(connection, text)
    return catalogue_in_force(connection)


FORMS = (versions.as_of, versions.as_of_by_key)


def rows_as_of(connection: Connection, dataset: Dataset, file_id: int) -> list[tuple[Any, ...]]:
    """All columns of all rows, in their order; both ways of reading them agree."""
    found = []
    columns = sql.SQL(", ").join(map(sql.Identifier, versions.columns_of(dataset)))
    for form in FORMS:
        query = sql.SQL("SELECT {} FROM {} AS page").format(columns, form(dataset, sql.Literal(file_id)))
        found.append(sorted(map(repr, connection.execute(query).fetchall())))
    ranged = sql.SQL("SELECT {} FROM {} AS page WHERE {} <= %(file)s AND {} > %(file)s").format(
        columns,
        versions.with_ranges(dataset),
        sql.Identifier(versions.FROM_FILE),
        sql.Identifier(versions.UNTIL_FILE),
    )
    found.append(sorted(map(repr, connection.execute(ranged, {"file": file_id}).fetchall())))
    assert found[0] == found[1] == found[2]
    return found[0]


def all_rows(connection: Connection, dataset: Dataset) -> list[tuple[Any, ...]]:
    columns = sql.SQL(", ").join(map(sql.Identifier, versions.columns_of(dataset)))
    query = sql.SQL("SELECT {} FROM {}").format(columns, sql.Identifier("raw", dataset.name))
    return sorted(map(repr, connection.execute(query).fetchall()))


def at_most_half_bad(entries: list[tuple[int, int]]) -> list[tuple[int, int]]:
    kept, bad = list[tuple[int, int]](), 0
    for key, measure in entries:
        bad += measure < 0
        kept.append((key, 0 if measure < 0 and 2 * bad > len(entries) else measure))
    return kept


entries = st.lists(st.tuples(st.integers(0, 3), st.integers(-1, 3)), min_size=2, max_size=6).map(at_most_half_bad)


@dataclass
class Registered:
    dataset: str
    found: FoundFile
    entries: list[tuple[int, int]]


class Remembering(RuleBasedStateMachine):
    """Files registered in one order, loaded in another, killed, unloaded, mended, while a contract changes."""

    def __init__(self, raw_folder: FolderUnderTest, connection: Connection, fresh: Callable[[], Any]) -> None:
        super().__init__()
        self.connection, self.fresh = connection, fresh
        self.files: list[Registered] = []
        self.names = count()
        self.texts = dict(TEXTS)
        for dataset in TEXTS:
            connection.execute(f"DROP TABLE IF EXISTS raw.{dataset}, history.{dataset}".encode())
        connection.execute("TRUNCATE ingest.files, ingest.histories RESTART IDENTITY CASCADE")
        connection.execute("TRUNCATE catalogue.datasets, catalogue.contracts CASCADE")
        self.folder = replace(
            raw_folder,
            options=replace(
                raw_folder.options,
                batch=BatchLimits(3, 1 << 20),
                retry_seconds=0.001,
                catalogue=accepted(connection, *TEXTS.values()),
            ),
        )

    # -- what happens --------------------------------------------------------------------------------------------------

    @initialize(files=st.lists(st.tuples(st.sampled_from(list(TEXTS)), entries), min_size=5, max_size=7))
    def begin(self, files: list[tuple[str, list[tuple[int, int]]]]) -> None:
        """So that some keys are in several files, of which one in the middle may go."""
        for dataset, records in files:
            self._register(dataset, records)
        for file in self.files[:-1]:
            self._load(file)

    @rule(dataset=st.sampled_from(list(TEXTS)), entries=entries)
    def register(self, dataset: str, entries: list[tuple[int, int]]) -> None:
        self._register(dataset, entries)

    def _register(self, dataset: str, entries: list[tuple[int, int]]) -> None:
        records = [
            RECORDS[dataset](key, **{MEASURES[dataset]: measure}, note=str(measure + 0.5)) for key, measure in entries
        ]
        found = self.folder.drop(f"{dataset}/{next(self.names)}.json", records)
        ledger.register(self.connection, found)
        self.files.append(Registered(dataset, found, entries))

    @precondition(lambda self: self.files)
    @rule(data=st.data(), reference_parser=st.booleans())
    def load(self, data: st.DataObject, reference_parser: bool) -> None:
        self._load(self._choose(data), reference_parser=reference_parser)

    @precondition(lambda self: self.files)
    @rule(data=st.data(), statement=st.integers(0, 40))
    def load_and_die(self, data: st.DataObject, statement: int) -> None:
        def die(_: Connection) -> None:
            raise Interrupted

        with at_statement(statement, die), suppress(Interrupted):
            self._load(self._choose(data))

    @precondition(lambda self: len(self.files) > 1)
    @rule(data=st.data(), statement=st.integers(0, 40))
    def load_while_another_is_loaded(self, data: st.DataObject, statement: int) -> None:
        ours, other = self._choose(data), self._choose(data)

        def meanwhile(_: Connection) -> None:
            with suppress(TransientError):
                self._load(other)

        with at_statement(statement, meanwhile), suppress(TransientError):
            self._load(ours)

    @precondition(lambda self: self.files)
    @rule(data=st.data())
    def unload(self, data: st.DataObject) -> None:
        file = self._choose(data)
        self._load(file)
        done = unload_file(self.folder.url, file.found.key, self.folder.options)
        assert done.to_reload == (), "whatever the file had superseded is back"

    @precondition(lambda self: self.files)
    @rule(data=st.data(), statement=st.integers(0, 25))
    def unload_and_die(self, data: st.DataObject, statement: int) -> None:
        def die(_: Connection) -> None:
            raise Interrupted

        file = self._choose(data)
        self._load(file)
        with at_statement(statement, die, of="logistics unload"), suppress(Interrupted):
            unload_file(self.folder.url, file.found.key, self.folder.options)

    @precondition(lambda self: self.files)
    @rule()
    def correct_rejects(self) -> None:
        lines = export(self.connection)
        changed = [
            line | {"record": record | {name: MENDED for name in MEASURES.values() if name in record}}
            for line in lines
            for record in [line["record"]]
        ]
        replay(self.folder, self.folder.options.raw_dir.parent / "mended.ndjson", changed)

    @precondition(lambda self: self.files)
    @rule(dataset=st.sampled_from(list(TEXTS)))
    def add_a_field(self, dataset: str) -> None:
        """Its values are in `extras` of all versions until then."""
        if "note" in self.folder.options.catalogue[dataset].columns:
            return
        self.texts[dataset] = with_note(TEXTS[dataset])
        changed = accept(self.connection, self.texts[dataset])
        backfill_from_extras(self.connection, changed, "note", batch_rows=2)
        catalogue = catalogue_in_force(self.connection)
        self.folder = replace(self.folder, options=replace(self.folder.options, catalogue=catalogue))

    def teardown(self) -> None:
        """All that is loaded; then, as of each file, the very rows of a database that has only the files until then."""
        if not self.files or any(measure < 0 for file in self.files for _, measure in file.entries):
            return  # a fresh database would not know the corrections
        for file in self.files:
            self._load(file)
        self.each_version_is_in_one_place()
        catalogue = self.folder.options.catalogue
        with self.fresh() as url, connect(url) as other:
            accepted(other, *self.texts.values())
            folder = replace(self.folder, url=url)
            for number, file in enumerate(self.files, start=1):
                assert folder.load(file.found).is_loaded
                for dataset in TEXTS:
                    expected = all_rows(other, catalogue[dataset])
                    assert rows_as_of(self.connection, catalogue[dataset], number) == expected

    # -- what must hold ------------------------------------------------------------------------------------------------

    @invariant()
    def rows_as_of_each_file_equal_the_model(self) -> None:
        registered = ledger.files_in_order(self.connection)
        mended = set(
            self.connection.execute(
                "SELECT file_id, record_no FROM ingest.rejects WHERE resolved_at IS NOT NULL"
            ).fetchall()
        )
        expected: dict[str, dict[int, tuple[Any, ...]]] = {dataset: {} for dataset in TEXTS}
        for ledger_file, file in zip(registered, self.files, strict=True):
            number = ledger_file.file_id
            for record_no, (key, measure) in enumerate(file.entries[: ledger_file.records_read], start=1):
                if measure >= 0 or (number, record_no) in mended:
                    value = measure if measure >= 0 else MENDED
                    expected[file.dataset][key] = (value, number, record_no, measure + 0.5)
            assert {dataset: self._rows(dataset, number) for dataset in TEXTS} == expected

    @invariant()
    def each_version_is_in_one_place(self) -> None:
        for dataset in TEXTS:
            counted = {
                schema: Counter(dict(self.connection.execute(query.encode()).fetchall()))
                for schema in ("raw", "history")
                for query in [f"SELECT file_id, count(*) FROM {schema}.{dataset} GROUP BY file_id"]
            }
            for file in ledger.files_in_order(self.connection):
                if file.dataset == dataset:
                    found = (counted["raw"][file.file_id], counted["history"][file.file_id])
                    assert found == (file.records_loaded, file.records_superseded)
                    assert file.is_balanced
        assert counts_of_cells(self.connection) == recounted_cells(self.connection, self.folder.options.catalogue)

    # -- the pieces ----------------------------------------------------------------------------------------------------

    def _choose(self, data: st.DataObject) -> Registered:
        return data.draw(st.sampled_from(self.files), label="file")

    def _load(self, file: Registered, **changes: Any) -> None:
        assert self.folder.load(file.found, **changes).is_loaded

    def _rows(self, dataset: str, file_id: int) -> dict[int, tuple[Any, ...]]:
        catalogue = self.folder.options.catalogue
        note = "note" if "note" in catalogue[dataset].columns else "extras ->> 'note'"
        query = sql.SQL("SELECT {}, {}, file_id, record_no, ({})::float FROM {} AS page").format(
            sql.SQL(IDENTITIES[dataset]),
            sql.Identifier(MEASURES[dataset]),
            sql.SQL(note),
            versions.as_of(catalogue[dataset], sql.Literal(file_id)),
        )
        rows = self.connection.execute(query).fetchall()
        rows_as_of(self.connection, catalogue[dataset], file_id)
        assert len({key for key, *_ in rows}) == len(rows)
        return {key: tuple(values) for key, *values in rows}


def counts_of_cells(connection: Connection) -> dict[tuple[int, str], int]:
    query = "SELECT file_id, field, filled FROM ingest.column_counts WHERE filled <> 0"
    return {(file_id, field): filled for file_id, field, filled in connection.execute(query).fetchall()}


def recounted_cells(connection: Connection, catalogue: Catalogue) -> dict[tuple[int, str], int]:
    found = {}
    for name in TEXTS:
        for column in catalogue[name].columns:
            query = sql.SQL("SELECT file_id, count({}) FROM {} GROUP BY 1").format(
                sql.Identifier(column), sql.Identifier("raw", name)
            )
            found |= {(file_id, column): filled for file_id, filled in connection.execute(query).fetchall() if filled}
    return found


@pytest.fixture
def fresh(server_url: str, template: str) -> Callable[[], Any]:
    """A migrated database without any files."""
    numbers = count()

    @contextmanager
    def make() -> Iterator[str]:
        name = f"fresh_for_history_{next(numbers)}"
        with psycopg.connect(server_url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy".encode())
            try:
                yield with_database(server_url, name)
            finally:
                connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())

    return make


@few_or_all(4, of=60)
@pytest.mark.usefixtures("impatient")
def test_as_of_each_file_the_rows_are_those_of_a_database_with_the_files_until_then(
    raw_folder: FolderUnderTest,
    connection: Connection,
    fresh: Callable[[], Any],
    limit_lock_waits: Callable[[str], None],
    examples: int,
) -> None:
    limit_lock_waits("50ms")
    run_state_machine_as_test(
        lambda: Remembering(raw_folder, connection, fresh),
        settings=settings(
            max_examples=examples,
            stateful_step_count=8,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
        ),
    )


# -- switching it on and off ------------------------------------------------------------------------------------------


@pytest.fixture
def folder(raw_folder: FolderUnderTest, connection: Connection) -> FolderUnderTest:
    """With a dataset of the user's own, which does not keep its history yet."""
    return in_force(raw_folder, connection, FUEL)


def in_force(folder: FolderUnderTest, connection: Connection, text: str) -> FolderUnderTest:
    accept(connection, text)
    return replace(folder, options=replace(folder.options, catalogue=catalogue_in_force(connection)))


def kept(connection: Connection) -> list[tuple[int, str, float]]:
    """The superseded records: file, key, measure."""
    query = "SELECT file_id, payment, litres::float FROM history.fuel ORDER BY file_id, record_no"
    return connection.execute(query).fetchall()


def test_rows_that_there_are_become_the_first_versions_and_gaps_are_noted(
    folder: FolderUnderTest, connection: Connection
) -> None:
    folder.drop_and_load("fuel/1.json", [payment(1), payment(2)])
    folder.drop_and_load("fuel/2.json", [payment(2, litres=5), payment(3)])
    folder.drop_and_load("fuel/3.json", [payment(4)])
    folder = in_force(folder, connection, FUEL + KEPT)
    (history,) = ledger.histories(connection)
    assert (history.dataset, history.since_file_id, history.ended_at) == ("fuel", 3, None)
    assert ledger.files_with_gaps(connection, "fuel") == [1]

    folder.drop_and_load("fuel/4.json", [payment(1, litres=9), payment(3, litres=8)])

    assert kept(connection) == [(1, "P-001", 1.5), (2, "P-003", 4.5)]
    done = unload_file(folder.url, "fuel/2.json", folder.options)
    assert [file.path for file in done.to_reload] == ["fuel/1.json"], "its record with that key is not known"
    found = folder.options.folder.look_at(folder.options.raw_dir / "fuel/1.json")
    assert found is not None
    folder.load(found)
    assert ledger.files_with_gaps(connection, "fuel") == []
    assert kept(connection) == [(1, "P-001", 1.5)]
    assert connection.execute("SELECT litres FROM raw.fuel WHERE payment = 'P-002'").fetchone() == (3,)


def test_a_dataset_without_superseded_records_has_a_whole_history_from_its_first_file(
    folder: FolderUnderTest, connection: Connection
) -> None:
    folder.drop_and_load("fuel/1.json", [payment(1), payment(2)])
    folder = in_force(folder, connection, FUEL + KEPT)
    folder.drop_and_load("fuel/2.json", [payment(2, litres=5)])
    assert ledger.files_with_gaps(connection, "fuel") == []
    assert len(rows_as_of(connection, folder.options.catalogue["fuel"], 1)) == 2


def test_what_was_kept_stays_when_keeping_ends_and_what_is_missed_is_noted_when_it_begins_again(
    folder: FolderUnderTest, connection: Connection
) -> None:
    folder = in_force(folder, connection, FUEL + KEPT)
    folder.drop_and_load("fuel/1.json", [payment(1), payment(2)])
    folder.drop_and_load("fuel/2.json", [payment(1, litres=7)])
    folder = in_force(folder, connection, FUEL)
    folder.drop_and_load("fuel/3.json", [payment(2, litres=8)])
    assert kept(connection) == [(1, "P-001", 1.5)]
    (history,) = ledger.histories(connection)
    assert history.ended_at is not None

    folder = in_force(folder, connection, FUEL + KEPT)
    assert ledger.files_with_gaps(connection, "fuel") == [1]
    unload_file(folder.url, "fuel/2.json", folder.options)
    assert kept(connection) == []
    assert connection.execute("SELECT file_id FROM raw.fuel WHERE payment = 'P-001'").fetchone() == (1,)


def test_a_loader_of_the_contract_before_keeps_records_too_with_columns_that_it_does_not_know(
    folder: FolderUnderTest, connection: Connection
) -> None:
    old = folder
    folder = in_force(folder, connection, with_note(FUEL + KEPT))
    folder.drop_and_load("fuel/1.json", [payment(1, note=3)])
    old.drop_and_load("fuel/2.json", [payment(1, litres=2)])
    assert connection.execute("SELECT file_id, note FROM history.fuel").fetchall() == [(1, 3)]


@pytest.mark.parametrize("statement", range(0, 24, 2))
def test_a_dataset_that_begins_to_keep_its_history_while_a_file_is_loaded_misses_nothing(
    folder: FolderUnderTest, connection: Connection, statement: int
) -> None:
    folder.drop_and_load("fuel/1.json", [payment(number) for number in range(20)])
    found = folder.drop("fuel/2.json", [payment(number, litres=1) for number in range(20)])

    def begin(loader: Connection) -> None:
        with suppress(psycopg.errors.LockNotAvailable), connect(folder.url) as other:
            other.execute("SET lock_timeout = '50ms'")
            keep_history(other, in_force_dataset(FUEL))

    with at_statement(statement, begin):
        folder.load(found)
    if (history := next(iter(ledger.histories(connection)), None)) is None:
        return  # the loader held the table at that moment
    lost = 20 - len(kept(connection))
    assert ledger.files_with_gaps(connection, "fuel") == ([1] if lost else [])
    assert history.since_file_id == (2 if lost else history.since_file_id)


def in_force_dataset(text: str) -> Dataset:
    return contract_of_text(text, "the file").dataset


def test_rows_that_postgresql_refuses_are_no_versions(folder: FolderUnderTest, connection: Connection) -> None:
    folder = in_force(folder, connection, FUEL + KEPT)
    connection.execute("ALTER TABLE raw.fuel ADD CONSTRAINT odd CHECK (litres <> 13)")
    folder.drop_and_load("fuel/1.json", [payment(n) for n in range(6)])
    records = [payment(n % 6, litres=13 if n == 10 else n) for n in range(12)]
    report = folder.drop_and_load("fuel/2.json", records, batch=BatchLimits(50, 1 << 20))
    file = report.file
    assert (file.records_loaded, file.records_superseded, file.records_rejected) == (6, 5, 1)
    counted = Counter(file_id for file_id, *_ in kept(connection))
    assert counted == {1: 6, 2: 5}


def test_figures_are_right_after_superseded_records_have_come_back(
    folder: FolderUnderTest, connection: Connection
) -> None:
    """Rows that come back on a day that loses as many others must not go unnoticed."""
    folder = in_force(folder, connection, FUEL + KEPT)
    dataset = folder.options.catalogue["fuel"]
    folder.drop_and_load("fuel/1.json", [payment(n) for n in range(40)])
    refresh(folder.url)
    others = [payment(n, litres=500 + n, paid_on=f"2024-05-{1 + n % 7:02}") for n in range(30)]
    folder.drop_and_load("fuel/2.json", others)
    refresh(folder.url)
    unload_file(folder.url, "fuel/2.json", folder.options)
    refresh(folder.url)
    assert connection.execute("SELECT count(*) FROM analytics.rollups WHERE dataset = 'fuel'").fetchone() != (0,)
    assert rollup_differences(connection, dataset) == []


def test_history_is_exported_and_restored(
    folder: FolderUnderTest, connection: Connection, server_url: str, tmp_path: Path
) -> None:
    folder = in_force(folder, connection, FUEL + KEPT)
    keep_history(connection, built_in_catalogue()["vehicles"])
    for number in range(3):
        folder.drop_and_load(f"fuel/{number}.json", [payment(1, litres=number), payment(2)])
        folder.drop_and_load(f"vehicles/{number}.json", [vehicle(1, total_mileage=number)])
    to = destination(str(tmp_path / "export"), ())
    export_everything(folder.url, to)
    url = with_database(server_url, "restored_history")  # `restore` makes it
    restore(url, to)
    with connect(url) as other:
        for name in ("fuel", "vehicles"):
            dataset = catalogue_in_force(other)[name]
            assert ledger.is_history_kept(other, name)
            for file_id in range(7):
                assert rows_as_of(other, dataset, file_id) == rows_as_of(connection, dataset, file_id)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("type: integer", "type: number"),
        ("type: string, role: text", "type: string, role: dimension"),
        ("type: string, role: dimension", "type: string, role: text"),
        ("type: string, constraints: {required: true}", "type: string"),
        ("type: string", "type: string, aliases: [Tour]"),
    ],
)
def test_versions_follow_a_field_whose_type_changes(
    folder: FolderUnderTest, connection: Connection, fresh: Callable[[], Any], old: str, new: str
) -> None:
    """As of each file, the rows are those of a database that has known nothing but the new contract."""
    before, after = (
        FUEL.replace("datedBy:", f"    - {{name: tour, title: Tour, {rest}}}\ndatedBy:") + KEPT for rest in (old, new)
    )
    files: dict[str, list[Record]] = {
        f"fuel/{number}.json": [payment(key, litres=number, tour=str(key)) for key in range(number, number + 4)]
        for number in range(1, 6)
    }
    folder = old_folder = in_force(folder, connection, before)
    for name in ("fuel/1.json", "fuel/2.json", "fuel/3.json"):
        folder.drop_and_load(name, files[name])
    folder = in_force(folder, connection, after)
    folder.drop_and_load("fuel/4.json", files["fuel/4.json"])
    old_folder.drop_and_load("fuel/5.json", files["fuel/5.json"])  # a load that began with the contract before
    unload_file(folder.url, "fuel/3.json", folder.options)
    dataset = folder.options.catalogue["fuel"]
    with fresh() as url, connect(url) as other:
        accepted(other, after)
        again = replace(folder, url=url)
        for number, name in enumerate(files, start=1):
            loaded = again.drop_and_load(name, files[name])
            assert loaded.is_loaded and loaded.file.file_id == number
            if number == 3:
                unload_file(url, name, again.options)
            assert rows_as_of(connection, dataset, number) == all_rows(other, dataset)


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (2, 3, 1), (1, 3, 2)])
@pytest.mark.parametrize("gone", [1, 2, 3])
def test_a_version_counts_again_where_the_one_after_it_is_gone(
    folder: FolderUnderTest, connection: Connection, order: tuple[int, ...], gone: int
) -> None:
    folder = in_force(folder, connection, FUEL + KEPT)
    dataset = folder.options.catalogue["fuel"]
    found = {number: folder.drop(f"fuel/{number}.json", [payment(1, litres=number)]) for number in (1, 2, 3)}
    for number in (1, 2, 3):
        ledger.register(connection, found[number])
    for number in order:
        folder.load(found[number])
    unload_file(folder.url, f"fuel/{gone}.json", folder.options)
    for file_id in range(5):
        left = [number for number in (1, 2, 3) if number <= file_id and number != gone]
        rows = rows_as_of(connection, dataset, file_id)
        assert len(rows) == bool(left)
        assert not left or f"Decimal('{left[-1]}')" in rows[0]


# -- commands ---------------------------------------------------------------------------------------------------------


def test_the_commands_say_what_is_kept_what_a_record_was_and_what_changed_figures(
    raw_folder: FolderUnderTest, connection: Connection
) -> None:
    environment = {
        "LOGISTICS_DATABASE_URL": raw_folder.url,
        "LOGISTICS_DATA_DIR": str(raw_folder.options.raw_dir.parent),
    }

    def run(*arguments: str, fails: bool = False) -> str:
        done = CliRunner().invoke(app, ["history", *arguments], env=environment)
        assert isinstance(done.exception, PipelineError if fails else NoneType), done.exception
        return str(done.exception) if fails else done.output

    assert "logistics history keep" in run("show")
    assert "kept from now on" in run("keep", "vehicles")
    assert "kept already" in run("keep", "vehicles")
    assert "There is no dataset 'lorries'" in run("keep", "lorries", fails=True)
    raw_folder.drop_and_load("vehicles/1.json", [vehicle(1, total_mileage=100), vehicle(2, total_mileage=50)])
    raw_folder.drop_and_load("vehicles/2.json", [vehicle(2, total_mileage=50)])
    raw_folder.drop_and_load("vehicles/3.json", [vehicle(1, total_mileage=120, name="Renamed")])

    (shown,) = map(json.loads, run("show", "--json").splitlines())
    assert (shown["dataset"], shown["is_kept"], shown["superseded_kept"], shown["gaps"]) == ("vehicles", True, 2, [])
    first, last = map(json.loads, run("of", "vehicles", "v1", "--json").splitlines())
    assert (first["file"], last["file"]) == ("vehicles/1.json", "vehicles/3.json")
    assert {name: float(value) if name != "name" else value for name, value in last["changed"].items()} == {
        "name": "Renamed",
        "total_mileage": 120.0,
    }
    assert "Renamed" in run("of", "vehicles", "v1")
    assert "no record" in run("of", "vehicles", "v9", fails=True)
    beside, change = map(json.loads, run("figures", "vehicles", "--since", "1", "--json").splitlines())
    assert (beside["files"], change["file"]) == (2, "vehicles/3.json"), "the second one changed nothing"
    assert {float(beside[when]["lifetime_distance"]) for when in ("then", "now")} == {150.0, 170.0}
    assert "vehicles/3.json" in run("figures", "vehicles", "--since", "vehicles/1.json")
    early = run("figures", "vehicles", "lifetime_distance", "--since", "2001-01-01")
    assert run("figures", "vehicles", "lifetime_distance", "--since", "0") == early
    assert "none" in early and "None" not in early, "sums of nothing, in words"
    assert "does not keep" in run("figures", "shipments", "--since", "1", fails=True)
    assert "kept no longer" in run("stop", "vehicles")
