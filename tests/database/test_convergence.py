"""What the raw tables hold depends on the files and the order of their registration, on nothing else."""

import gzip
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from psycopg import sql

from logistics_pipeline import ledger
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.errors import TransientError
from logistics_pipeline.files.folder import FoundFile
from logistics_pipeline.loading.options import BatchLimits
from logistics_pipeline.loading.unload import unload_file
from logistics_pipeline.migrations import migrate
from tests.database.conftest import FolderUnderTest, Interrupted, at_statement
from tests.database.records import Record, as_array, as_csv, as_lines, log, shipment, vehicle
from tests.examples import few_or_all
from tests.keyed import add_contracts, reading, visit

Makers = dict[str, Callable[..., Record]]
BUILT_IN: Makers = {"vehicles": vehicle, "vehicle_logs": log, "shipments": shipment}
KEYED: Makers = {"readings": reading, "visits": visit}
MAKERS = BUILT_IN | KEYED
MEASURES = {"vehicles": "total_mileage", "vehicle_logs": "mileage", "shipments": "cost"}
MEASURES |= {"readings": "value", "visits": "guests"}
IDENTITIES = {"vehicles": "substr(vehicle_id, 2)", "vehicle_logs": "substr(log_id, 2)"}
IDENTITIES |= {"shipments": "substr(shipment_id, 2)", "readings": "(2 * slot + substr(station, 2)::integer)::integer"}
IDENTITIES |= {"visits": "format('%%s/%%s', file_id, record_no)"}
"""Dataset → what identifies a row, as the model does: the number of its key or, without a key, where it came from."""
WRITERS: dict[str, Callable[[list[Record]], bytes]] = {
    ".json": as_array,
    ".ndjson": as_lines,
    ".csv": as_csv,
    ".json.gz": lambda records: gzip.compress(as_array(records), mtime=0),
}


def at_most_half_bad(entries: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """A file with more bad records than good ones fails: then another load of it is another story."""
    kept, bad = list[tuple[int, int]](), 0
    for key, measure in entries:
        bad += measure < 0
        kept.append((key, 0 if measure < 0 and 2 * bad > len(entries) else measure))
    return kept


entries = st.lists(st.tuples(st.integers(0, 5), st.integers(-1, 3)), max_size=9).map(at_most_half_bad)
"""Records as (key, measure); a negative measure is against the contract."""


@dataclass
class Version:
    """A registered version of a file, as the model knows it."""

    dataset: str
    found: FoundFile
    entries: list[tuple[int, int]]
    is_current: bool = True
    accepted: int = field(default=0)


class Converging(RuleBasedStateMachine):
    """Files with overlapping keys, registered in one order, loaded in another, interrupted, repeated, changed."""

    def __init__(self, raw_folder: FolderUnderTest, connection: Connection, makers: Makers) -> None:
        super().__init__()
        self.connection = connection
        self.folder = replace(
            raw_folder, options=replace(raw_folder.options, batch=BatchLimits(3, 1 << 20), retry_seconds=0.001)
        )
        self.versions: list[Version] = []
        self.names = count()
        self.makers = makers
        tables = sql.SQL(", ").join(sql.Identifier("raw", dataset) for dataset in makers)
        connection.execute(sql.SQL("TRUNCATE {}, ingest.files RESTART IDENTITY CASCADE").format(tables))

    # -- what happens ----------------------------------------------------------------------------------------------

    @rule(data=st.data(), suffix=st.sampled_from(list(WRITERS)), entries=entries)
    def register(self, data: st.DataObject, suffix: str, entries: list[tuple[int, int]]) -> None:
        dataset = data.draw(st.sampled_from(list(self.makers)), label="dataset")
        self._register(dataset, f"{dataset}/{next(self.names)}{suffix}", entries)

    @precondition(lambda self: self.versions)
    @rule(data=st.data(), entries=entries)
    def change(self, data: st.DataObject, entries: list[tuple[int, int]]) -> None:
        old = self._choose(data)
        key = str(old.found.path.relative_to(self.folder.options.raw_dir))
        if self._content(old.dataset, key, entries) != old.found.path.read_bytes():
            old.is_current = False
            self._register(old.dataset, key, entries)

    @precondition(lambda self: self.versions)
    @rule(data=st.data(), reference_parser=st.booleans())
    def load(self, data: st.DataObject, reference_parser: bool) -> None:
        """Whichever parser begins or ends a load, and however often it is called."""
        self._load(self._choose(data), reference_parser)

    @precondition(lambda self: self.versions)
    @rule(data=st.data())
    def touch_and_load(self, data: st.DataObject) -> None:
        """A touch of a file that was loaded changes nothing; before that it is a change like any other."""
        version = self._choose(data)
        self._load(version)
        version.found = self.folder.touch(version.found.path)
        self._load(version)

    @precondition(lambda self: self.versions)
    @rule(data=st.data(), statement=st.integers(0, 30), reference_parser=st.booleans())
    def load_and_die(self, data: st.DataObject, statement: int, reference_parser: bool) -> None:
        def die(_: Connection) -> None:
            raise Interrupted

        with at_statement(statement, die), suppress(Interrupted):
            self._load(self._choose(data), reference_parser)

    @precondition(lambda self: len(self.versions) > 1)
    @rule(data=st.data(), statement=st.integers(0, 30))
    def load_while_another_is_loaded(self, data: st.DataObject, statement: int) -> None:
        ours, other = self._choose(data), self._choose(data)

        def meanwhile(_: Connection) -> None:
            with suppress(TransientError):  # where it would have to wait for us
                self._load(other)

        with at_statement(statement, meanwhile), suppress(TransientError):
            self._load(ours)

    @precondition(lambda self: self.versions and all(version.is_current for version in self.versions))
    @rule(data=st.data())
    def unload_and_load_what_lost_keys_to_it(self, data: st.DataObject) -> None:
        """The content of versions that are not current is gone: what they had lost nobody can bring back."""
        unloaded = self._choose(data)
        self._load(unloaded)
        unload_file(self.folder.url, unloaded.found.key, self.folder.options)
        for file, version in zip(ledger.files_in_order(self.connection), self.versions, strict=True):
            if file.is_reload_due:
                self._load(version)

    def teardown(self) -> None:
        for version in self.versions:
            if version.is_current:
                self._load(version)
        self.tables_equal_the_model()
        states = {(file.path, file.version): file.state for file in ledger.files_in_order(self.connection)}
        assert len(states) == len(self.versions)
        assert set(states.values()) <= {"loaded", "failed", "unloaded"}

    # -- what must hold --------------------------------------------------------------------------------------------

    @invariant()
    def tables_equal_the_model(self) -> None:
        files = ledger.files_in_order(self.connection)
        rows = {dataset: self._rows(dataset) for dataset in self.makers}
        expected: dict[str, dict[str, tuple[Any, ...]]] = {dataset: {} for dataset in self.makers}
        rejected: Counter[int] = Counter()
        assert [file.path for file in files] == [version.found.key for version in self.versions]
        for file, version in zip(files, self.versions, strict=True):
            for number, (key, measure) in enumerate(version.entries[: file.records_read], start=1):
                if measure < 0:
                    rejected[file.file_id] += 1
                else:
                    identity = f"{file.file_id}/{number}" if version.dataset == "visits" else str(key)
                    expected[version.dataset][identity] = (measure, file.file_id, number)
        assert rows == expected
        owners = Counter(file_id for of_dataset in expected.values() for _, file_id, _ in of_dataset.values())
        for file in files:
            assert file.is_balanced
            assert (file.records_loaded, file.records_rejected) == (owners[file.file_id], rejected[file.file_id])

    @invariant()
    def a_loaded_file_was_read_to_its_end(self) -> None:
        for file, version in zip(ledger.files_in_order(self.connection), self.versions, strict=True):
            if file.state == "loaded":
                assert file.records_read == len(version.entries)

    # -- the pieces ------------------------------------------------------------------------------------------------

    def _content(self, dataset: str, name: str, entries: list[tuple[int, int]]) -> bytes:
        records = [MAKERS[dataset](key, **{MEASURES[dataset]: measure}) for key, measure in entries]
        if not records and name.endswith((".csv", ".ndjson")):
            return ",".join(MAKERS[dataset](0)).encode() + b"\n"
        return next(write for suffix, write in WRITERS.items() if name.endswith(suffix))(records)

    def _register(self, dataset: str, name: str, entries: list[tuple[int, int]]) -> None:
        found = self.folder.drop(name, self._content(dataset, name, entries))
        ledger.register(self.connection, found)
        self.versions.append(Version(dataset, found, entries))

    def _choose(self, data: st.DataObject) -> Version:
        return data.draw(st.sampled_from([version for version in self.versions if version.is_current]), label="file")

    def _load(self, version: Version, reference_parser: bool = False) -> None:
        assert self.folder.load(version.found, reference_parser=reference_parser).is_loaded

    def _rows(self, dataset: str) -> dict[str, tuple[Any, ...]]:
        query = sql.SQL("SELECT ({})::text, {}, file_id, record_no FROM {}").format(
            sql.SQL(IDENTITIES[dataset]), sql.Identifier(MEASURES[dataset]), sql.Identifier("raw", dataset)
        )
        rows = self.connection.execute(query, ()).fetchall()
        assert len({key for key, *_ in rows}) == len(rows)
        return {key: tuple(values) for key, *values in rows}


@few_or_all(10, of=30)
@pytest.mark.parametrize("makers", [BUILT_IN, KEYED], ids=["one text", "several fields and none"])
@pytest.mark.usefixtures("impatient")
def test_the_tables_equal_a_simple_model_after_any_sequence(
    raw_folder: FolderUnderTest,
    connection: Connection,
    limit_lock_waits: Callable[[str], None],
    makers: Makers,
    examples: int,
) -> None:
    # A file loaded in the middle of another one's transaction must not wait for it: they share a thread.
    limit_lock_waits("50ms")
    catalogue = add_contracts(raw_folder.options.raw_dir.parent)
    migrate(raw_folder.url, catalogue=catalogue)
    folder = replace(raw_folder, options=replace(raw_folder.options, catalogue=catalogue))
    run_state_machine_as_test(
        lambda: Converging(folder, connection, makers),
        settings=settings(
            max_examples=examples,
            stateful_step_count=14,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
        ),
    )


def test_keys_that_vanish_from_a_newer_version_stay_from_the_older(
    raw_folder: FolderUnderTest, connection: Connection
) -> None:
    raw_folder.drop_and_load("vehicles.json", [vehicle(1), vehicle(2)])
    raw_folder.drop_and_load("vehicles.json", [vehicle(2, name="new")])

    rows = connection.execute("SELECT vehicle_id, name FROM raw.vehicles ORDER BY 1").fetchall()
    assert rows == [("v1", "Truck 1"), ("v2", "new")]
