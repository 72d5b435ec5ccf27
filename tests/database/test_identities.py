"""Figures follow links: after any links, loads, unloads and kills they are what a full recompute would make of them."""

from collections import defaultdict
from contextlib import suppress
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from logistics_core.metrics.periods import Grain
from logistics_core.metrics.rollups import Precision
from logistics_pipeline.analytics import rollups
from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.analytics.rollup_check import rollup_differences
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.database.contracts import catalogue_in_force
from logistics_pipeline.errors import TransientError
from logistics_pipeline.loading.unload import unload_file
from tests.contract_texts import synced_catalogue
from tests.database.conftest import FolderUnderTest
from tests.database.test_rollups import by_longer_periods
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


# -- any sequence ------------------------------------------------------------------------------------------------------

_NUMBERS = st.lists(st.tuples(st.integers(0, 5), st.one_of(st.none(), st.integers(0, 2))), min_size=1, max_size=6)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("fuel"), st.integers(0, 2), _NUMBERS),
        st.tuples(st.just("links"), st.integers(0, 2), _NUMBERS),
        st.tuples(st.just("person"), st.just(0), _NUMBERS),
        st.tuples(st.just("positions"), st.integers(0, 1), _NUMBERS),
        st.tuples(st.just("unload"), st.integers(0, 20), st.just([])),
        st.tuples(st.just("killed refresh"), st.just(0), st.just([])),
        st.tuples(st.just("refresh"), st.just(0), st.just([])),
    ),
    min_size=4,
    max_size=16,
)


class Model:
    """What there should be, computed in Python from what was done."""

    def __init__(self) -> None:
        self.moment = 0
        self.payments: dict[str, tuple[str, dict[str, Any]]] = {}
        """By key: the file that it is from, and the record. Rows that were replaced do not come back."""
        self.links: dict[str, tuple[int, list[dict[str, Any]]]] = {}
        self.by_people: list[tuple[int, dict[str, Any]]] = []

    def unload(self, path: str) -> None:
        self.payments = {key: found for key, found in self.payments.items() if found[0] != path}
        self.links.pop(path, None)

    def now(self) -> int:
        self.moment += 1
        return self.moment

    def expected(self) -> dict[tuple[str, str | None], tuple[int, Decimal]]:
        newest: dict[str, tuple[int, str | None]] = {}
        made = [(at, each) for at, listed in self.links.values() for each in listed] + self.by_people
        for at, each in sorted(made, key=lambda pair: pair[0]):
            newest[each["external_id"]] = (at, each["truck_id"])
        found: dict[tuple[str, str | None], tuple[int, Decimal]] = defaultdict(lambda: (0, Decimal(0)))
        for _, each in self.payments.values():
            plate = each["plate"]
            truck_id = None if plate is None else newest.get(plate, (0, None))[1] or f"fuelco:{plate}"
            count, total = found[each["paid_on"], truck_id]
            found[each["paid_on"], truck_id] = count + 1, total + Decimal(repr(each["price"]))
        return dict(found)


def test_figures_equal_a_full_recompute_after_any_sequence(
    folder: FolderUnderTest, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_sequences(folder, connection, monkeypatch)


@pytest.mark.slow
def test_figures_by_longer_periods_equal_a_full_recompute_after_any_sequence(
    folder: FolderUnderTest, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_longer_periods(monkeypatch, set(Precision))
    check_sequences(folder, connection, monkeypatch)
    units = connection.execute("SELECT DISTINCT document->>'unit' FROM analytics.rollups").fetchall()
    assert (Grain.MONTH.value,) in units or (Grain.WEEK.value,) in units


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=10)
@given(steps=STEPS)
def check_sequences(
    folder: FolderUnderTest, connection: Connection, monkeypatch: pytest.MonkeyPatch, steps: Any
) -> None:
    """Links by people and files, payments, unloads and refreshes that are killed, at random."""
    connection.execute(
        "TRUNCATE raw.fleet, raw.fuel, raw.positions, raw.fleet_links, ingest.files, analytics.rollup_datasets, "
        "identity.links, identity.current_links, identity.proposals RESTART IDENTITY CASCADE"
    )
    model, loaded = Model(), list[str]()
    for action, number, pairs in steps:
        match action:
            case "refresh":
                check_refreshed(folder, connection, model)
            case "killed refresh":
                refresh_killed(folder, monkeypatch)
            case "unload" if loaded:
                path = loaded.pop(number % len(loaded))
                unload_file(folder.url, path, folder.options)
                model.unload(path)
            case "person":
                for plate, truck_number in pairs:
                    make_link(connection, plate, truck_number)
                    model.by_people.append((model.now(), link(plate, truck_number)))
            case "fuel" | "links" | "positions":
                load(folder, model, loaded, action, number, pairs)
    check_refreshed(folder, connection, model)
    before = stored_rollups(connection)
    refresh(folder.url, full=True)
    assert stored_rollups(connection) == before


def load(folder: FolderUnderTest, model: Model, loaded: list[str], action: str, number: int, pairs: Any) -> None:
    at = model.now()
    if action == "fuel":
        path = f"fuel/{at}.json"
        records = [payment(n, n % 4 if day is None else n % 3, 9 * (day or 0) + number) for n, day in pairs]
        model.payments |= {each["payment"]: (path, each) for each in records}
    elif action == "links":
        path = f"fleet_links/{at}.json"
        records = [link(plate, truck_number) for plate, truck_number in pairs]
        model.links[path] = (at, records)
    else:
        path = f"positions/{at}.json"
        records = [position(device, day or 0) for device, day in pairs]
    folder.drop_and_load(path, records)
    loaded.append(path)


def check_refreshed(folder: FolderUnderTest, connection: Connection, model: Model) -> None:
    refresh(folder.url)
    assert not differences(connection)
    expected = model.expected()
    known = connection.execute("SELECT FROM analytics.rollup_datasets WHERE dataset = 'fuel'").fetchall()
    assert (spent_by_truck(connection) if known else {}) == expected


def refresh_killed(folder: FolderUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refresh that fails after it has taken in the links: nothing of it may stay."""

    def fail(*_: Any, **__: Any) -> Any:
        raise psycopg.OperationalError("killed")

    with monkeypatch.context() as patch:
        patch.setattr("logistics_pipeline.analytics.refresh._publish", fail)
        with suppress(TransientError):  # without anything to refresh, it does not get so far
            refresh(folder.url)


# -- by example --------------------------------------------------------------------------------------------------------


def test_a_link_makes_exactly_the_touched_days_stale(
    folder: FolderUnderTest, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    replaced: list[date] = []
    replace_days = rollups._replace_days

    def noting(connection: Connection, dataset: Any, contents: Any, stored: Any, days: Any) -> int:
        replaced.extend(days or [])
        return replace_days(connection, dataset, contents, stored, days)

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
