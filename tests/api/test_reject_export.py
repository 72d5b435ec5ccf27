"""The download of a file's rejects: what the command line exports, byte for byte, and what it can replay."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from logistics_core.settings import Settings
from logistics_pipeline import ledger
from logistics_pipeline.database.api_keys import create_key
from logistics_pipeline.database.connections import connect
from logistics_pipeline.files.folder import RawFolder
from logistics_pipeline.loading.layouts import layout_from_json
from logistics_pipeline.loading.loader import load_file
from logistics_pipeline.loading.options import LoadOptions, load_options
from logistics_pipeline.loading.rejects.export_lines import export_line
from logistics_pipeline.loading.rejects.replay import replay_export

GOOD = '{"vehicle_id": "V%d", "name": "Köln", "total_mileage": 1}'
BAD = [
    '{"vehicle_id": "", "name": "Łódź \\u0007", "total_mileage": 1.10}',
    '{"vehicle_id": "V2", "name": "x", "total_mileage": -3e2, "more": [1, {"a": null}]}',
    '{"vehicle_id": "V3", "name": "\\ud800", "total_mileage": 12345678901234567890123}',
    '{"vehicle_id": "V4", "total_mileage": NaN}',
    '5',
    '{"vehicle_id": "V5", "vehicle_id": "", "total_mileage": "much"}',
]  # fmt: skip
CSV_BAD = [
    ',"Team ""A"", Nord",1',
    'V2,x,-1',
    'V3,x',
    'V4,"two\nlines",much',
    '"",x,1',
    "vehicle_id,name,total_mileage",
]  # fmt: skip


@pytest.fixture
def options(tmp_path: Path) -> LoadOptions:
    settings = Settings(data_dir=tmp_path / "data", max_rejects="100%", retry_seconds=2)
    settings.raw_dir.mkdir(parents=True)
    return load_options(settings)


def load(url: str, options: LoadOptions, name: str, content: bytes) -> int:
    path = options.raw_dir / name
    path.write_bytes(content)
    found = RawFolder(options.raw_dir).look_at(path)
    assert found is not None
    return load_file(url, found, options).file.file_id


def exported(url: str, file_id: int) -> bytes:
    """As the command line writes it."""
    with connect(url) as connection:
        layout = layout_from_json(ledger.file_by_id(connection, file_id).layout)
        return b"".join(export_line(reject, layout) for reject in ledger.rejects(connection, file_id=file_id))


def contents() -> Iterator[tuple[str, bytes]]:
    good = [GOOD % number for number in range(10, 20)]
    yield "vehicles.ndjson", "\n".join([*good, *BAD]).encode() + b'\n{"vehicle_id": "\xff"}\n'
    yield "vehicles.json", ("[" + ",\n".join([*good, *(bad for bad in BAD if "NaN" not in bad)]) + "]").encode()
    for name, delimiter in (("comma", ","), ("semicolon", ";"), ("tab", "\t")):
        rows = ["vehicle_id,name,total_mileage", *(f"V{number},Bus,1" for number in range(10, 20)), *CSV_BAD]
        table = "\r\n".join(rows) + "\r\n"
        # The comma within quotes stays: the text is the same to a reader of any delimiter.
        parts = table.split('"Team ""A"", Nord"')
        text = '"Team ""A"", Nord"'.join(part.replace(",", delimiter) for part in parts)
        yield (
            f"vehicles-{name}.csv",
            text.encode() + b"V7" + delimiter.encode() + b"\xff" + delimiter.encode() + b"x\r\n",
        )


@pytest.mark.parametrize(("name", "content"), list(contents()))
def test_the_download_is_what_the_command_line_exports(
    database_url: str, serve: Any, options: LoadOptions, name: str, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_id = load(database_url, options, name, content)
    wanted = exported(database_url, file_id)
    assert wanted.count(b"\n") >= 5
    with serve(database_url) as api:
        for rows in (500, 2):  # in one page, in several
            monkeypatch.setattr("logistics_api.exports.rejects.PAGE_ROWS", rows)
            answer = api.client.get(f"/api/ingestion/files/{file_id}/rejects.ndjson")
            assert answer.status_code == 200
            assert answer.content == wanted
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.headers["content-disposition"] == f'attachment; filename="rejects-{file_id}.ndjson"'


@pytest.mark.parametrize("name", ["vehicles.ndjson", "vehicles.csv"])
def test_what_is_corrected_in_the_download_can_be_replayed(
    database_url: str, serve: Any, options: LoadOptions, name: str, tmp_path: Path
) -> None:
    bad = [{"vehicle_id": f"V{number}", "name": "x", "total_mileage": -1} for number in range(3)]
    lines = ["vehicle_id,name,total_mileage", *(",".join(map(str, row.values())) for row in bad)]
    lines = lines if name.endswith("csv") else [json.dumps(row) for row in bad]
    file_id = load(database_url, options, name, "\n".join(lines).encode())
    with serve(database_url) as api:
        documents = [
            json.loads(line) for line in api.client.get(f"/api/ingestion/files/{file_id}/rejects.ndjson").iter_lines()
        ]
        for document in documents:
            document["record"]["total_mileage"] = 7
        corrected = tmp_path / "corrected.ndjson"
        corrected.write_text("\n".join(map(json.dumps, documents)))
        done = replay_export(database_url, corrected, options)
        assert (done.accepted, done.still_bad, done.unusable) == (3, 0, 0)
        assert api.client.get(f"/api/ingestion/files/{file_id}/rejects.ndjson").content == b""


def test_large_rejects_are_sent_page_by_page(database_url: str, serve: Any, options: LoadOptions) -> None:
    bad = [json.dumps({"vehicle_id": "", "name": "x" * 400_000, "total_mileage": n}) for n in range(8)]
    huge = json.dumps({"vehicle_id": "", "name": "y" * 1_200_000})
    file_id = load(database_url, options, "vehicles.ndjson", "\n".join([*bad, huge]).encode())
    with serve(database_url) as api:
        lines = api.client.get(f"/api/ingestion/files/{file_id}/rejects.ndjson").content.splitlines()
    documents = [json.loads(line) for line in lines]
    assert [document["record_no"] for document in documents] == list(range(1, 10))
    assert documents[-1]["record"] is None, "too large to be edited as a value"
    assert documents[-1]["raw"] == huge


def test_an_unknown_file_is_not_found_and_the_scope_is_that_of_exports(database_url: str, serve: Any) -> None:
    with connect(database_url) as connection:
        keys = {scope: create_key(connection, scope, [scope])[0] for scope in ("read", "export", "ingest")}
    with serve(database_url, api_published_at="192.0.2.1") as api:
        found = {}
        for scope, key in keys.items():
            answer = api.client.get("/api/ingestion/files/9/rejects.ndjson", headers={"X-API-Key": key})
            api.check_problem(answer)
            found[scope] = answer.status_code
    assert found == {"read": 403, "export": 404, "ingest": 403}
