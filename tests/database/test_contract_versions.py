"""Versions of contracts in the database, and what the API's role may do with them."""

import json
from uuid import uuid4

import psycopg
import pytest
import yaml

from logistics_core.catalogue import ContractError, built_in_catalogue
from logistics_core.catalogue.contract_files import contract_from_document
from logistics_core.database_contract.channels import Channel, ContractEvent
from logistics_core.database_contract.contracts import (
    REQUEST_CONTRACT_ACTION,
    ContractAction,
    ProposalKind,
    ProposalState,
)
from logistics_core.database_contract.roles import OPERATOR, READER
from logistics_pipeline.contracts.versions import add_version, all_versions, version_in_force, versions_in_force
from logistics_pipeline.database.connections import Connection, connect
from logistics_pipeline.database.contracts import catalogue_in_force
from tests.contract_texts import FUEL, with_station


def add(connection: Connection, text: str = FUEL, **changes: object) -> int:
    document = json.loads(json.dumps(yaml.safe_load(text), default=str)) | changes
    return add_version(
        connection, document["name"], text, document, changes=[], is_compatible=True, accepted_by="somebody"
    )


def test_the_catalogue_has_the_built_in_datasets_and_those_in_force_by_name(connection: Connection) -> None:
    assert catalogue_in_force(connection) == built_in_catalogue()
    add(connection)
    add(connection, FUEL.replace("name: fuel", "name: cards"))

    catalogue = catalogue_in_force(connection)

    assert list(catalogue) == [*built_in_catalogue(), "cards", "fuel"]
    assert catalogue["fuel"] == contract_from_document(yaml.safe_load(FUEL), "the file")


def test_the_next_version_takes_the_place_of_the_one_before_which_stays_readable(connection: Connection) -> None:
    assert [add(connection), add(connection, with_station())] == [1, 2]

    assert "station" in catalogue_in_force(connection)["fuel"].columns
    assert [(each.version, each.contract, each.is_in_force) for each in all_versions(connection, "fuel")] == [
        (1, FUEL, False),
        (2, with_station(), True),
    ]
    found = version_in_force(connection, "fuel")
    assert found is not None and (found.version, found.accepted_by) == (2, "somebody")
    assert versions_in_force(connection) == {"fuel": found}
    assert version_in_force(connection, "other") is None


def test_a_retired_dataset_is_not_in_the_catalogue(connection: Connection) -> None:
    add(connection)
    connection.execute("UPDATE catalogue.datasets SET retired_at = now()")

    assert "fuel" not in catalogue_in_force(connection)
    assert versions_in_force(connection)["fuel"].retired_at is not None


def test_a_stored_contract_that_this_version_cannot_use_is_named(connection: Connection) -> None:
    add(connection, mystery=1)

    with pytest.raises(ContractError, match=r"Version 1 of the contract of fuel is not a contract: .*mystery"):
        catalogue_in_force(connection)


def test_the_tables_accept_exactly_the_values_of_the_contract(connection: Connection) -> None:
    def insert(kind: str, state: str) -> None:
        connection.execute(
            "INSERT INTO catalogue.proposals (path, dataset, kind, state, contract, document, created_by, ended_at) "
            "VALUES (%s, 'fuel', %s, %s, '', '{}', 'somebody', CASE WHEN %s <> 'open' THEN now() END)",
            (str(uuid4()), kind, state, state),
        )

    for kind in ProposalKind:
        for state in ProposalState:
            insert(kind, state)
    for kind, state in [("other", "open"), ("new", "other")]:
        with pytest.raises(psycopg.errors.CheckViolation):
            insert(kind, state)


def test_a_file_has_one_open_proposal(connection: Connection) -> None:
    statement = (
        "INSERT INTO catalogue.proposals (path, dataset, kind, contract, document, created_by) "
        "VALUES ('a.csv', 'fuel', 'new', '', '{}', 'somebody')"
    )
    connection.execute(statement)
    with pytest.raises(psycopg.errors.UniqueViolation):
        connection.execute(statement)
    connection.execute("UPDATE catalogue.proposals SET state = 'dismissed', ended_at = now()")
    connection.execute(statement)


# -- what the API's role may do ------------------------------------------------------------------------------------


REQUEST = f"SELECT {REQUEST_CONTRACT_ACTION}"
NOTHING = {"action": ContractAction.RETIRE, "proposal_id": None, "dataset": "fuel", "argument": "{}"}


def test_the_reader_reads_everything_and_changes_nothing(connection: Connection) -> None:
    add(connection)
    connection.execute(f"SET ROLE {READER}")
    assert list(catalogue_in_force(connection))[-1] == "fuel"
    for table in ("contracts", "datasets", "proposals", "requests"):
        for statement in (f"DELETE FROM catalogue.{table}", f"UPDATE catalogue.{table} SET dataset = 'x'"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("INSERT INTO catalogue.datasets VALUES ('other', 1)")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(REQUEST.encode(), {**NOTHING, "requested_by": "a key"})


def test_the_operator_adds_requests_and_reads_nothing(connection: Connection) -> None:
    connection.execute(f"SET ROLE {OPERATOR}")
    row = connection.execute(REQUEST.encode(), {**NOTHING, "requested_by": "a key"}).fetchone()

    assert row == (1,)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("SELECT FROM catalogue.requests")
    connection.execute("RESET ROLE")
    found = connection.execute("SELECT action, dataset, requested_by, done_at FROM catalogue.requests").fetchall()
    assert found == [("retire", "fuel", "a key", None)]


def test_a_request_about_no_proposal_is_none_and_neither_is_one_too_many(connection: Connection) -> None:
    unknown = {**NOTHING, "proposal_id": uuid4(), "requested_by": "a key"}
    assert connection.execute(REQUEST.encode(), unknown).fetchone() == (None,)

    connection.execute(
        "INSERT INTO catalogue.requests (action, requested_by) SELECT 'propose', 'a key' FROM generate_series(1, 1000)"
    )
    assert connection.execute(REQUEST.encode(), {**NOTHING, "requested_by": "a key"}).fetchone() == (None,)


def test_every_change_is_notified(connection: Connection, database_url: str) -> None:
    with connect(database_url) as listener:
        listener.execute(f"LISTEN {Channel.CONTRACTS}")
        add(connection)
        connection.execute("UPDATE catalogue.datasets SET retired_at = now()")
        connection.execute(REQUEST.encode(), {**NOTHING, "requested_by": "a key"})
        listener.execute("SELECT 1")
        events = [json.loads(each.payload) for each in listener.notifies(timeout=0)]

    assert [(each["table"], each["dataset"]) for each in events] == [
        ("datasets", "fuel"),
        ("datasets", "fuel"),
        ("requests", "fuel"),
    ]
    assert all(each.keys() == ContractEvent.__annotations__.keys() for each in events)
    assert events[0]["version"] == 1 and events[2]["request_id"] == 1
