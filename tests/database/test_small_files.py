"""What a small file costs beside its rows: statements, which are counted, as time depends on the machine."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from logistics_pipeline import ledger
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.loading.loader import Loader
from tests.database.conftest import FolderUnderTest
from tests.database.records import log

MOST_STATEMENTS = 16
"""Beginnings and ends of transactions included. Whoever adds one for every file has a reason and changes this."""


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The statements that are run, those of transactions included."""
    seen: list[str] = []
    cursor, connection = psycopg.Cursor, psycopg.Connection

    def execute(self: Any, query: Any, *arguments: Any, **keywords: Any) -> Any:
        seen.append(str(query))
        return run(self, query, *arguments, **keywords)

    def copy(self: Any, query: Any, *arguments: Any, **keywords: Any) -> Any:
        seen.append(str(query))
        return begin_copy(self, query, *arguments, **keywords)

    def transaction(self: Any, *arguments: Any, **keywords: Any) -> Any:
        seen.extend(["BEGIN", "COMMIT"])
        return begin_transaction(self, *arguments, **keywords)

    run, begin_copy, begin_transaction = cursor.execute, cursor.copy, connection.transaction
    monkeypatch.setattr(cursor, "execute", execute)
    monkeypatch.setattr(cursor, "copy", copy)
    monkeypatch.setattr(connection, "transaction", transaction)
    yield seen


def test_a_small_file_takes_few_statements(raw_folder: FolderUnderTest, statements: list[str]) -> None:
    files = [raw_folder.drop(f"vehicle_logs/{number}.json", [log(number)]) for number in range(4)]
    with Loader(raw_folder.url, raw_folder.options) as loader:
        loader.register(files)
        for found in files[:3]:
            assert loader.load(found).is_loaded
        statements.clear()
        assert loader.load(files[3]).is_loaded
    assert len(statements) <= MOST_STATEMENTS, "\n".join(statements)


def test_a_file_is_registered_with_few_statements(raw_folder: FolderUnderTest, statements: list[str]) -> None:
    first, second = (raw_folder.drop(f"vehicle_logs/{number}.json", [log(number)]) for number in range(2))
    with Loader(raw_folder.url, raw_folder.options) as loader:
        loader.register([first])
        statements.clear()
        loader.register([second])
    assert len(statements) <= 6, "\n".join(statements)


def test_known_profiles_are_those_of_the_database(raw_folder: FolderUnderTest, connection: Connection) -> None:
    """Also after a file was loaded anew: its profile is another one then."""
    known = ledger.KnownProfiles()
    files = [raw_folder.drop(f"vehicle_logs/{number}.json", [log(number), log(9)]) for number in range(3)]
    for file_id, found in enumerate(files, start=1):
        assert raw_folder.load(found).is_loaded
        own, earlier = known.profile_and_earlier(connection, "vehicle_logs", file_id)
        assert own == ledger.file_profile(connection, file_id)
        assert earlier == [ledger.file_profile(connection, before) for before in range(file_id - 1, 0, -1)]
    other = {"log_id": ledger.file_profile(connection, 1)["mileage"]}
    ledger.keep_profile(connection, 1, other)
    assert known.profile_and_earlier(connection, "vehicle_logs", 3)[1][-1] == other
