"""Datasets and proposals in the database, as Dagster shows them: new, retired, waiting."""

from typing import Any

import dagster as dg
import pytest
from psycopg import OperationalError

from logistics_core.database_contract.contracts import ProposalKind, ProposalState
from logistics_pipeline.contracts import versions
from logistics_pipeline.contracts.folder import sync_folder
from logistics_pipeline.contracts.proposals import StoredProposal, end_proposal, store_proposal
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.orchestration.definitions import build_definitions
from logistics_pipeline.orchestration.sensors.contract_proposals import PROPOSALS
from tests.contract_texts import FUEL, payment
from tests.orchestration.conftest import System

FUEL_KEY = dg.AssetKey(["raw", "fuel"])


@pytest.fixture
def with_fuel(system: System, connection: Connection) -> System:
    """The system after a contract was put into the folder and accepted."""
    system.settings.contracts_dir.mkdir(parents=True)
    (system.settings.contracts_dir / "fuel.yaml").write_text(FUEL)
    assert not sync_folder(connection, system.settings.contracts_dir).problems
    return system


def test_a_file_that_was_there_before_its_contract_is_loaded_at_the_next_tick(
    system: System, connection: Connection
) -> None:
    system.drop("fuel/june.json", [payment(1), payment(2)])
    system.settle()
    assert system.ledger()["fuel/june.json"].state == "unrecognised"

    system.settings.contracts_dir.mkdir(parents=True)
    (system.settings.contracts_dir / "fuel.yaml").write_text(FUEL)
    assert not sync_folder(connection, system.settings.contracts_dir).problems

    (request,) = system.tick()
    assert system.run(request).success
    assert system.ledger()["fuel/june.json"].state == "loaded"
    assert system.status("fuel") == {"fuel/june.json": "MATERIALIZED"}


def test_the_first_load_of_a_new_dataset_has_a_pool_with_a_limit(with_fuel: System) -> None:
    storage = with_fuel.instance.event_log_storage
    storage.set_concurrency_slots("load_vehicles", 7)
    with_fuel.tick()
    limits = {pool.name: pool.limit for pool in storage.get_pool_limits()}
    assert limits["load_fuel"] == with_fuel.settings.parallel_loads
    assert limits["load_vehicles"] == 7, "a limit that somebody has set stays"


def test_a_retired_dataset_keeps_its_history_and_loads_nothing(with_fuel: System, connection: Connection) -> None:
    with_fuel.drop("fuel/june.json", [payment(1)])
    with_fuel.settle()
    connection.execute("UPDATE catalogue.datasets SET retired_at = now() WHERE dataset = 'fuel'")
    with_fuel.drop("fuel/july.json", [payment(2)])

    assert with_fuel.tick() == []
    definitions = build_definitions(with_fuel.settings)
    dg.Definitions.validate_loadable(definitions)
    node = definitions.resolve_asset_graph().get(FUEL_KEY)
    assert not node.is_executable and node.group_name == "raw" and "Retired" in (node.description or "")
    assert next(column.name for column in node.metadata["dagster/column_schema"].columns) == "payment"
    assert node.partitions_def == dg.DynamicPartitionsDefinition(name="fuel_files")
    assert with_fuel.status("fuel") == {"fuel/june.json": "MATERIALIZED"}
    assert "load_fuel" not in {job.name for job in definitions.jobs or []}


def test_a_retired_dataset_that_this_program_cannot_read_hinders_nothing(
    with_fuel: System, connection: Connection
) -> None:
    connection.execute("UPDATE catalogue.datasets SET retired_at = now() WHERE dataset = 'fuel'")
    connection.execute('UPDATE catalogue.contracts SET document = \'{"name": "fuel", "schema": 1}\'')
    graph = build_definitions(with_fuel.settings).resolve_asset_graph()
    assert FUEL_KEY not in graph.get_all_asset_keys()


def test_definitions_wait_for_a_database_that_is_away_for_a_moment(
    with_fuel: System, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection.execute("UPDATE catalogue.datasets SET retired_at = now() WHERE dataset = 'fuel'")
    real, attempts = versions.connect, []

    def away_every_other_time(*arguments: Any, **options: Any) -> Any:
        attempts.append(arguments)
        if len(attempts) % 2:
            raise OperationalError("connection refused")
        return real(*arguments, **options)

    monkeypatch.setattr(versions, "connect", away_every_other_time)
    settings = with_fuel.settings.model_copy(update={"retry_seconds": 60})
    assert FUEL_KEY in build_definitions(settings).resolve_asset_graph().get_all_asset_keys()
    assert len(attempts) == 2, "everything is read through one connection"


def propose(connection: Connection, path: str, **document: Any) -> StoredProposal:
    questions = [{"id": "dates", "text": "01/02/2024: day or month first?"}, {"id": "key", "text": "Which key?"}]
    return store_proposal(
        connection,
        path=path,
        file_id=None,
        dataset="fuel",
        kind=ProposalKind.NEW,
        contract=FUEL,
        document={"questions": questions, "answers": {}, "obstacles": []} | document,
        created_by="a test",
    )


def look(system: System, cursor: str | None) -> tuple[str | None, dg.AssetObservation | None]:
    found = system.evaluate("contract_proposals", cursor)
    events = list(found.asset_events)
    assert len(events) <= 1 and all(isinstance(event, dg.AssetObservation) for event in events)
    return found.cursor, events[0] if events else None  # type: ignore[return-value]


def test_proposals_that_wait_are_shown_when_they_change_and_only_then(system: System, connection: Connection) -> None:
    cursor, observation = look(system, None)
    assert observation is None
    first = propose(connection, "fuel/a|`b`.csv")
    cursor, observation = look(system, cursor)
    assert observation is not None and observation.asset_key == PROPOSALS.key
    assert observation.description == "1 proposal waits for a person."
    (row,) = str(observation.metadata["proposals"].value).splitlines()[2:]
    assert row.startswith("| `fuel/a\\|'b'.csv` | fuel | new | 2 | 0 | [")
    assert f"/api/contracts/proposals/{first.proposal_id})" in row

    assert look(system, cursor) == (cursor, None)
    connection.execute('UPDATE catalogue.proposals SET document = document || \'{"answers": {"key": "payment"}}\'')
    cursor, observation = look(system, cursor)
    assert observation is not None and "| fuel | new | 1 | 0 |" in str(observation.metadata["proposals"].value)
    connection.execute("UPDATE catalogue.proposals SET document = document || '{\"edited\": true}'")
    cursor, observation = look(system, cursor)
    assert observation is not None and "| fuel | new | 0 | 0 |" in str(observation.metadata["proposals"].value)

    end_proposal(connection, first.proposal_id, ProposalState.DISMISSED, "a test")
    cursor, observation = look(system, cursor)
    assert observation is not None and observation.metadata["waiting"].value == 0
    assert look(system, cursor)[1] is None
