"""Accepting contracts: version, table and indexes in one transaction; what would lose or change rows is refused."""

import json
import threading
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from logistics_core.catalogue import ContractError, built_in_catalogue
from logistics_core.database_contract import contracts as contract_names
from logistics_core.database_contract.roles import READER
from logistics_pipeline.contracts import accepting
from logistics_pipeline.contracts.accepting import Accepted, RefusedContractError, accept_contract
from logistics_pipeline.contracts.texts import contract_of_text
from logistics_pipeline.contracts.versions import all_versions
from logistics_pipeline.database.connections import Connection, connect
from logistics_pipeline.database.contracts import catalogue_in_force
from logistics_pipeline.loading.loader import load_file
from logistics_pipeline.loading.options import LoadOptions
from tests.contract_texts import FUEL, STATION, payment, with_station


def accept(connection: Connection, text: str, **options: Any) -> Accepted:
    return accept_contract(connection, contract_of_text(text, "the file"), accepted_by="somebody", **options)


def columns(connection: Connection, table: str = "fuel") -> list[tuple[Any, ...]]:
    return connection.execute(
        "SELECT attname, format_type(atttypid, atttypmod), attnotnull FROM pg_attribute "
        "WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
        (f"raw.{table}",),
    ).fetchall()


def load(connection: Connection, options: LoadOptions, name: str, records: list[dict[str, Any]], url: str) -> None:
    ours = replace(options, catalogue=catalogue_in_force(connection))
    path = ours.raw_dir / name
    path.write_text(json.dumps(records))
    found = ours.folder.look_at(path)
    assert found is not None
    assert load_file(url, found, ours).file.records_loaded == len(records)


def test_the_first_version_makes_the_table_which_the_reader_may_read(connection: Connection) -> None:
    accepted = accept(connection, FUEL)

    assert (accepted.dataset, accepted.version, accepted.is_new) == ("fuel", 1, True)
    assert ("litres", "numeric", False) in columns(connection)
    connection.execute(f"SET ROLE {READER}")
    assert connection.execute("SELECT count(*) FROM raw.fuel").fetchone() == (0,)


def test_rows_that_cannot_fit_are_refused_before_there_is_a_table(connection: Connection) -> None:
    moments = "".join(
        f"    - {{name: moment_{number}, title: Moment, type: datetime, role: time, description: When}}\n"
        for number in range(1_020)
    )
    with pytest.raises(
        RefusedContractError, match=r"needs at least 8,2[0-9]{2} bytes, and a row of PostgreSQL has at most"
    ):
        accept(connection, FUEL.replace("datedBy:", f"{moments}datedBy:"))
    assert columns(connection) == [] and all_versions(connection, "fuel") == []


def test_the_same_text_again_is_no_version(connection: Connection) -> None:
    accept(connection, FUEL)
    assert accept(connection, FUEL).is_unchanged
    assert len(all_versions(connection, "fuel")) == 1


def test_a_compatible_change_keeps_every_row(connection: Connection, options: LoadOptions, database_url: str) -> None:
    accept(connection, FUEL)
    load(connection, options, "fuel-1.json", [{**payment(1), "litres": 7}, payment(2)], database_url)
    before = connection.execute("SELECT payment, paid_on, litres, file_id, record_no FROM raw.fuel").fetchall()
    (written,) = connection.execute("SELECT pg_relation_filenode('raw.fuel')").fetchall()

    changed = with_station(FUEL).replace("maximum: 1000", "maximum: 5000").replace("title: Litres", "title: Amount")
    accepted = accept(connection, changed + "indexes:\n  - {name: fuel_by_station, fields: [station]}\n")

    assert accepted.version == 2 and all(change.is_compatible for change in accepted.changes)
    assert connection.execute("SELECT pg_relation_filenode('raw.fuel')").fetchone() == written, "nothing is rewritten"
    after = connection.execute("SELECT payment, paid_on, litres, file_id, record_no FROM raw.fuel").fetchall()
    assert sorted(after) == sorted(before)
    assert connection.execute("SELECT DISTINCT station FROM raw.fuel").fetchall() == [(None,)]
    assert connection.execute("SELECT to_regclass('raw.fuel_by_station')::text").fetchone() == ("raw.fuel_by_station",)
    load(connection, options, "fuel-2.json", [{**payment(3), "litres": 4999.5, "station": "Zug"}], database_url)

    accept(connection, changed)
    assert connection.execute("SELECT to_regclass('raw.fuel_by_station')").fetchone() == (None,)


def test_a_column_becomes_optional_and_free_text(connection: Connection) -> None:
    accept(connection, with_station(FUEL).replace("role: dimension, description: Where", "role: text, description: W"))
    optional = with_station(FUEL).replace("{required: true, minimum: 2000-01-01}", "{minimum: 2000-01-01}")
    accept(connection, optional.replace("datedBy: {field: paid_on}\n", ""), may_break=True)

    assert ("paid_on", "date", False) in columns(connection)
    collation = connection.execute(
        "SELECT collname FROM pg_attribute JOIN pg_collation AS c ON c.oid = attcollation "
        "WHERE attrelid = 'raw.fuel'::regclass AND attname = 'station'"
    ).fetchone()
    assert collation == ("C",)


def test_two_contracts_that_refer_to_each_other_are_accepted_as_the_refusal_says(connection: Connection) -> None:
    relation = "  foreignKeys: [{{fields: [payment], reference: {{resource: {0}, fields: [payment]}}}}]\n"
    fuel = FUEL.replace("  fields:\n", relation.format("tolls") + "  fields:\n")
    tolls = FUEL.replace("name: fuel\n", "name: tolls\n").replace("fuel.csv", "tolls.csv")
    tolls = tolls.replace("  fields:\n", relation.format("fuel") + "  fields:\n")
    with pytest.raises(ContractError) as refused:
        accept(connection, fuel)
    assert "payment refers to tolls, which is no dataset" in str(refused.value)
    assert (
        "If that one refers to fuel in turn, accept fuel without this relation, then tolls, then fuel with it."
        in str(refused.value)
    )

    accept(connection, FUEL)
    accept(connection, tolls)
    assert accept(connection, fuel).version == 2

    catalogue = catalogue_in_force(connection)
    assert [catalogue[name].references[0].dataset for name in ("fuel", "tolls")] == ["tolls", "fuel"]


FOREIGN_KEY = "  foreignKeys: [{fields: [payment], reference: {resource: x, fields: [y]}}]"
BREAKING = FUEL.replace("type: number", "type: string").replace("{minimum: 0, maximum: 1000}", "{}")


def test_a_breaking_change_is_refused_with_each_reason_and_what_to_do(connection: Connection) -> None:
    accept(connection, FUEL)
    with pytest.raises(RefusedContractError) as refused:
        accept(connection, BREAKING)
    assert "Version 1 of the contract of fuel stays in force" in str(refused.value)
    assert "litres: number becomes string." in str(refused.value)
    assert "logistics contracts accept FILE" in str(refused.value)
    assert len(all_versions(connection, "fuel")) == 1


def test_a_breaking_change_of_an_empty_table_makes_it_again(connection: Connection) -> None:
    accept(connection, FUEL)
    accepted = accept(connection, BREAKING, may_break=True)

    assert accepted.version == 2
    assert ("litres", "text", False) in columns(connection)
    assert [each.is_compatible for each in all_versions(connection, "fuel")] == [True, False]


def test_a_breaking_change_of_a_table_with_rows_is_refused_and_says_what_to_do(
    connection: Connection, options: LoadOptions, database_url: str
) -> None:
    accept(connection, FUEL)
    load(connection, options, "fuel.json", [payment(1), payment(2)], database_url)

    with pytest.raises(RefusedContractError, match=r"raw\.fuel has 2 rows of 1 file, .* Unload the files first"):
        accept(connection, BREAKING, may_break=True)

    assert ("litres", "numeric", False) in columns(connection)
    assert connection.execute("SELECT count(*) FROM raw.fuel").fetchone() == (2,)


def test_a_change_of_how_files_are_read_needs_no_empty_table(
    connection: Connection, options: LoadOptions, database_url: str
) -> None:
    accept(connection, FUEL)
    load(connection, options, "fuel.json", [payment(1)], database_url)
    changed = FUEL.replace("unit: L,", "unit: L, decimalChar: ',',")

    with pytest.raises(RefusedContractError, match="decimalChar"):
        accept(connection, changed)
    assert accept(connection, changed, may_break=True).version == 2
    assert connection.execute("SELECT count(*) FROM raw.fuel").fetchone() == (1,)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (FUEL.replace("name: fuel", "name: shipments"), "shipments is a built-in dataset"),
        (
            FUEL.replace("datedBy", "singular: shipment\ndatedBy"),
            "the name shipment is used twice",
        ),
        (
            FUEL.replace("  fields:", f"{FOREIGN_KEY}\n  fields:"),
            "refers to x, which is no dataset",
        ),
        (
            FUEL + "indexes: [{name: vehicles, fields: [paid_on]}]\n",
            "has the name of the table of vehicles",
        ),
    ],
)
def test_what_does_not_fit_the_other_datasets_is_refused(connection: Connection, text: str, message: str) -> None:
    with pytest.raises((ContractError, RefusedContractError), match=message):
        accept(connection, text)
    assert columns(connection) == [] and catalogue_in_force(connection) == built_in_catalogue()


def test_there_are_only_so_many_datasets(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accepting, "MAX_DATASETS", 2)
    for name in ("fuel", "cards"):
        accept(connection, FUEL.replace("name: fuel", f"name: {name}"))
    with pytest.raises(RefusedContractError, match=r"at most 2 can be in force\. Retire one first"):
        accept(connection, FUEL.replace("name: fuel", "name: third"))
    accept(connection, with_station())  # a further version is none
    assert contract_names.MAX_DATASETS == 300


def test_two_acceptances_at_once_are_two_versions(connection: Connection, database_url: str) -> None:
    accept(connection, FUEL)
    texts = [with_station(FUEL.replace("Litres", f"Litres {number}")) for number in range(6)]
    found: list[int] = []

    def run(text: str) -> None:
        with connect(database_url) as other:
            found.append(accept(other, text).version)

    threads = [threading.Thread(target=run, args=(text,)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(found) == [2, 3, 4, 5, 6, 7]
    assert [name for name, *_ in columns(connection)].count("station") == 1


def test_the_same_contract_accepted_twice_at_once_is_one_version(connection: Connection, database_url: str) -> None:
    def run() -> None:
        with connect(database_url) as other:
            accept(other, FUEL)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [each.version for each in all_versions(connection, "fuel")] == [1]


def test_nothing_is_left_of_an_acceptance_that_fails_at_its_end(connection: Connection) -> None:
    connection.execute(
        "CREATE FUNCTION catalogue.fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$; "
        "CREATE TRIGGER fail BEFORE INSERT ON catalogue.datasets FOR EACH ROW EXECUTE FUNCTION catalogue.fail()"
    )
    with pytest.raises(psycopg.errors.RaiseException):
        accept(connection, FUEL)
    assert columns(connection) == []
    assert connection.execute("SELECT count(*) FROM catalogue.contracts").fetchone() == (0,)


def test_a_table_that_is_there_already_is_taken_over(connection: Connection) -> None:
    """As of an installation whose contracts were files alone."""
    connection.execute(
        'CREATE TABLE raw.fuel (payment text COLLATE "C" PRIMARY KEY, paid_on date NOT NULL, litres numeric, '
        "file_id integer NOT NULL, record_no bigint NOT NULL)"
    )
    connection.execute("INSERT INTO raw.fuel VALUES ('P-1', '2024-05-01', 3, 1, 1)")
    assert accept(connection, FUEL).version == 1
    assert connection.execute("SELECT count(*) FROM raw.fuel").fetchone() == (1,)


# -- hostile contracts -----------------------------------------------------------------------------------------------

HOSTILE = "x'); DROP TABLE raw.vehicles; --\"; ' %(name)s {0} $$ \\ <script>"


def test_texts_of_a_contract_are_only_texts(connection: Connection) -> None:
    quoted = json.dumps(HOSTILE)
    text = FUEL.replace("description: Amount", f"description: {quoted}").replace("title: Litres", f"title: {quoted}")
    text = text.replace("title: Fuel cards", f"title: {quoted}").replace("unit: L", f"unit: {quoted}")
    text = text.replace("description: Payments with fuel cards", f"description: {quoted}")
    accept(connection, text.replace("Its number", "'{{'"))
    accept(connection, with_station(text).replace("description: Where", f"description: {quoted}"))

    assert connection.execute("SELECT to_regclass('raw.vehicles')::text").fetchone() == ("raw.vehicles",)
    (comment,) = connection.execute("SELECT obj_description('raw.fuel'::regclass)").fetchall()
    assert comment == (HOSTILE,)
    assert catalogue_in_force(connection)["fuel"].field("station").description == HOSTILE


@pytest.mark.parametrize(
    "text",
    [
        FUEL.replace("name: fuel", f"name: {json.dumps(HOSTILE)}"),
        FUEL.replace("name: litres", f"name: {json.dumps(HOSTILE)}"),
        FUEL.replace("name: litres", "name: file_id"),
        FUEL.replace("type: number", "type: number; DROP TABLE raw.vehicles"),
        FUEL + f"indexes: [{{name: a, fields: [paid_on], method: {json.dumps('btree (x); DROP TABLE y')}}}]\n",
        FUEL + f"indexes: [{{name: {json.dumps(HOSTILE)}, fields: [paid_on]}}]\n",
        FUEL.replace("primaryKey: [payment]", f"primaryKey: [{json.dumps(HOSTILE)}]"),
        FUEL.replace("title: Litres", "title: !!python/object/apply:os.system ['true']"),
        FUEL.replace("title: Litres", 'title: "a\\0b"'),
        FUEL.replace("title: Fuel cards", "title: &a Fuel").replace("title: Litres", "title: *a"),
        FUEL.replace("maximum: 1000", "maximum: .inf"),
        FUEL.replace("unit: L,", "unit: L, example: .nan,"),
        FUEL.replace("unit: L,", 'unit: L, missingValues: ["a\\0"],'),
        FUEL + "#" * (1 << 20),
        "a: " * 3000,
        "[" * 3000,
        "- 1",
        "",
        FUEL.replace("  fields:", "  fields:\n" + STATION * 1600),
    ],
)
def test_a_hostile_contract_is_refused_before_the_database_sees_it(connection: Connection, text: str) -> None:
    with pytest.raises(ContractError):
        accept(connection, text)
    assert columns(connection) == []
