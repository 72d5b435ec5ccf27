"""Sources in Dagster: their assets, and what the sensor requests when."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from logistics_core.database_contract.roles import OPERATOR
from logistics_core.database_contract.sources import REQUEST_PULL
from logistics_pipeline.database.connections import Connection, connect
from logistics_pipeline.orchestration.definitions import build_definitions
from logistics_pipeline.sources.definitions.in_force import SourcesFolder
from tests.orchestration.conftest import System
from tests.source_pulls import FLEET, add_pull


@pytest.fixture
def with_fleet(system: System, connection: Connection) -> System:
    """The system after the definition of a source was put into the folder and read."""
    write(system, connection, "fleet", FLEET)
    return system


def write(system: System, connection: Connection, name: str, text: str) -> None:
    folder = system.settings.sources_dir
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.yaml").write_text(text)
    assert not SourcesFolder(folder).sync(connection).problems


def look(system: System) -> list[dg.RunRequest]:
    return list(system.evaluate("source_pulls").run_requests or [])


def resources(request: dg.RunRequest) -> list[str]:
    return [key.path[-1] for key in request.asset_selection or []]


def ask(system: System, resource: str | None = None) -> int:
    """Makes a request as the API does: with its role."""
    assert system.settings.database_url is not None
    with connect(system.settings.database_url) as connection, connection.transaction():
        connection.execute(f"SET LOCAL ROLE {OPERATOR}")
        parameters = {"source": "fleet", "resource": resource, "requested_by": "tester"}
        row = connection.execute(f"SELECT {REQUEST_PULL}".encode(), parameters).fetchone()
    assert row is not None
    return int(row[0])


def test_the_graph_shows_where_the_records_of_a_dataset_come_from(with_fleet: System) -> None:
    definitions = build_definitions(with_fleet.settings)
    dg.Definitions.validate_loadable(definitions)
    graph = definitions.resolve_asset_graph()
    trips = dg.AssetKey(["pulled", "fleet", "trips"])
    assert graph.get(dg.AssetKey(["raw", "vehicle_logs"])).parent_keys == {trips}
    assert graph.get(trips).parent_keys == {dg.AssetKey(["pulled", "fleet", "vehicles"])}
    node = graph.get(trips)
    assert node.group_name == "sources" and "every 15m" in (node.description or "")
    assert node.metadata["schedule"].value == "every 15m"
    assert graph.get(dg.AssetKey(["pulled", "fleet", "orders"])).freshness_policy is None
    assert "pull_fleet" in {job.name for job in definitions.jobs or []}


def test_what_has_a_schedule_is_pulled_at_once_and_then_when_it_is_due(
    with_fleet: System, connection: Connection
) -> None:
    (request,) = look(with_fleet)
    assert request.job_name == "pull_fleet"
    assert resources(request) == ["vehicles", "trips"]
    now = datetime.now(UTC)
    add_pull(connection, "vehicles", "unchanged", attempted_at=now)
    add_pull(connection, "trips", "complete", attempted_at=now - timedelta(minutes=20))
    (request,) = look(with_fleet)
    assert resources(request) == ["trips"]
    add_pull(connection, "trips", "complete", attempted_at=now)
    assert look(with_fleet) == []
    due = dict(connection.execute("SELECT resource, next_pull_at FROM source.due").fetchall())
    assert due.keys() == {"vehicles", "trips"}
    assert now < due["trips"] <= now + timedelta(minutes=15)
    assert (due["vehicles"].hour, due["vehicles"].minute) == (6, 0)


@pytest.fixture
def rested(with_fleet: System, connection: Connection) -> System:
    """The system after everything that is due was pulled."""
    for resource in ("vehicles", "trips"):
        add_pull(connection, resource, "complete", attempted_at=datetime.now(UTC))
    assert look(with_fleet) == []
    return with_fleet


def request_state(connection: Connection, request_id: int) -> tuple[bool, str | None, str | None]:
    """Whether it is done, its outcome and its error."""
    row = connection.execute(
        "SELECT done_at IS NOT NULL, outcome, error FROM source.requests WHERE request_id = %s", (request_id,)
    ).fetchone()
    assert row is not None
    return row


def test_a_paused_pull_is_taken_up_when_its_time_has_come_and_holds_nothing_until_then(
    rested: System, connection: Connection
) -> None:
    soon = datetime.now(UTC) + timedelta(hours=2)
    pull = add_pull(connection, "trips", "paused", attempted_at=datetime(2024, 1, 1, tzinfo=UTC), paused_until=soon)
    assert look(rested) == [], "not even though its schedule says so"
    assert dict(connection.execute("SELECT resource, next_pull_at FROM source.due").fetchall())["trips"] == soon
    connection.execute("UPDATE source.pulls SET paused_until = now() WHERE pull_id = %s", (pull,))
    (request,) = look(rested)
    assert resources(request) == ["trips"]


def test_a_pull_whose_run_died_is_gone_on_with_and_one_that_was_terminated_waits_for_its_schedule(
    rested: System, connection: Connection
) -> None:
    job = build_definitions(rested.settings).resolve_job_def("pull_fleet")
    for status, expected in ((dg.DagsterRunStatus.FAILURE, ["trips"]), (dg.DagsterRunStatus.CANCELED, [])):
        run = rested.instance.create_run_for_job(job, status=status)
        add_pull(connection, "trips", "running", attempted_at=datetime.now(UTC), run_id=run.run_id)
        assert [name for request in look(rested) for name in resources(request)] == expected
    run = rested.instance.create_run_for_job(job, status=dg.DagsterRunStatus.FAILURE)
    values = {"attempted_at": datetime.now(UTC), "run_id": run.run_id, "attempts": rested.settings.load_attempts}
    add_pull(connection, "trips", "running", **values)
    assert look(rested) == [], "it died too often"


def begin(system: System, request: dg.RunRequest) -> dg.DagsterRun:
    """The run that the daemon would begin."""
    assert request.asset_selection is not None
    job = build_definitions(system.settings).resolve_job_def("pull_fleet")
    return system.instance.create_run_for_job(
        job.get_subset(asset_selection=set(request.asset_selection)),
        tags=dict(request.tags),
        status=dg.DagsterRunStatus.STARTED,
        asset_selection=frozenset(request.asset_selection),
    )


def test_what_people_ask_for_is_pulled_once(rested: System, connection: Connection) -> None:
    whole, orders = ask(rested), ask(rested, "orders")
    assert ask(rested) == whole, "the pending request is the same"
    first, second = look(rested)
    assert [resources(first), resources(second)] == [["vehicles", "trips"], ["orders"]]
    assert [each.run_key for each in look(rested)] == [first.run_key, second.run_key], "as long as there are no runs"

    run = begin(rested, first)
    assert [resources(each) for each in look(rested)] == [["orders"]], "what has no run yet is requested"
    assert request_state(connection, whole) == (False, None, None)
    other = begin(rested, second)
    assert look(rested) == []
    ids = ", ".join(sorted([run.run_id, other.run_id]))
    assert request_state(connection, whole) == (True, f"The runs {ids} pull fleet.", None)
    assert request_state(connection, orders) == (True, f"The run {other.run_id} pulls fleet, orders.", None)

    later = ask(rested, "orders")
    assert look(rested) == [], "a run has it at this moment"
    rested.instance.report_run_failed(other)
    (request,) = look(rested)
    assert resources(request) == ["orders"]
    assert request_state(connection, later) == (False, None, None)


def test_a_resource_that_takes_long_keeps_no_other_from_being_pulled(rested: System, connection: Connection) -> None:
    ask(rested, "orders")
    (request,) = look(rested)
    begin(rested, request)
    connection.execute("UPDATE source.pulls SET attempted_at = '2024-01-01'")
    (request,) = look(rested)
    assert resources(request) == ["vehicles", "trips"], "a child follows its parent in one run"
    begin(rested, request)
    assert look(rested) == []


def test_a_request_about_what_is_gone_is_refused_in_a_sentence(rested: System, connection: Connection) -> None:
    resource, source = ask(rested, "orders"), ask(rested)
    write(rested, connection, "fleet", FLEET.partition("  - name: orders")[0])
    (request,) = look(rested)
    assert resources(request) == ["vehicles", "trips"]
    assert request_state(connection, resource) == (True, None, "The source fleet has no resource orders any more.")
    (rested.settings.sources_dir / "fleet.yaml").unlink()
    assert len(SourcesFolder(rested.settings.sources_dir).sync(connection).changes) == 1
    assert look(rested) == []
    assert request_state(connection, source)[2] == "There is no definition of the source fleet in force any more."
    assert connection.execute("SELECT count(*) FROM source.due").fetchone() == (0,)


def test_a_backfill_changes_nothing_about_when_a_resource_is_due(rested: System, connection: Connection) -> None:
    add_pull(connection, "trips", "failed", is_backfill=True, error="It failed.", error_kind="connection")
    connection.execute("UPDATE source.pulls SET attempted_at = '2024-01-01' WHERE NOT is_backfill")
    (request,) = look(rested)
    assert resources(request) == ["vehicles", "trips"]
