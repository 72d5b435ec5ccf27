"""Problems of files on the terminal of `logistics up`: each is said once."""

import pytest

from logistics_core.reject_threshold import RejectThreshold
from logistics_pipeline.cli import file_problems
from logistics_pipeline.cli.file_problems import FileProblems
from logistics_pipeline.database.connections import connect
from logistics_pipeline.loading.file_load import register_file
from tests.database.conftest import FolderUnderTest


def drop_unrecognised(raw_folder: FolderUnderTest, name: str) -> None:
    path = raw_folder.options.raw_dir / name
    path.write_text("{}")
    found = raw_folder.options.folder.look_at(path)
    assert found is not None
    with connect(raw_folder.url, application_name="test") as connection:
        register_file(connection, found)


def test_files_that_fail_or_are_not_recognised_are_said_once(
    raw_folder: FolderUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_problems, "LOOK_SECONDS", 0)
    drop_unrecognised(raw_folder, "before.json")
    said = list[str]()
    problems = FileProblems(raw_folder.url, RejectThreshold.parse("1%"), said.append)

    problems.check()
    assert said == []
    drop_unrecognised(raw_folder, "orders.json")
    raw_folder.drop_and_load("vehicles.json", [{"vehicle_id": "V1"}])
    raw_folder.drop_and_load("vehicles/2.json", ["text"])
    problems.check()
    problems.check()

    assert [line.split(": ")[:2] for line in said] == [["orders.json", "UNRECOGNISED"], ["vehicles/2.json", "FAILED"]]
