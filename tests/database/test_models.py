"""Models in the database: what was known then, how right it was; versions, their history, and what may be promoted."""

import ast
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from psycopg import errors

from logistics_core.models import artefacts
from logistics_core.models.artefacts import ArtefactError
from logistics_core.settings import Settings
from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.database.connections import Connection, connect, with_database
from logistics_pipeline.database.contracts import catalogue_in_force
from logistics_pipeline.database.housekeeping import Retention, run_housekeeping
from logistics_pipeline.exports.backup import export_everything, restore
from logistics_pipeline.exports.destinations import destination
from logistics_pipeline.loading.options import BatchLimits
from logistics_pipeline.models import registry
from logistics_pipeline.models.registry import RegistryError
from logistics_pipeline.models.updating import UnknownModel, Updated, due_models, update_model
from tests.contract_texts import synced_catalogue
from tests.database.conftest import FolderUnderTest
from tests.database.forking import run_command
from tests.model_records import DELIVERIES, as_csv, deliveries

HOURS = "deliveries.hours"
DAYS = 40
PARALLEL = Settings(model_interval=1)


@pytest.fixture
def folder(raw_folder: FolderUnderTest, raw_dir: Path) -> FolderUnderTest:
    """A raw folder with forty days of deliveries that are loaded, and a database that knows the dataset."""
    contracts = raw_dir.parent / "contracts"
    contracts.mkdir()
    (contracts / "deliveries.yaml").write_text(DELIVERIES)
    catalogue = synced_catalogue(raw_folder.url, contracts)
    batch = BatchLimits(100_000, 1 << 24)
    found = replace(
        raw_folder, options=replace(raw_folder.options, catalogue=catalogue, batch=batch, chunk_bytes=1 << 16)
    )
    load(found, "1", as_csv(deliveries(DAYS)))
    return found


def load(folder: FolderUnderTest, name: str, content: bytes) -> None:
    folder.drop_and_load(f"deliveries-{name}.csv", content)
    refresh(folder.url)


def update(folder: FolderUnderTest, *, trains: bool | None = None, settings: Settings | None = None) -> Updated:
    return update_model(folder.url, HOURS, settings=settings or Settings(), trains=trains)


def states(connection: Connection) -> dict[int, str]:
    return dict(connection.execute("SELECT version, state FROM models.versions ORDER BY version").fetchall())


def test_new_records_are_predicted_once_and_scored_when_the_truth_arrives(
    folder: FolderUnderTest, connection: Connection
) -> None:
    first = update(folder)
    assert (first.version, first.predicted, first.scored) == (1, 0, 0)
    load(folder, "2", as_csv(deliveries(3, start=DAYS, hours=None)))
    second = update(folder)
    assert (second.version, second.predicted, second.scored, second.trained) == (1, 36, 0, ())
    said = connection.execute("SELECT key, quantiles, late_risk, predicted_at FROM models.predictions").fetchall()
    load(folder, "3", as_csv(deliveries(3, start=DAYS)))  # the same records, finished
    third = update(folder, trains=True)
    assert (third.version, third.predicted, third.scored) == (2, 0, 36)
    again = connection.execute("SELECT key, quantiles, late_risk, predicted_at FROM models.predictions").fetchall()
    assert sorted(map(str, said)) == sorted(map(str, again))
    scores = connection.execute(
        "SELECT key ->> 0, actual, error, is_within_90, is_late, is_ahead FROM models.scores"
    ).fetchall()
    true = {each["delivery"]: each for each in deliveries(3, start=DAYS)}
    assert len(scores) == 36
    quantiles = {key[0]: values for key, values, *_ in said}
    for key, actual, error, within, late, ahead in scores:
        assert actual == true[key]["hours"]
        assert error == pytest.approx(quantiles[key][3] - actual, abs=1e-4)
        assert within == (quantiles[key][0] <= actual <= quantiles[key][-1])
        assert late == (actual > true[key]["promised"])
        assert ahead
    assert connection.execute("SELECT count(*) FROM models.executions WHERE kind = 'score'").fetchone() == (4,)


def test_records_that_came_with_their_truth_after_training_are_predicted_as_such(
    folder: FolderUnderTest, connection: Connection
) -> None:
    update(folder)
    load(folder, "2", as_csv(deliveries(2, start=DAYS)))
    late = deliveries(1, start=DAYS - 20)  # before the version was trained: it may have learnt from its like
    load(folder, "3", as_csv([each | {"delivery": f"late-{each['delivery']}"} for each in late]))
    found = update(folder)
    assert (found.predicted, found.scored) == (24, 24)
    assert connection.execute("SELECT DISTINCT is_ahead FROM models.predictions").fetchall() == [(False,)]


def test_restated_and_unloaded_truth_changes_the_score(folder: FolderUnderTest, connection: Connection) -> None:
    update(folder)
    load(folder, "2", as_csv(deliveries(1, start=DAYS)))
    update(folder)
    load(folder, "3", as_csv([each | {"hours": 500} for each in deliveries(1, start=DAYS)[:5]]))
    assert update(folder).scored == 5
    actual = "SELECT count(*) FROM models.scores WHERE actual = 500 AND NOT is_within_90"
    assert connection.execute(actual).fetchone() == (5,)
    load(folder, "4", as_csv([each | {"hours": None} for each in deliveries(1, start=DAYS)[:2]]))
    assert update(folder).scored == 2
    assert connection.execute("SELECT count(*) FROM models.scores").fetchone() == (10,)


def test_a_model_of_odd_values_that_no_new_record_has_the_inputs_of_leaves_no_version(
    folder: FolderUnderTest, connection: Connection
) -> None:
    load(folder, "2", as_csv(deliveries(DAYS, start=DAYS, weight=None)))
    found = update_model(folder.url, "deliveries.price", settings=Settings(), trains=True)
    assert found.version is None
    assert found.skipped is not None and found.skipped.startswith(
        "None of the newest 20% of the records has weight and"
    )
    assert connection.execute("SELECT count(*) FROM models.versions").fetchone() == (0,)


def test_old_executions_are_summed_up_and_those_of_predictions_stay(
    folder: FolderUnderTest, connection: Connection
) -> None:
    update(folder)
    load(folder, "2", as_csv(deliveries(3, start=DAYS, hours=None)))
    update(folder)
    rows = [(HOURS, 1, "score", n, n / 10, None if n < 3 else 0.5, 1_000 * n) for n in range(1, 6)]
    connection.cursor().executemany(
        "INSERT INTO models.executions (model, version, kind, rows, seconds, cpu_seconds, queue_seconds, memory_bytes) "
        "VALUES (%s, %s, %s, %s, %s, 1, %s, %s)",
        rows,
    )
    sums = """
        SELECT sum(executions), sum(rows), round(sum(seconds)::numeric, 6), sum(cpu_seconds), sum(queue_seconds),
            max(memory_bytes)
        FROM models.executions
    """
    before = connection.execute(sums).fetchone()
    assert run_housekeeping(folder.url, Retention.of(Settings())).executions_summed_up == 0
    connection.execute("UPDATE models.executions SET finished_at = finished_at - interval '100 days'")
    predicted = connection.execute("SELECT DISTINCT execution_id FROM models.predictions").fetchall()
    assert predicted and run_housekeeping(folder.url, Retention.of(Settings())).executions_summed_up == 5
    assert connection.execute(sums).fetchone() == before
    left = connection.execute("SELECT execution_id FROM models.executions WHERE executions = 1").fetchall()
    assert set(predicted) <= set(left)
    assert connection.execute("SELECT executions FROM models.executions WHERE executions > 1").fetchall() == [(6,)]
    assert run_housekeeping(folder.url, Retention.of(Settings())).executions_summed_up == 0


def test_old_predictions_are_deleted_and_not_made_anew(folder: FolderUnderTest, connection: Connection) -> None:
    update(folder)
    load(folder, "2", as_csv(deliveries(3, start=DAYS)))  # finished after the training
    load(folder, "3", as_csv(deliveries(2, start=DAYS + 3, hours=None)))
    assert update(folder).predicted == 60
    connection.execute("UPDATE models.predictions SET predicted_at = predicted_at - interval '800 days'")
    connection.execute("UPDATE models.predictions SET actual_at = actual_at - interval '800 days'")

    def deleted() -> int:
        found = run_housekeeping(folder.url, Retention.of(Settings())).predictions_deleted
        assert update(folder).predicted == 0, "none is made anew"
        return found

    assert deleted() == 0, "the version in production was trained before"
    update(folder, trains=True)
    assert deleted() == 36
    assert deleted() == 0, "the truth may still arrive"
    load(folder, "4", as_csv(deliveries(4, start=DAYS + 80)))
    update(folder, trains=True)
    assert deleted() == 24
    assert connection.execute("SELECT count(*) FROM models.predictions").fetchone() == (48,)


def test_too_few_records_leave_no_version(raw_folder: FolderUnderTest, raw_dir: Path, connection: Connection) -> None:
    contracts = raw_dir.parent / "contracts"
    contracts.mkdir()
    (contracts / "deliveries.yaml").write_text(DELIVERIES)
    options = replace(raw_folder.options, catalogue=synced_catalogue(raw_folder.url, contracts))
    folder = replace(raw_folder, options=options)
    load(folder, "1", as_csv(deliveries(5)))
    found = update(folder)
    assert found.version is None
    assert found.skipped == "60 records are finished, and at least 100 are needed."
    assert states(connection) == {}


def test_an_unknown_model_is_named_with_those_there_are(folder: FolderUnderTest) -> None:
    with pytest.raises(UnknownModel, match=r"no_such'. There are: .*deliveries.hours"):
        update_model(folder.url, "deliveries.no_such", settings=Settings())


# -- versions --------------------------------------------------------------------------------------------------------


def test_a_refit_takes_the_place_of_its_predecessor_with_a_reason(
    folder: FolderUnderTest, connection: Connection
) -> None:
    update(folder)
    load(folder, "2", as_csv(deliveries(2, start=DAYS)))
    found = update(folder, trains=True)
    assert [each.verdict.verdict for each in found.trained] == ["equal"]
    assert states(connection) == {1: "archived", 2: "production"}
    history = connection.execute(
        "SELECT version, from_state, to_state, author, backtest_id FROM models.transitions ORDER BY transition_id"
    ).fetchall()
    assert history == [
        (1, "registered", "staging", "pipeline", 1),
        (1, "staging", "production", "pipeline", 1),
        (2, "registered", "staging", "pipeline", 2),
        (2, "staging", "production", "pipeline", 2),
        (1, "production", "archived", "pipeline", None),
    ]


def test_which_version_was_in_production_when_is_a_question(folder: FolderUnderTest, connection: Connection) -> None:
    before = datetime.now(UTC)
    update(folder)
    between = datetime.now(UTC)
    load(folder, "2", as_csv(deliveries(2, start=DAYS)))
    update(folder, trains=True)
    after = datetime.now(UTC)
    registry.roll_back(connection, HOURS, "Ada", "The new one is odd")
    now = datetime.now(UTC)
    found = [registry.in_production_at(connection, HOURS, at) for at in (before, between, after, now)]
    assert found == [None, 1, 2, 1]


def test_a_rollback_is_one_step_and_holds(folder: FolderUnderTest, connection: Connection) -> None:
    update(folder)
    with pytest.raises(RegistryError, match="No other version"):
        registry.roll_back(connection, HOURS, "Ada", "why not")
    load(folder, "2", as_csv(deliveries(2, start=DAYS)))
    update(folder, trains=True)
    assert registry.roll_back(connection, HOURS, "Ada", "The new one is odd").version == 1
    load(folder, "3", as_csv(deliveries(2, start=DAYS + 2)))
    held = update(folder, trains=True)
    assert (held.version, held.trained[0].is_promoted) == (1, False)
    assert states(connection) == {1: "production", 2: "archived", 3: "staging"}
    challenger = connection.execute(
        "SELECT version FROM models.aliases WHERE alias = 'challenger' AND until IS NULL"
    ).fetchall()
    assert challenger == [(3,)]
    registry.promote(connection, HOURS, 3, "Ada", "It is good after all")
    load(folder, "4", as_csv(deliveries(2, start=DAYS + 4)))
    assert update(folder, trains=True).version == 4  # a person's promotion ends the hold


def test_rolling_back_again_goes_back_one_more_and_not_to_what_was_left(
    folder: FolderUnderTest, connection: Connection
) -> None:
    update(folder)
    for number in (2, 3):
        load(folder, str(number), as_csv(deliveries(2, start=DAYS + 2 * number)))
        update(folder, trains=True)
    assert states(connection) == {1: "archived", 2: "archived", 3: "production"}
    assert registry.roll_back(connection, HOURS, "Ada", "Odd").version == 2
    assert registry.roll_back(connection, HOURS, "Ada", "Odd as well").version == 1
    with pytest.raises(RegistryError, match="No other version"):
        registry.roll_back(connection, HOURS, "Ada", "And again")
    registry.promote(connection, HOURS, 3, "Ada", "It was the best", even_if_worse=True)
    assert registry.roll_back(connection, HOURS, "Ada", "No").version == 1, "where it came from"
    registry.archive(connection, HOURS, 1, "Ada", "Gone")
    assert registry.roll_back(connection, HOURS, "Ada", "Better than none").version == 1


def test_nothing_is_promoted_by_itself_where_people_promote(folder: FolderUnderTest, connection: Connection) -> None:
    found = update(folder, settings=Settings(model_promotion="manual"))
    assert found.version is None
    assert states(connection) == {1: "staging"}
    assert registry.promote(connection, HOURS, 1, "Ada", "Looks good").state == "production"


def test_a_model_that_no_contract_asks_for_any_more_is_retired(folder: FolderUnderTest, connection: Connection) -> None:
    connection.execute(
        "INSERT INTO models.models (model, dataset, kind, declaration) VALUES ('deliveries.old', 'deliveries', "
        "'duration', '{}')"
    )
    update(folder)
    retired = connection.execute("SELECT model FROM models.models WHERE retired_at IS NOT NULL").fetchall()
    assert retired == [("deliveries.old",)]


def test_two_trainings_without_new_records_are_not_due(folder: FolderUnderTest, connection: Connection) -> None:
    update(folder, settings=PARALLEL)
    catalogue = catalogue_in_force(connection)
    assert HOURS not in {each.model for each in due_models(connection, catalogue, PARALLEL)}
    assert update(folder, settings=PARALLEL).trained == ()
    load(folder, "2", as_csv(deliveries(2, start=DAYS)))
    assert HOURS in {each.model for each in due_models(connection, catalogue, Settings())}
    assert update(folder).trained == ()  # the interval is a day


# -- what the database refuses ---------------------------------------------------------------------------------------


@pytest.fixture
def trained(folder: FolderUnderTest, connection: Connection) -> Iterator[Connection]:
    """A connection to a database with version 1 in production, and version 2 without a back-test."""
    update(folder)
    connection.execute(
        "INSERT INTO models.versions (model, version, method, format, sha256, input_schema, outputs, card, "
        "declaration, "
        "code_version, data_version, trained_on, author, seconds, memory_bytes) SELECT model, 2, method, format, "
        "sha256, "
        "input_schema, outputs, card, declaration, code_version, data_version, trained_on, author, seconds, "
        "memory_bytes "
        "FROM models.versions"
    )
    yield connection


def test_no_version_is_promoted_without_a_back_test_of_its_own(trained: Connection) -> None:
    with pytest.raises(RegistryError, match=r"Version 2 of deliveries.hours has no stored back-test"):
        registry.promote(trained, HOURS, 2, "Ada", "please")
    move = (
        "INSERT INTO models.transitions (model, version, from_state, to_state, author, reason, backtest_id) "
        "VALUES ('deliveries.hours', 2, %s, %s, 'Ada', 'please', %s)"
    )
    trained.execute(move, ("registered", "staging", None))
    for backtest, error in ((None, errors.CheckViolation), (1, errors.ForeignKeyViolation)):
        with pytest.raises(error):
            trained.execute(move, ("staging", "production", backtest))
    assert states(trained) == {1: "production", 2: "staging"}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE models.versions SET state = 'production' WHERE version = 2",
        "UPDATE models.versions SET sha256 = 'x'",
        "UPDATE models.versions SET card = '{}'",
        "DELETE FROM models.versions WHERE version = 2",
        "UPDATE models.transitions SET reason = 'other'",
        "DELETE FROM models.transitions",
        "UPDATE models.backtests SET overall = '{}'",
        "DELETE FROM models.backtests",
        "DELETE FROM models.aliases",
        "UPDATE models.aliases SET version = 2",
        "UPDATE models.aliases SET until = clock_timestamp()",
        "INSERT INTO models.aliases (model, alias, version, author, reason) "
        "VALUES ('deliveries.hours', 'champion', 2, 'Ada', 'x')",
        "INSERT INTO models.transitions (model, version, from_state, to_state, author, reason, backtest_id) "
        "VALUES ('deliveries.hours', 1, 'staging', 'production', 'Ada', 'x', 1)",
        "INSERT INTO models.transitions (model, version, from_state, to_state, author, reason) "
        "VALUES ('deliveries.hours', 2, 'registered', 'production', 'Ada', 'x')",
        "INSERT INTO models.transitions (model, version, from_state, to_state, author, reason) "
        "VALUES ('deliveries.hours', 2, 'registered', 'staging', 'Ada', '')",
        "UPDATE models.artefacts SET content = 'other'",
        "INSERT INTO models.artefacts (sha256, format, content) VALUES (repeat('0', 64), 'logistics-json', 'x')",
        "INSERT INTO models.artefacts (sha256, format, content) VALUES (encode(sha256('x'), 'hex'), 'pickle', 'x')",
    ],
)
def test_the_database_refuses_to_rewrite_history(trained: Connection, statement: str) -> None:
    with pytest.raises(errors.IntegrityError):
        trained.execute(statement.encode())


def test_a_changed_artefact_is_not_used(folder: FolderUnderTest, connection: Connection) -> None:
    update(folder)
    connection.execute("ALTER TABLE models.artefacts DROP CONSTRAINT artefacts_sha256_of_content")
    connection.execute("ALTER TABLE models.artefacts DISABLE TRIGGER USER")
    connection.execute("UPDATE models.artefacts SET content = content || ' '::bytea")
    load(folder, "2", as_csv(deliveries(1, start=DAYS)))
    with pytest.raises(ArtefactError, match=r"version 1 of deliveries.hours was changed"):
        update(folder)
    assert connection.execute("SELECT count(*) FROM models.predictions").fetchone() == (0,)


def test_a_version_whose_artefact_was_deleted_is_not_promoted(folder: FolderUnderTest, connection: Connection) -> None:
    update(folder)
    registry.archive(connection, HOURS, 1, "Ada", "Out")
    connection.execute("DELETE FROM models.artefacts")
    with pytest.raises(RegistryError, match="was deleted: train a new one"):
        registry.promote(connection, HOURS, 1, "Ada", "Back")
    assert states(connection) == {1: "archived"}


def test_two_promotions_at_once_leave_one_version_in_production(
    folder: FolderUnderTest, connection: Connection
) -> None:
    update(folder, settings=Settings(model_promotion="manual"))
    load(folder, "2", as_csv(deliveries(2, start=DAYS)))
    update(folder, trains=True, settings=Settings(model_promotion="manual"))
    with connect(folder.url) as other:
        with connection.transaction():
            registry.promote(connection, HOURS, 2, "Ada", "Mine")
            other.execute("SET lock_timeout = '200ms'")
            with pytest.raises(errors.LockNotAvailable):
                registry.promote(other, HOURS, 1, "Bob", "Mine")
        other.execute("SET lock_timeout = 0")
        registry.promote(other, HOURS, 1, "Bob", "Mine", even_if_worse=True)
    assert states(connection) == {1: "production", 2: "archived"}


def test_a_killed_update_leaves_nothing_half_done(folder: FolderUnderTest, connection: Connection) -> None:
    program = (
        "import sys; from logistics_core.settings import Settings; from logistics_pipeline.models import updating; "
        "import os, signal; "
        "updating.note_update = lambda *a: os.kill(os.getpid(), signal.SIGKILL); "
        "updating.update_model(sys.argv[1], 'deliveries.hours', settings=Settings())"
    )
    killed = subprocess.run([sys.executable, "-c", program, folder.url], check=False, timeout=60)
    assert killed.returncode == -9
    assert states(connection) == {}
    assert update(folder).version == 1


# -- exports and commands --------------------------------------------------------------------------------------------


def test_a_restored_database_knows_the_history_of_its_models(
    folder: FolderUnderTest, connection: Connection, server_url: str, tmp_path: Path
) -> None:
    update(folder)
    load(folder, "2", as_csv(deliveries(2, start=DAYS)))
    update(folder, trains=True)
    load(folder, "3", as_csv(deliveries(2, start=DAYS + 2, hours=None)))
    update(folder)
    to = destination(str(tmp_path / "export"), ())
    export_everything(folder.url, to)
    url = with_database(server_url, "restored_models")
    with connect(server_url) as server:
        server.execute("DROP DATABASE IF EXISTS restored_models WITH (FORCE)")
    try:
        restore(url, to)
        with connect(url) as restored:
            for table in ("models", "versions", "artefacts", "backtests", "transitions", "aliases", "predictions"):
                rows = f"SELECT each::text FROM models.{table} AS each ORDER BY 1"
                assert restored.execute(rows.encode()).fetchall() == connection.execute(rows.encode()).fetchall(), table
            assert registry.roll_back(restored, HOURS, "Ada", "Back").version == 1
            assert states(restored) == {1: "production", 2: "archived"}
            with pytest.raises(errors.IntegrityError):
                restored.execute("UPDATE models.versions SET state = 'production' WHERE version = 2")
    finally:
        with connect(server_url) as server:
            server.execute("DROP DATABASE IF EXISTS restored_models WITH (FORCE)")


def test_the_commands_train_list_promote_and_roll_back(folder: FolderUnderTest, raw_dir: Path) -> None:
    data_dir = raw_dir.parent
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LOGISTICS_")}
    environment |= {"LOGISTICS_DATABASE_URL": folder.url, "LOGISTICS_DATA_DIR": str(data_dir)}

    def models(*arguments: str, code: int = 0) -> "subprocess.CompletedProcess[str]":
        done = run_command(["models", *arguments], environment, data_dir)
        assert "Traceback" not in done.stderr
        assert done.returncode == code, done.stderr
        return done

    assert "Not trained yet" in models("list").stderr
    assert "version 1 of deliveries.hours (running_mean) is in production" in models("train", HOURS).stderr
    (listed,) = [json.loads(line) for line in models("list", "--json").stdout.splitlines()]
    assert (listed["model"], listed["version"], listed["method"]) == (HOURS, 1, "running_mean")
    load(folder, "2", as_csv(deliveries(2, start=DAYS)))
    models("train", HOURS)
    assert models("rollback", HOURS, "--reason", "Odd", "--author", "Ada").stderr.startswith("Version 1 of ")
    assert models("history", HOURS, "--at", "2100-01-01").stdout == "1\n"
    assert models("history", HOURS, "--at", "2000-01-01").stdout == "none\n"
    newest = json.loads(models("history", HOURS, "--json").stdout.splitlines()[0])
    assert (newest["version"], newest["to_state"], newest["author"]) == (2, "archived", "Ada")
    versions = {
        each["version"]: each["state"] for each in map(json.loads, models("list", HOURS, "--json").stdout.splitlines())
    }
    assert versions == {1: "production", 2: "archived"}
    out = data_dir / "model.json"
    assert "SHA-256" in models("export", HOURS, "--out", str(out)).stderr
    assert json.loads(out.read_bytes())["method"] == "running_mean"
    assert "is in production" in models("promote", HOURS, "2", "--reason", "Good after all").stderr
    assert "is archived" in models("archive", HOURS, "1", "--reason", "Old", code=1).stderr
    refused = models("promote", HOURS, "9", "--reason", "x", code=1)
    assert refused.stderr.strip().endswith(f"`logistics models list {HOURS}` shows all versions.")
    models("promote", "deliveries.nothing", "1", "--reason", "x", code=1)


UNPICKLERS = frozenset({"pickle", "cPickle", "_pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve", "skops"})


def test_no_module_that_models_reach_can_unpickle() -> None:
    """What unpickles runs what it reads. Followed are the imports of our own modules, wherever they stand."""
    waiting = [
        *(f"logistics_pipeline.models.{each.stem}" for each in Path(registry.__file__).parent.glob("*.py")),
        *(f"logistics_core.models.{each.stem}" for each in Path(artefacts.__file__).parent.glob("*.py")),
        "logistics_api.models.endpoints",
    ]
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        imported = set(_imports_of(name.removesuffix(".__init__")))
        assert not {each.partition(".")[0] for each in imported} & UNPICKLERS, name
        waiting += [each for each in imported if each.startswith("logistics_")]
    assert {"logistics_pipeline.models.predictors", "logistics_core.models.durations"} <= seen


def _imports_of(name: str) -> Iterator[str]:
    try:
        found = importlib.util.find_spec(name)
    except ModuleNotFoundError:  # a name within a module
        return
    if found is None or found.origin is None:
        return
    for node in ast.walk(ast.parse(Path(found.origin).read_text())):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module
            yield from (f"{node.module}.{each.name}" for each in node.names)
