"""Requests that the API leaves in the database: the pipeline serves each once, whatever is interrupted."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from logistics_core.database_contract.file_requests import REQUEST_FILE_ACTION, FileAction
from logistics_core.database_contract.roles import OPERATOR
from logistics_pipeline.database.connections import connect
from logistics_pipeline.errors import TransientError
from logistics_pipeline.loading.options import load_options
from logistics_pipeline.loading.unload import unload_file
from logistics_pipeline.orchestration import file_requests
from logistics_pipeline.orchestration.file_requests import serve_unload_requests
from tests.orchestration.conftest import System, shipment

CUT_OFF = '[{"shipment_id": "S1", "orig'


def ask(system: System, path: str, action: FileAction) -> int:
    """Makes a request as the API does: with its role."""
    assert system.settings.database_url is not None
    file_id = system.ledger()[path].file_id
    with connect(system.settings.database_url) as connection, connection.transaction():
        connection.execute(f"SET LOCAL ROLE {OPERATOR}")
        parameters = {"file_id": file_id, "action": action, "requested_by": "tester"}
        row = connection.execute(f"SELECT {REQUEST_FILE_ACTION}".encode(), parameters).fetchone()
    assert row is not None
    return int(row[0])


def request(system: System, request_id: int) -> tuple[bool, str | None, str | None]:
    """Whether it is done, its outcome and its error."""
    assert system.settings.database_url is not None
    with connect(system.settings.database_url) as connection:
        row = connection.execute(
            "SELECT done_at IS NOT NULL, outcome, error FROM ingest.file_requests WHERE request_id = %s", (request_id,)
        ).fetchone()
    assert row is not None
    return row


def look(system: System) -> list[Any]:
    """One look of the sensor of requests."""
    return list(system.evaluate("file_requests").run_requests or [])


@pytest.fixture
def loaded(system: System) -> Iterator[System]:
    """Two loaded files that share a key, one that failed, and one that belongs to no dataset."""
    system.drop("shipments/a.json", [shipment(1), shipment(2)])
    system.drop("shipments/b.json", [shipment(2), shipment(3), shipment(4), {"shipment_id": ""}])
    system.drop("shipments/cut.json", CUT_OFF)
    system.drop("notes.json", "[]")
    system.settle()
    assert system.ledger()["shipments/b.json"].state == "loaded"
    yield system


def test_a_retry_is_served_once_and_loads_the_file(loaded: System) -> None:
    loaded.drop("shipments/cut.json", CUT_OFF)
    number = ask(loaded, "shipments/cut.json", FileAction.RETRY)
    assert ask(loaded, "shipments/cut.json", FileAction.RETRY) == number, "the pending request is the same"
    assert request(loaded, number) == (False, None, None)

    assert look(loaded) == []

    done, outcome, error = request(loaded, number)
    assert (done, error) == (True, None)
    assert outcome is not None
    assert "load is requested" in outcome
    (run,) = loaded.tick()
    loaded.run(run)
    assert loaded.ledger()["shipments/cut.json"].state == "failed"
    assert look(loaded) == []
    assert loaded.tick() == []
    assert ask(loaded, "shipments/cut.json", FileAction.RETRY) > number


@pytest.mark.parametrize(
    ("path", "action", "expected"),
    [
        ("shipments/a.json", FileAction.RETRY, "It is loaded: there is nothing to retry. To load it again, unload it"),
        ("notes.json", FileAction.RETRY, "Its path names no dataset"),
        ("shipments/a.json", FileAction.FORGET, "It is loaded: only failed and unrecognised files can be dismissed."),
    ],
)
def test_what_makes_no_sense_by_the_time_it_is_served_is_refused_in_a_sentence(
    loaded: System, path: str, action: FileAction, expected: str
) -> None:
    number = ask(loaded, path, action)
    before = loaded.ledger()[path]
    look(loaded)
    done, outcome, error = request(loaded, number)
    assert (done, outcome) == (True, None)
    assert error is not None
    assert error.startswith(expected)
    assert loaded.ledger()[path] == before


def test_a_retry_of_a_file_that_is_gone_says_so(loaded: System) -> None:
    number = ask(loaded, "shipments/cut.json", FileAction.RETRY)
    (loaded.settings.raw_dir / "shipments/cut.json").unlink()
    look(loaded)
    assert request(loaded, number)[2] == "It is no longer in the raw folder: put it back, then try again."


@pytest.mark.parametrize("path", ["shipments/cut.json", "notes.json"])
def test_a_dismissed_file_leaves_the_list_of_what_to_act_on(loaded: System, path: str) -> None:
    number = ask(loaded, path, FileAction.FORGET)
    look(loaded)
    assert request(loaded, number) == (True, "It is dismissed.", None)
    assert loaded.ledger()[path].dismissed_at is not None


def test_an_unload_runs_in_a_run_of_its_own_and_says_what_to_load_again(loaded: System) -> None:
    number = ask(loaded, "shipments/b.json", FileAction.UNLOAD)
    (run,) = look(loaded)
    assert request(loaded, number) == (False, None, None), "the sensor does not unload"

    assert loaded.run(run, "unload_on_request").success

    assert request(loaded, number) == (
        True,
        "3 rows and 1 rejects are removed. Older files may have had rows under the same keys: load these again: "
        "shipments/a.json.",
        None,
    )
    assert loaded.ledger()["shipments/b.json"].state == "unloaded"
    assert look(loaded) == []
    assert loaded.tick() == [], "nothing loads it again unasked"


@pytest.mark.slow
def test_an_unload_that_is_killed_after_its_transaction_is_completed_by_the_next_run(
    loaded: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = ask(loaded, "shipments/b.json", FileAction.UNLOAD)
    (run,) = look(loaded)

    def killed(*_: object, **__: object) -> None:
        raise TransientError("the run was killed")

    with monkeypatch.context() as patch:
        patch.setattr("logistics_pipeline.loading.unload.build_missing", killed)
        patch.setattr("logistics_pipeline.orchestration.retries.TRANSIENT_RETRIES", None)
        with pytest.raises(TransientError):
            serve_unload_requests(str(loaded.settings.database_url), load_options(loaded.settings))
    assert loaded.ledger()["shipments/b.json"].state == "unloaded"
    assert request(loaded, number) == (False, "Its rows and rejects are removed.", None)

    (run,) = look(loaded)
    assert loaded.run(run, "unload_on_request").success
    done, outcome, _ = request(loaded, number)
    assert done
    assert outcome is not None
    assert "load these again: shipments/a.json" in outcome


def test_a_file_that_was_loaded_again_meanwhile_is_not_unloaded_twice(
    loaded: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = ask(loaded, "shipments/b.json", FileAction.UNLOAD)
    url, options = str(loaded.settings.database_url), load_options(loaded.settings)
    unload_file(url, "shipments/b.json", options)  # by hand, or by a run that died before it could end the request
    with connect(url) as connection:
        connection.execute(
            "UPDATE ingest.files SET retry_requested_at = clock_timestamp() WHERE path = 'shipments/b.json'"
        )
    loaded.settle()
    assert loaded.ledger()["shipments/b.json"].state == "loaded"

    serve_unload_requests(url, options)

    assert request(loaded, number) == (True, "Its rows and rejects are removed.", None)
    assert loaded.ledger()["shipments/b.json"].state == "loaded"


def test_a_retry_that_is_interrupted_is_neither_lost_nor_half_done(
    loaded: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = ask(loaded, "shipments/cut.json", FileAction.RETRY)

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(file_requests.ledger, "end_request", killed)
        with connect(str(loaded.settings.database_url)) as connection, pytest.raises(KeyboardInterrupt):
            file_requests.serve_short_requests(connection, loaded.settings)
    assert request(loaded, number) == (False, None, None)
    assert loaded.ledger()["shipments/cut.json"].retry_requested_at is None

    look(loaded)
    assert request(loaded, number)[0]
    assert loaded.ledger()["shipments/cut.json"].retry_requested_at is not None


def test_an_unload_of_a_dataset_without_a_contract_is_refused_and_the_others_are_served(loaded: System) -> None:
    url = str(loaded.settings.database_url)
    numbers = [ask(loaded, f"shipments/{name}.json", FileAction.UNLOAD) for name in ("a", "b")]
    with connect(url) as connection:
        connection.execute("UPDATE ingest.files SET dataset = 'gone' WHERE path = 'shipments/a.json'")
    serve_unload_requests(url, load_options(loaded.settings))
    (first, second) = [request(loaded, number) for number in numbers]
    assert first[0]
    assert first[2] is not None
    assert "gone" in first[2]
    assert second[0]
    assert second[2] is None


def test_the_function_accepts_only_the_actions_of_the_contract_and_files_that_exist(loaded: System) -> None:
    with connect(str(loaded.settings.database_url)) as connection, connection.transaction():
        connection.execute(f"SET LOCAL ROLE {OPERATOR}")
        for action in FileAction:
            assert connection.execute(
                f"SELECT {REQUEST_FILE_ACTION}".encode(), {"file_id": 99, "action": action, "requested_by": "x"}
            ).fetchone() == (None,)
        with pytest.raises(psycopg.errors.CheckViolation), connection.transaction():
            connection.execute(
                f"SELECT {REQUEST_FILE_ACTION}".encode(), {"file_id": 1, "action": "drop", "requested_by": "x"}
            )
