"""The contract between the programs and the database: whoever renames one side fails here, not in production."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_type_hints

import psycopg
import pytest

from logistics_api.database.freshness import AVAILABILITY_EVENT
from logistics_api.ingestion.stats_schemas import FilesOfDataset
from logistics_api.system.schemas import FilesByState
from logistics_api.uploads.schemas import UploadState
from logistics_core.database_contract.actors import ActorKind
from logistics_core.database_contract.alerts import TrialState
from logistics_core.database_contract.audit import ObjectKind
from logistics_core.database_contract.channels import Channel, FileEvent
from logistics_core.database_contract.contracts import ProposalState
from logistics_core.database_contract.file_states import (
    DATASET_STATES,
    FINISHED_STATES,
    INITIAL_STATES,
    TRANSITIONS,
    UNFINISHED_STATES,
    FileState,
)
from logistics_core.database_contract.identities import ProposalState as IdentityProposalState
from logistics_core.database_contract.locks import (
    HOUSEKEEPING_LOCK,
    IS_BEING_LOADED,
    IS_REFRESH_RUNNING,
    MIGRATION_LOCK,
    REFRESH_LOCK,
    load_lock,
)
from logistics_core.database_contract.models import JobState, VersionState
from logistics_core.database_contract.notifications import MessageState
from logistics_core.database_contract.pull_states import PullState
from logistics_core.database_contract.roles import OPERATOR, READER
from logistics_core.database_contract.schema import API_READS
from logistics_core.sql_files import SQL_DIR
from logistics_pipeline import ledger
from logistics_pipeline.database.connections import Connection, advisory_lock, connect
from logistics_pipeline.ledger import LedgerFile
from tests.checkout import PROJECT_ROOT
from tests.database.conftest import FolderUnderTest
from tests.database.records import vehicle

STATIC = PROJECT_ROOT / "logistics_api" / "dashboard" / "static"


# -- file states ---------------------------------------------------------------------------------------------------


def test_the_table_accepts_exactly_the_states_of_the_contract(connection: Connection) -> None:
    found = connection.execute(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE conrelid = 'ingest.files'::regclass AND conname = 'files_state_check'"
    ).fetchone()
    assert found is not None
    assert set(re.findall(r"'(\w+)'::text", found[0])) == set(FileState)


def test_every_state_can_be_reached_and_each_is_finished_unfinished_or_unrecognised() -> None:
    assert TRANSITIONS.keys() == set(FileState)
    reached = set(INITIAL_STATES)
    while more := {after for before in reached for after in TRANSITIONS[before]} - reached:
        reached |= more
    assert reached == set(FileState)
    assert UNFINISHED_STATES | FINISHED_STATES == set(DATASET_STATES) == set(FileState) - {FileState.UNRECOGNISED}
    assert not UNFINISHED_STATES & FINISHED_STATES


@pytest.fixture
def file(raw_folder: FolderUnderTest, connection: Connection) -> LedgerFile:
    return ledger.register(connection, raw_folder.drop("vehicles.json", [vehicle(1)]))


def test_what_the_contract_does_not_list_is_refused_in_the_tests(connection: Connection, file: LedgerFile) -> None:
    with pytest.raises(psycopg.errors.InvalidTransactionState, match="become loaded after registered"):
        ledger.finish(connection, file.file_id, content_hash=None, file_format="", seconds=0)


@pytest.mark.parametrize("before", [state for state in FileState if state is not FileState.UNRECOGNISED])
def test_the_guard_lets_pass_what_the_contract_lists_and_nothing_else(
    connection: Connection, database_url: str, file: LedgerFile, before: FileState
) -> None:
    passed = set()
    for after in DATASET_STATES:
        with psycopg.connect(database_url, autocommit=True) as other:
            other.execute("UPDATE ingest.files SET state = %s", (before,))
        try:
            connection.execute("UPDATE ingest.files SET state = %s", (after,))
        except psycopg.errors.InvalidTransactionState:
            continue
        passed.add(after)
    assert passed == TRANSITIONS[before] | {before}


def test_the_ledger_registers_files_in_an_initial_state(raw_folder: FolderUnderTest, connection: Connection) -> None:
    states = {ledger.register(connection, raw_folder.drop(name, b"[]")).state for name in ("vehicles.json", "x.json")}
    assert states == INITIAL_STATES


def test_scripts_name_only_states_of_the_contract() -> None:
    named = {
        (str(path.relative_to(SQL_DIR)), state)
        for path in SQL_DIR.rglob("*.sql")
        for line in path.read_text().splitlines()
        for condition in re.findall(r"\bstate (?:=|<>|IN) (\([^)]*\)|'\w+')|\bstate\s+text .* DEFAULT ('\w+')", line)
        for state in re.findall(r"'(\w+)'", "".join(condition))
    }
    about_proposals = {"migrations/0010_contracts.sql", "describing/open_proposals.sql", "describing/system_status.sql"}
    of_proposals = {state for path, state in named if path == "migrations/0010_contracts.sql"}
    about_pulls = {"migrations/0017_sources.sql", "migrations/0017_source_requests.sql", "checks/pulls.sql"}
    about_pulls.add("housekeeping/old_pulls.sql")
    of_pulls = {state for path, state in named if path in about_pulls}
    about_models = {path for path, _ in named if path.startswith(("models/", "migrations/0022_model"))}
    about_models |= {"housekeeping/delete_old_predictions.sql"}
    of_models = {state for path, state in named if path in about_models}
    about_identities = {"migrations/0021_identities.sql"}
    of_identities = {state for path, state in named if path in about_identities}
    about_previews = {
        path
        for path, _ in named
        if path.endswith("_preview.sql") or path.startswith(("migrations/0035_", "migrations/0044_"))
    }
    of_messages_migrations = tuple(
        f"migrations/{number}_" for number in ("0024", "0028", "0033", "0034", "0040", "0043")
    )
    about_messages = {
        path
        for path, _ in named
        if path.startswith(("notifying/", "reporting/", "alerting/dead_letters", *of_messages_migrations))
    } - about_previews
    of_messages = {state for path, state in named if path in about_messages}
    about_alerts = {path for path, _ in named if path.startswith(("alerting/", "migrations/0023_", "migrations/0030_"))}
    of_trials = {state for path, state in named if path == "migrations/0030_alert_rules.sql"}
    about_everything = {"migrations/0026_audit_log.sql"}
    others = about_alerts | about_messages | about_proposals | about_pulls | about_identities | about_models
    others |= about_everything | about_previews
    of_files = {state for path, state in named if path not in others}
    assert of_files and of_files <= set(FileState)
    assert of_proposals == set(ProposalState)
    assert of_pulls == set(PullState)
    assert of_trials == set(TrialState)
    assert of_identities == set(IdentityProposalState)
    assert of_models == {*VersionState, *JobState}
    assert of_messages == set(MessageState)
    assert {state for path, state in named if path in about_previews} == {"queued", "done", "failed"}
    assert {state for path, state in named if path in about_proposals} <= {*FileState, *ProposalState}


def test_the_api_counts_files_by_the_states_of_the_contract() -> None:
    assert list(FilesByState.model_fields) == list(FileState)
    assert list(FilesOfDataset.model_fields) == list(DATASET_STATES)
    assert {state for state in UploadState if state in set(FileState)} == set(FileState)


def test_the_dashboard_has_words_for_every_kind_of_the_audit_log() -> None:
    page = (STATIC / "pages" / "changes.js").read_text()

    def names(constant: str) -> set[str]:
        found = re.search(rf"const {constant} = \{{(.*?)\}};", page, re.S)
        assert found is not None
        return set(re.findall(r"(\w+): \"", found[1]))

    assert (names("KINDS"), names("ACTORS")) == (set(ObjectKind), set(ActorKind))


def test_the_dashboard_has_words_for_every_state_and_names_no_other() -> None:
    pages = STATIC / "pages" / "pipeline"
    words = re.search(r"export const STATES = \{(.*?)\n\};", (pages / "states.js").read_text(), re.S)
    assert words is not None and re.findall(r"^  (\w+):", words[1], re.M) == list(FileState)

    known = {*FileState, *UploadState, "chosen", "queued", "resting", "sending", "refused", "stored"}
    others = {"news.js", "actions.js"}  # states of the stream, and of requests
    compared = {
        state
        for path in pages.glob("*.js")
        for state in re.findall(r'\bstate [!=]== "(\w+)"', path.read_text())
        if path.name not in others
    }
    assert {"loading", "loaded"} <= compared <= known | {"live"}

    stats = (pages / "stats.js").read_text()
    counted = set(re.findall(r"\bfiles\.(\w+)", stats)) - {"length", "map", "filter"}
    assert counted and counted <= set(FileState)
    words = re.search(r"const words = \{ (loaded: .*?) \}\[", (pages / "uploads.js").read_text())
    assert words is not None and set(re.findall(r"(\w+): \[", words[1])) <= set(UploadState)


# -- channels ------------------------------------------------------------------------------------------------------


@pytest.fixture
def heard(database_url: str) -> Iterator[Connection]:
    """A connection that listens as the API does."""
    with connect(database_url) as listener:
        for channel in Channel:
            listener.execute(f"LISTEN {channel}")
        yield listener


def take(listener: Connection) -> list[psycopg.Notify]:
    listener.execute("SELECT 1")  # what was committed before comes with the answer
    return list(listener.notifies(timeout=0))


def test_a_file_event_has_the_fields_and_types_of_the_contract(
    raw_folder: FolderUnderTest, connection: Connection, heard: Connection
) -> None:
    ledger.register(connection, raw_folder.drop("vehicles.json", b"[]"))
    (notified,) = take(heard)
    assert notified.channel == Channel.FILES
    event = json.loads(notified.payload)
    hints = get_type_hints(FileEvent)
    assert event.keys() == hints.keys()
    assert all(isinstance(event[name], (int, str)) for name in hints)
    assert FileState(event["state"]) is FileState.REGISTERED


def test_changed_api_keys_are_notified_by_the_database_itself(connection: Connection, heard: Connection) -> None:
    connection.execute("INSERT INTO access.keys (name, digest, scopes) VALUES ('a', sha256('a'), '{read}')")
    assert [(each.channel, each.payload) for each in take(heard)] == [(Channel.API_KEYS, "")]


def test_scripts_notify_no_channel_but_those_of_the_contract() -> None:
    notified = {
        name
        for path in SQL_DIR.rglob("*.sql")
        for name in re.findall(r"\bNOTIFY (\w+)|pg_notify\('(\w+)'", path.read_text())
    }
    assert {"".join(name) for name in notified} <= set(Channel)


def test_the_dashboard_listens_to_the_events_of_the_contract() -> None:
    source = (STATIC / "events.js").read_text()
    heard = set(re.findall(r'source\.addEventListener\("(\w+)"', source)) - {"open", "error"}
    heard -= {AVAILABILITY_EVENT}  # the API's own: no channel of the database tells of its outage
    assert heard == {
        Channel.FILES, Channel.DATA_VERSION, Channel.CONTRACTS, Channel.SOURCES, Channel.FORECASTS, Channel.MODELS,
        Channel.ALERTS,
    }  # fmt: skip
    fields = {
        field
        for path in STATIC.rglob("*.js")
        for names in re.findall(r'on\("ingest", \(\{ ([\w, ]+) \}\)', path.read_text())
        for field in names.split(", ")
    }
    assert fields and fields <= FileEvent.__annotations__.keys()


# -- locks ---------------------------------------------------------------------------------------------------------


def test_a_held_lock_is_seen_and_no_other_is_taken_for_it(
    connection: Connection, database_url: str, file: LedgerFile
) -> None:
    def seen() -> tuple[bool, bool]:
        row = connection.execute(f"SELECT {IS_REFRESH_RUNNING}, {IS_BEING_LOADED} FROM ingest.files").fetchone()
        assert row is not None
        return row[0], row[1]

    expected = {
        REFRESH_LOCK: (True, False),
        load_lock(file.path): (False, True),
        load_lock("other.json"): (False, False),
        HOUSEKEEPING_LOCK: (False, False),
        MIGRATION_LOCK: (False, False),
    }
    found = {}
    with connect(database_url) as other:
        for name in expected:
            with advisory_lock(other, name):
                found[name] = seen()
    assert found == expected
    assert seen() == (False, False)


# -- role and schema -----------------------------------------------------------------------------------------------


def test_the_role_that_reads_exists_and_may_read_whatever_the_api_reads(connection: Connection) -> None:
    connection.execute(f"SET ROLE {READER}")
    for table, columns in API_READS.items():
        connection.execute(f"SELECT {', '.join(columns)} FROM {table} LIMIT 0")


def test_scripts_and_deployments_name_the_roles_of_the_contract() -> None:
    scripts = [SQL_DIR / "roles.sql", *(PROJECT_ROOT / "deploy").rglob("*.*"), PROJECT_ROOT / "docker-compose.yml"]
    named = {name for path in scripts for name in re.findall(r"\blogistics_(?:reader|operator)\w*", text(path))}
    assert named == {READER, OPERATOR}


def text(path: Path) -> str:
    return path.read_text(errors="replace") if path.is_file() else ""
