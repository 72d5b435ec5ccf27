"""Figures follow links: after any links, loads, unloads and kills they are what a full recompute would make of them."""

from collections import defaultdict
from contextlib import suppress
from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test
from psycopg import sql

from logistics_core.identities.names import LONGEST_ID
from logistics_core.metrics.periods import Grain
from logistics_core.metrics.rollups import Precision
from logistics_core.metrics.rollups import source as rollups_source
from logistics_pipeline import ledger
from logistics_pipeline.analytics import rollups
from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.analytics.rollup_check import rollup_differences
from logistics_pipeline.contracts.retiring import retire_dataset
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.database.contracts import catalogue_in_force
from logistics_pipeline.files.folder import FoundFile
from logistics_pipeline.loading.contract.record_validator import MAX_TEXT_CHARACTERS
from logistics_pipeline.loading.options import BatchLimits
from logistics_pipeline.loading.unload import unload_file
from tests.contract_texts import synced_catalogue
from tests.database.conftest import FolderUnderTest, Interrupted, at_statement
from tests.database.test_rollups import by_longer_periods
from tests.examples import few_or_all
from tests.identities import CONTRACTS, link, payment, position, truck


@pytest.fixture
def folder(raw_folder: FolderUnderTest, raw_dir: Path) -> FolderUnderTest:
    """A raw folder, and a database that knows the datasets."""
    contracts = raw_dir.parent / "contracts"
    contracts.mkdir()
    for name, text in CONTRACTS.items():
        (contracts / f"{name}.yaml").write_text(text)
    catalogue = synced_catalogue(raw_folder.url, contracts)
    return replace(raw_folder, options=replace(raw_folder.options, catalogue=catalogue))


def make_link(connection: Connection, plate: int, number: int | None, system: str = "fuelco") -> None:
    made = link(plate, number, system)
    connection.execute(
        "SELECT identity.make_link('fleet', %s, %s, %s, 'Ada', 'seen in the yard')",
        (system, made["external_id"], made["truck_id"]),
    )


def differences(connection: Connection) -> list[Any]:
    return [
        each for name in ("fuel", "positions") for each in rollup_differences(connection, dataset(connection, name))
    ]


def dataset(connection: Connection, name: str) -> Any:
    return catalogue_in_force(connection)[name]


def stored_rollups(connection: Connection) -> dict[str, list[str]]:
    """All rows of all rollups, by what each rollup is."""
    found = {}
    listed = connection.execute(
        "SELECT table_name, dataset || document::text FROM analytics.rollups WHERE replaced_at IS NULL"
    ).fetchall()
    for table, document in listed:
        rows = connection.execute(f"SELECT row::text FROM rollups.{table} AS row".encode()).fetchall()
        found[document] = sorted(text for (text,) in rows)
    return found


def spent_by_truck(connection: Connection) -> dict[tuple[str, str | None], tuple[int, Decimal]]:
    """What the rollup by truck says: payments and sum of prices, by day and truck."""
    (table,) = connection.execute(
        "SELECT table_name FROM analytics.rollups WHERE dataset = 'fuel' AND replaced_at IS NULL "
        "AND document->'dimensions' ? 'truck' AND document->>'values' IS NULL LIMIT 1"
    ).fetchone() or (None,)
    assert table is not None
    rows = connection.execute(
        f'SELECT day::text, truck, sum("rows()")::int, sum("sum(price)") FROM rollups.{table} GROUP BY 1, 2'.encode()
    ).fetchall()
    return {(day, truck): (count, total) for day, truck, count, total in rows}


def test_the_longest_ids_there_can_be_are_linked_and_proposed(folder: FolderUnderTest, connection: Connection) -> None:
    """Entries of an index are limited in bytes; texts of all kinds of characters compress badly."""
    random = Random("ids")
    plate, key = ("".join(chr(random.randrange(0x20000, 0x2A000)) for _ in range(LONGEST_ID)) for _ in range(2))
    assert LONGEST_ID == MAX_TEXT_CHARACTERS
    folder.drop_and_load("fleet.json", [truck(1, truck_id=key, plate=plate)])
    folder.drop_and_load("fuel.json", [payment(1, 1) | {"plate": plate}])
    refresh(folder.url)
    (proposed,) = connection.execute("SELECT proposal_id, external_id, master_key FROM identity.proposals").fetchall()
    assert proposed[1:] == (plate, key)
    connection.execute("SELECT identity.decide_proposal(%s, true, 'Ada', '')", proposed[:1])
    refresh(folder.url)
    assert connection.execute("SELECT external_id, master_key FROM identity.current_links").fetchall() == [(plate, key)]
    assert differences(connection) == []


# -- any sequence ------------------------------------------------------------------------------------------------------

DELIVERIES = st.one_of(
    st.tuples(
        st.just("fuel"),
        st.lists(
            st.builds(payment, st.integers(0, 7), st.one_of(st.none(), st.integers(0, 3)), st.integers(0, 40)),
            min_size=1,
            max_size=8,
        ),
    ),
    st.tuples(
        st.just("fleet_links"),
        st.lists(st.builds(link, st.integers(0, 3), st.one_of(st.none(), st.integers(0, 2))), min_size=1, max_size=6),
    ),
    st.tuples(
        st.just("positions"),
        st.lists(st.builds(position, st.integers(0, 2), st.integers(0, 9)), min_size=1, max_size=4),
    ),
)


def die(_: Connection) -> None:
    raise Interrupted


class Linking(RuleBasedStateMachine):
    """Payments and links arrive in files, are loaded in any order, killed and unloaded; people link ids; refreshes come
    at any moment, and are killed too."""

    def __init__(self, folder: FolderUnderTest, connection: Connection) -> None:
        super().__init__()
        self.connection = connection
        self.folder = replace(
            folder, options=replace(folder.options, batch=BatchLimits(3, 1 << 20), retry_seconds=0.001)
        )
        self.waiting: list[FoundFile] = []
        self.loaded: list[FoundFile] = []
        self.unloaded: list[FoundFile] = []
        self.said: list[tuple[Any, str, str | None]] = []
        """What people have said: when, external id, key."""
        self.names = count()
        connection.execute(
            "TRUNCATE raw.fleet, raw.fuel, raw.positions, raw.fleet_links, ingest.files, ingest.batches, "
            "analytics.rollup_datasets, identity.links, identity.current_links, identity.proposals "
            "RESTART IDENTITY CASCADE"
        )
        kept = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'history'").fetchall()
        for (table,) in kept:
            connection.execute(sql.SQL("TRUNCATE {}").format(sql.Identifier("history", table)))
        refresh(folder.url, full=True)  # empties what an example before has left

    @rule(delivery=DELIVERIES)
    def register(self, delivery: tuple[str, list[dict[str, Any]]]) -> None:
        dataset, records = delivery
        found = self.folder.drop(f"{dataset}/{next(self.names)}.json", records)
        ledger.register(self.connection, found)
        self.waiting.append(found)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def load(self, data: st.DataObject) -> None:
        self._load(data.draw(st.sampled_from(self.waiting), label="file"))

    @precondition(lambda self: self.waiting)
    @rule(data=st.data(), statement=st.integers(0, 30))
    def load_and_die(self, data: st.DataObject, statement: int) -> None:
        found = data.draw(st.sampled_from(self.waiting), label="file")
        with at_statement(statement, die), suppress(Interrupted):
            self._load(found)

    @precondition(lambda self: self.loaded)
    @rule(data=st.data())
    def unload(self, data: st.DataObject) -> None:
        found = data.draw(st.sampled_from(self.loaded), label="file")
        assert unload_file(self.folder.url, found.key, self.folder.options).file.state == "unloaded"
        self.loaded.remove(found)
        self.unloaded.append(found)

    @precondition(lambda self: self.unloaded)
    @rule(data=st.data())
    def ask_for_an_unloaded_file(self, data: st.DataObject) -> None:
        found = data.draw(st.sampled_from(self.unloaded), label="file")
        self.unloaded.remove(found)
        self.waiting.append(found)

    @rule(plate=st.integers(0, 3), number=st.one_of(st.none(), st.integers(0, 2)))
    def say(self, plate: int, number: int | None) -> None:
        made = link(plate, number)
        self.connection.execute(
            "SELECT identity.make_link('fleet', 'fuelco', %s, %s, 'Ada', '')", (made["external_id"], made["truck_id"])
        )
        (at,) = (
            self.connection.execute("SELECT made_at FROM identity.links ORDER BY link_id DESC LIMIT 1").fetchone() or ()
        )
        self.said.append((at, made["external_id"], made["truck_id"]))

    @rule()
    def refresh(self) -> None:
        self._refresh()

    @rule(statement=st.integers(0, 60))
    def refresh_and_die(self, statement: int) -> None:
        """Either it is done, or nothing of it: another one finds out."""
        with at_statement(statement, die, of="logistics refresh"), suppress(Interrupted):
            refresh(self.folder.url)

    def teardown(self) -> None:
        for found in list(self.waiting):
            self._load(found)
        self._refresh()
        before = stored_rollups(self.connection)
        refresh(self.folder.url, full=True)
        assert stored_rollups(self.connection) == before

    def _load(self, found: FoundFile) -> None:
        assert self.folder.load(found).is_loaded
        self.waiting.remove(found)
        self.loaded.append(found)

    def _refresh(self) -> None:
        refresh(self.folder.url)
        assert not differences(self.connection)
        known = self.connection.execute("SELECT FROM analytics.rollup_datasets WHERE dataset = 'fuel'").fetchall()
        assert (spent_by_truck(self.connection) if known else {}) == self._expected()

    def _expected(self) -> dict[tuple[str, str | None], tuple[int, Decimal]]:
        """Payments by day and truck, in Python: of the records there are, and of what people and files have said."""
        in_files = self.connection.execute(
            "SELECT file.registered_at, page.file_id, page.record_no, external_id, truck_id "
            "FROM raw.fleet_links AS page JOIN ingest.files AS file USING (file_id)"
        ).fetchall()
        made = [((at, 0, file, record), external, key) for at, file, record, external, key in in_files]
        made += [((at, 1, number, 0), external, key) for number, (at, external, key) in enumerate(self.said)]
        decides = {external: key for _, external, key in sorted(made, key=lambda each: each[0])}
        found: dict[tuple[str, str | None], tuple[int, Decimal]] = defaultdict(lambda: (0, Decimal(0)))
        rows = self.connection.execute("SELECT paid_on::text, plate, price FROM raw.fuel").fetchall()
        for day, plate, price in rows:
            truck_id = None if plate is None else decides.get(plate) or f"fuelco:{plate}"
            number, total = found[day, truck_id]
            found[day, truck_id] = number + 1, total + price
        return dict(found)


def check_any_sequence(folder: FolderUnderTest, connection: Connection, examples: int) -> None:
    refresh(folder.url)
    run_state_machine_as_test(
        lambda: Linking(folder, connection),
        settings=settings(
            max_examples=examples,
            stateful_step_count=16,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
        ),
    )


@few_or_all(8, of=25)
def test_figures_equal_a_full_recompute_after_any_sequence(
    folder: FolderUnderTest, connection: Connection, examples: int
) -> None:
    check_any_sequence(folder, connection, examples)


@pytest.mark.slow
@few_or_all(4, of=15)
def test_figures_of_a_dataset_that_keeps_its_history_do_too(
    folder: FolderUnderTest, connection: Connection, examples: int
) -> None:
    contracts = folder.options.raw_dir.parent / "contracts"
    for name in ("fuel", "fleet"):
        (contracts / f"{name}.yaml").write_text(CONTRACTS[name] + "history: true\n")
    catalogue = synced_catalogue(folder.url, contracts)
    keeping = replace(folder, options=replace(folder.options, catalogue=catalogue))
    check_any_sequence(keeping, connection, examples)


@pytest.mark.slow
@few_or_all(4, of=15)
def test_figures_by_longer_periods_do_too(
    folder: FolderUnderTest, connection: Connection, monkeypatch: pytest.MonkeyPatch, examples: int
) -> None:
    by_longer_periods(monkeypatch, set(Precision))
    check_any_sequence(folder, connection, examples)
    units = connection.execute("SELECT DISTINCT document->>'unit' FROM analytics.rollups").fetchall()
    assert {(Grain.MONTH.value,), (Grain.WEEK.value,)} & set(units)


# -- by example --------------------------------------------------------------------------------------------------------


def test_a_link_makes_exactly_the_touched_days_stale(
    folder: FolderUnderTest, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    replaced: list[date] = []
    replace_days = rollups._replace_days

    def noting(connection: Connection, dataset: Any, contents: Any, stored: Any, days: Any, at_hand: Any) -> int:
        replaced.extend(days or [])
        return replace_days(connection, dataset, contents, stored, days, at_hand)

    folder.drop_and_load("fuel.json", [payment(n, n % 5, n) for n in range(40)])
    refresh(folder.url)
    monkeypatch.setattr(rollups, "_replace_days", noting)

    make_link(connection, 2, 7)
    refresh(folder.url)

    expected = {date.fromisoformat(payment(n, 2, n)["paid_on"]) for n in range(40) if n % 5 == 2}
    assert set(replaced) == expected
    assert {truck for _, truck in spent_by_truck(connection) if truck and truck.startswith("TRUCK")} == {"TRUCK-07"}

    replaced.clear()
    make_link(connection, 2, 7)  # the same again: nothing changes
    refresh(folder.url)
    assert replaced == []


def test_a_link_on_days_that_grow_makes_longer_periods_anew(
    folder: FolderUnderTest, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_longer_periods(monkeypatch, set(Precision))
    folder.drop_and_load("fuel/1.json", [payment(n, n % 3, n % 9) for n in range(20)])
    refresh(folder.url)
    make_link(connection, 1, 7)
    folder.drop_and_load("fuel/2.json", [payment(n, n % 3, n % 9) for n in range(20, 30)])

    refresh(folder.url)

    assert not differences(connection)


def test_a_wrong_merge_is_undone_by_a_later_link(folder: FolderUnderTest, connection: Connection) -> None:
    folder.drop_and_load("fuel.json", [payment(n, n % 2, n) for n in range(10)])
    refresh(folder.url)
    before = spent_by_truck(connection)

    make_link(connection, 0, 1)
    make_link(connection, 1, 1)
    refresh(folder.url)
    assert {truck for _, truck in spent_by_truck(connection)} == {"TRUCK-01"}

    make_link(connection, 0, None)
    make_link(connection, 1, None)
    refresh(folder.url)
    assert spent_by_truck(connection) == before
    assert connection.execute("SELECT count(*) FROM identity.links").fetchone() == (4,)


def test_links_are_never_changed_or_deleted(folder: FolderUnderTest, connection: Connection) -> None:
    make_link(connection, 0, 1)
    for statement in ("UPDATE identity.links SET master_key = 'X'", "DELETE FROM identity.links"):
        with pytest.raises(psycopg.errors.RestrictViolation, match="make a later link"):
            connection.execute(statement.encode())


def test_a_file_that_was_registered_before_a_decision_does_not_undo_it(
    folder: FolderUnderTest, connection: Connection
) -> None:
    folder.drop_and_load("fuel.json", [payment(1, 0)])
    folder.drop_and_load("fleet_links/1.json", [link(0, 1)])
    make_link(connection, 0, 2)
    refresh(folder.url)
    assert {truck for _, truck in spent_by_truck(connection)} == {"TRUCK-02"}

    unload_file(folder.url, "fleet_links/1.json", folder.options)
    folder.load(folder.touch(folder.options.raw_dir / "fleet_links/1.json"))  # registered anew: it is the newest now
    refresh(folder.url)

    truck_ids = {truck for _, truck in spent_by_truck(connection)}
    assert truck_ids <= {"TRUCK-01", "TRUCK-02"}
    assert not differences(connection)


def test_a_link_to_a_master_record_that_has_not_arrived_counts(folder: FolderUnderTest, connection: Connection) -> None:
    folder.drop_and_load("fuel.json", [payment(1, 0)])
    folder.drop_and_load("fleet_links/1.json", [link(0, 99)])
    refresh(folder.url)
    assert {truck for _, truck in spent_by_truck(connection)} == {"TRUCK-99"}
    folder.drop_and_load("fleet.json", [truck(99)])
    refresh(folder.url)
    assert not differences(connection)


# -- proposals ---------------------------------------------------------------------------------------------------------


def proposals(connection: Connection) -> list[tuple[str, str, str, str]]:
    """External id, master key, rule and state of each."""
    return connection.execute(
        "SELECT external_id, master_key, rule, state FROM identity.proposals ORDER BY external_id, master_key"
    ).fetchall()


def accept_by_rule(folder: FolderUnderTest) -> None:
    """Has the rule same_plate decide by itself."""
    contract = folder.options.raw_dir.parent / "contracts" / "fleet.yaml"
    contract.write_text(contract.read_text().replace("field: plate}", "field: plate, accept: true}"))
    synced_catalogue(folder.url, contract.parent)


def test_the_same_plate_and_near_names_are_proposed_with_evidence(
    folder: FolderUnderTest, connection: Connection
) -> None:
    folder.drop_and_load("fleet.json", [truck(1), truck(2), truck(3, nickname="Grey Heron, the")])
    folder.drop_and_load("fuel.json", [payment(1, 1), payment(2, 8)])
    folder.drop_and_load("positions.json", [position(0, label="The grey heron"), position(1, label="Old tractor")])
    refresh(folder.url)

    assert proposals(connection) == [
        ("88120", "TRUCK-03", "near_name", "open"),
        ("W-1231", "TRUCK-01", "same_plate", "open"),
    ]
    (evidence,) = (
        connection.execute("SELECT evidence FROM identity.proposals WHERE rule = 'near_name'").fetchone() or ()
    )
    assert evidence == (
        "telematics 88120: the label is 'The grey heron', the nickname of truck TRUCK-03 is 'Grey Heron, the'; they "
        "are 100 % alike."
    )


def test_what_is_rejected_stays_rejected(folder: FolderUnderTest, connection: Connection) -> None:
    folder.drop_and_load("fleet.json", [truck(1)])
    folder.drop_and_load("fuel/1.json", [payment(1, 1)])
    refresh(folder.url)
    assert proposals(connection) == [("W-1231", "TRUCK-01", "same_plate", "open")]

    connection.execute("SELECT identity.decide_proposal(1, false, 'Ada', 'another country')")
    assert connection.execute("SELECT identity.decide_proposal(1, true, 'Bob', '')").fetchone() == (None,)
    accept_by_rule(folder)
    folder.drop_and_load("fuel/2.json", [payment(2, 1)])
    refresh(folder.url)

    assert proposals(connection) == [("W-1231", "TRUCK-01", "same_plate", "rejected")]
    assert {truck for _, truck in spent_by_truck(connection)} == {"fuelco:W-1231"}


def test_an_accepted_proposal_is_a_link_with_its_evidence(folder: FolderUnderTest, connection: Connection) -> None:
    folder.drop_and_load("fleet.json", [truck(1)])
    folder.drop_and_load("fuel.json", [payment(1, 1)])
    refresh(folder.url)
    connection.execute("SELECT identity.decide_proposal(1, true, 'Ada', 'Seen it.')")
    refresh(folder.url)

    assert {truck for _, truck in spent_by_truck(connection)} == {"TRUCK-01"}
    (found,) = connection.execute("SELECT author, source, reason FROM identity.links").fetchall()
    assert found == (
        "Ada",
        "person",
        "Seen it. fuelco W-1231: the plate is 'W-1231', the plate of truck TRUCK-01 is 'W 1231'; letters and digits "
        "are the same.",
    )


def test_a_declared_rule_accepts_where_there_is_no_doubt(folder: FolderUnderTest, connection: Connection) -> None:
    accept_by_rule(folder)
    folder.drop_and_load("fleet.json", [truck(1), truck(2), truck(3, plate="w1232")])
    folder.drop_and_load("fuel.json", [payment(1, 1), payment(2, 2)])
    done = refresh(folder.url)

    assert done.batches > 0
    assert proposals(connection) == [
        ("W-1231", "TRUCK-01", "same_plate", "accepted"),
        ("W-1232", "TRUCK-02", "same_plate", "open"),
        ("W-1232", "TRUCK-03", "same_plate", "open"),
    ]
    assert {truck for _, truck in spent_by_truck(connection)} == {"TRUCK-01", "fuelco:W-1232"}
    assert connection.execute("SELECT author, source FROM identity.links").fetchall() == [("same_plate", "rule")]


def test_a_rule_does_not_repeat_what_a_person_has_undone(folder: FolderUnderTest, connection: Connection) -> None:
    accept_by_rule(folder)
    folder.drop_and_load("fuel/1.json", [payment(1, 1)])
    make_link(connection, 1, 2)
    make_link(connection, 1, None)
    folder.drop_and_load("fleet.json", [truck(1)])
    refresh(folder.url)

    assert proposals(connection) == [("W-1231", "TRUCK-01", "same_plate", "open")]
    make_link(connection, 1, 2)
    refresh(folder.url)
    assert proposals(connection) == [("W-1231", "TRUCK-01", "same_plate", "withdrawn")]
    make_link(connection, 1, None)
    refresh(folder.url)
    assert proposals(connection) == [("W-1231", "TRUCK-01", "same_plate", "open")]


# -- what waits --------------------------------------------------------------------------------------------------------


def test_a_link_that_waits_makes_the_figures_stale(folder: FolderUnderTest, connection: Connection) -> None:
    refresh(folder.url)
    assert not ledger.staleness(connection).is_stale
    make_link(connection, 0, 1)
    assert ledger.staleness(connection).is_stale
    refresh(folder.url)
    assert not ledger.staleness(connection).is_stale
    assert refresh(folder.url).batches == 0


def test_a_retired_dataset_of_links_is_withdrawn(folder: FolderUnderTest, connection: Connection) -> None:
    folder.drop_and_load("fuel/1.json", [payment(1, 0)])
    folder.drop_and_load("fleet_links.json", [link(0, 1)])
    refresh(folder.url)
    assert {truck for _, truck in spent_by_truck(connection)} == {"TRUCK-01"}

    retire_dataset(connection, "fleet_links", retired_by="test")
    folder.drop_and_load("fuel/2.json", [payment(2, 0)])
    refresh(folder.url)

    assert {truck for _, truck in spent_by_truck(connection)} == {"fuelco:W-1230"}
    assert not differences(connection)


def test_records_of_links_without_an_id_or_corrected_later(folder: FolderUnderTest, connection: Connection) -> None:
    folder.drop_and_load("fuel.json", [payment(1, 0), payment(2, 1)])
    folder.drop_and_load("fleet_links/1.json", [link(0, 1), link(1, 1, external_id="")])
    folder.drop_and_load("fleet_links/2.json", [link(0, None, truck_id="")])
    refresh(folder.url)
    assert {truck for _, truck in spent_by_truck(connection)} == {"fuelco:W-1230", "fuelco:W-1231"}


def test_links_are_left_out_of_statements_that_do_not_ask_for_them(
    folder: FolderUnderTest, connection: Connection
) -> None:
    records = rollups_source(dataset(connection, "fuel"))
    asked = sql.SQL("EXPLAIN SELECT paid_on, sum(price) FROM {} GROUP BY 1").format(records)
    assert "current_links" not in str(connection.execute(asked).fetchall())
