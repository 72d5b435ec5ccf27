"""Earlier versions of records: what there was as of a file follows from the files, not from when they were loaded."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from psycopg import sql

from logistics_core import versions
from logistics_core.catalogue import Catalogue, Dataset
from logistics_pipeline import ledger
from logistics_pipeline.contracts.accepting import accept_contract
from logistics_pipeline.contracts.backfill import backfill_from_extras
from logistics_pipeline.contracts.texts import contract_of_text
from logistics_pipeline.database.connections import Connection, connect, with_database
from logistics_pipeline.database.contracts import catalogue_in_force
from logistics_pipeline.errors import TransientError
from logistics_pipeline.files.folder import FoundFile
from logistics_pipeline.loading.options import BatchLimits
from logistics_pipeline.loading.unload import unload_file
from tests.contract_texts import FUEL, payment
from tests.database.conftest import FolderUnderTest, Interrupted, at_statement
from tests.database.records import Record
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


entries = st.lists(st.tuples(st.integers(0, 4), st.integers(-1, 3)), min_size=1, max_size=8).map(at_most_half_bad)


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

    @rule(dataset=st.sampled_from(list(TEXTS)), entries=entries)
    def register(self, dataset: str, entries: list[tuple[int, int]]) -> None:
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


@few_or_all(8, of=60)
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
            stateful_step_count=14,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
        ),
    )
