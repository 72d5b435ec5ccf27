"""A full disk is named as such, with what to do: that of the database server, and that of this machine."""

import errno
import os

import psycopg
import pytest

from logistics_pipeline import cli
from logistics_pipeline.database.connections import Connection, reason_of, transient_errors
from logistics_pipeline.errors import TransientError
from tests.database.conftest import FolderUnderTest, at_statement
from tests.database.records import log

FULL = "DO $$ BEGIN RAISE 'could not extend file' USING ERRCODE = 'disk_full'; END $$"


def fail_of_a_full_disk(connection: Connection) -> None:
    psycopg.Connection.__dict__["cursor"](connection).execute(FULL)


def test_a_full_disk_of_the_server_is_said_and_the_load_resumes(
    raw_folder: FolderUnderTest, connection: Connection, impatient: None
) -> None:
    found = raw_folder.drop("vehicle_logs.json", [log(n) for n in range(1, 30)])
    with (
        pytest.raises(
            TransientError,
            match=r"loading vehicle_logs\.json: could not extend.*disk of the database server is full: free space",
        ),
        at_statement(12, fail_of_a_full_disk),
    ):
        raw_folder.load(found, retry_seconds=0)

    assert raw_folder.load(found).file.records_loaded == 29


def test_other_troubles_get_no_advice_about_disks(connection: Connection) -> None:
    with pytest.raises(TransientError) as refusal, transient_errors("trying"):
        connection.execute("DO $$ BEGIN RAISE 'away' USING ERRCODE = 'admin_shutdown'; END $$")
    assert "disk" not in str(refusal.value)


def test_an_error_without_a_text_is_no_name_of_a_class() -> None:
    assert reason_of(psycopg.OperationalError()) == "the connection was lost"


def test_a_full_disk_of_this_machine_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def write() -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/exports/rejects.ndjson")

    monkeypatch.setattr(cli, "app", write)
    with pytest.raises(SystemExit, match=r"The disk is full.*\(/exports/rejects\.ndjson\).*Free space on it"):
        cli.main()


def test_another_trouble_of_a_file_is_not_mistaken_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def read() -> None:
        raise FileNotFoundError(errno.ENOENT, "gone")

    monkeypatch.setattr(cli, "app", read)
    with pytest.raises(FileNotFoundError):
        cli.main()
