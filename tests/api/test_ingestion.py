"""The ledger over HTTP: files, batches, rejects and what an operator looks at, as real loads leave them."""

import gzip
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pydantic import TypeAdapter

from logistics_api.ingestion import file_queries
from logistics_api.ingestion.file_queries import file_parameters
from logistics_api.ingestion.file_schemas import Batches, FileDetails
from logistics_core.catalogue import InvalidValues
from logistics_core.settings import Settings
from logistics_pipeline import ledger
from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.database.connections import connect
from logistics_pipeline.loading.loader import LoadReport, load_file
from logistics_pipeline.loading.options import LoadOptions
from logistics_pipeline.loading.rejects.replay import replay_stored
from logistics_pipeline.loading.unload import unload_file

FILES, REJECTS = "/api/ingestion/files", "/api/ingestion/rejects"


def shipment(number: int, **values: Any) -> dict[str, Any]:
    return {"shipment_id": f"S{number}", "origin": "Lyon", "destination": "Turin", "log_id": "L1", **values}


@dataclass
class Ledger:
    """Loads files into the database that the API reads."""

    url: str
    options: LoadOptions
    _times: Iterator[int] = field(default_factory=lambda: count(1_700_000_000_000_000_000, 1_000_000_000))

    def load(self, name: str, content: bytes | list[Any], run_id: str | None = None, **changes: Any) -> LoadReport:
        path = self.options.raw_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        time = next(self._times)
        os.utime(path, ns=(time, time))
        found = self.options.folder.look_at(path)
        assert found is not None
        return load_file(self.url, found, replace(self.options, **changes), run_id=run_id)


@pytest.fixture(scope="module")
def refusing(new_database: Any, serve: Any) -> Iterator[Any]:
    """One API for all tests that are refused before anything is read."""
    with new_database() as url, serve(url) as running:
        yield running


@pytest.fixture
def loads(database_url: str, options: LoadOptions) -> Ledger:
    return Ledger(database_url, options)


@pytest.fixture
def details(api: Any) -> Callable[[int], Any]:
    """Asks for one file, and holds the answer against its declaration."""

    def read(file_id: int) -> Any:
        response = api.request(f"{FILES}/{file_id}")
        assert response.status_code == 200, response.text
        TypeAdapter(FileDetails).validate_json(response.content, strict=True)
        return response.json()

    return read


def insert_files(url: str, files: list[dict[str, Any]]) -> None:
    with psycopg.connect(url) as connection:
        for number, file in enumerate(files):
            values = {"dataset": "shipments", "path": f"{number}.json", "size_bytes": 1, "modified_ns": 1, **file}
            columns, marks = ", ".join(values), ", ".join(f"%({name})s" for name in values)
            connection.execute(f"INSERT INTO ingest.files ({columns}) VALUES ({marks})", values)


def pages(api: Any, path: str, **query: Any) -> list[list[Any]]:
    """All pages of a list, each with the cursor of the one before."""
    found, cursor = [], {}
    while True:
        page = api.get(path, **query, **cursor)
        found.append(page["items"])
        if page["next_cursor"] is None:
            return found
        cursor = {"cursor": page["next_cursor"]}


def test_before_anything_was_loaded_all_lists_are_empty(api: Any) -> None:
    for path in (FILES, REJECTS):
        assert api.get(path) == {"items": [], "next_cursor": None}
    assert api.get(f"{REJECTS}/summary") == {"items": []}
    stats = api.get("/api/ingestion/stats")
    assert stats["datasets"] == [] and stats["loading"] == [] and stats["last_run"] is None
    assert stats["failed"] == {"count": 0, "latest": []}
    assert stats["waiting"]["seconds"] is None and stats["recent_loads"]["records_per_second"] is None


def test_a_loaded_file_shows_its_whole_account(api: Any, loads: Ledger, details: Callable[[int], Any]) -> None:
    content = [shipment(1), shipment(1, cost=5), shipment(2, weight=-3), shipment(3, colour="red")]
    report = loads.load("shipments/day 1.json", content, run_id="run 1")

    file = details(report.file.file_id)

    assert file["state"] == "loaded" and file["is_current"] and file["is_balanced"]
    assert file["records"] == {"read": 4, "loaded": 2, "superseded": 1, "rejected": 1}
    assert file["path"] == "shipments/day 1.json" and file["dataset"] == "shipments"
    assert file["content_sha256"] == report.file.content_hash
    assert file["unknown_fields"] == ["colour"]
    assert file["notes"] == []
    assert file["run_id"] == "run 1" and file["run_url"] == "http://127.0.0.1:3000/runs/run 1"
    assert file["modified_at"] == "2023-11-14T22:13:20+00:00"
    assert file["batches"]["count"] == file["batches"]["waiting"] == 1
    assert file["batches"]["latest"][0]["last_record"] == 4
    assert file["progress"] is None
    assert api.get(FILES)["items"][0].keys() == file.keys() - {
        "is_balanced",
        "drift",
        "batches",
        "actions",
        "latest_request",
    }


def test_links_lead_to_the_dagster_that_users_see(serve: Any, database_url: str) -> None:
    insert_files(database_url, [{"run_id": "abc"}, {}])
    with serve(database_url, dagster_public_url="https://dagster.example.org/") as api:
        urls = [file["run_url"] for file in api.get(FILES)["items"]]
    assert urls == [None, "https://dagster.example.org/runs/abc"]


def test_files_are_found_by_state_dataset_path_and_whether_they_are_the_newest(api: Any, database_url: str) -> None:
    insert_files(
        database_url,
        [
            {"path": "shipments/a_1.json", "state": "failed"},
            {"path": "shipments/a_1.json", "version": 2, "state": "loaded"},
            {"path": "shipments/a%1.json", "state": "failed"},
            {"path": "vehicles.json", "dataset": "vehicles", "state": "loading"},
            {"path": "x.txt", "dataset": None, "state": "unrecognised"},
        ],
    )

    def found(**query: Any) -> list[tuple[str, int]]:
        return [(file["path"], file["version"]) for file in api.get(FILES, **query)["items"]]

    assert len(found()) == 5
    assert found(state="failed") == [("shipments/a%1.json", 1), ("shipments/a_1.json", 1)]
    assert found(state="failed", current="true") == [("shipments/a%1.json", 1)]
    assert found(current="false") == [("shipments/a_1.json", 1)]
    assert found(state=["loading", "unrecognised"]) == [("x.txt", 1), ("vehicles.json", 1)]
    assert found(dataset="vehicles") == [("vehicles.json", 1)]
    assert found(path_prefix="shipments/a_") == [("shipments/a_1.json", 2), ("shipments/a_1.json", 1)]
    assert found(path_prefix="shipments/a_", state="loaded", dataset="shipments") == [("shipments/a_1.json", 2)]
    assert found(dataset="nothing") == []


@pytest.mark.parametrize("limit", [1, 2, 3, 6, 7, 1000])
def test_pages_hold_every_file_once_and_none_that_came_meanwhile(api: Any, database_url: str, limit: int) -> None:
    insert_files(database_url, [{"state": "loaded" if number % 4 else "failed"} for number in range(8)])

    page = api.get(FILES, limit=limit, state="loaded")
    insert_files(database_url, [{"path": "later.json", "state": "loaded"}])
    listed = page["items"]
    while page["next_cursor"]:
        page = api.get(FILES, limit=limit, state="loaded", cursor=page["next_cursor"])
        assert 0 < len(page["items"]) <= limit
        listed += page["items"]

    assert [file["file_id"] for file in listed] == [8, 7, 6, 4, 3, 2]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda cursor: cursor[:-1],
        lambda cursor: "A" + cursor,
        lambda cursor: cursor.swapcase(),
        lambda cursor: "",
        lambda cursor: "%",
        lambda cursor: "ü",
        lambda cursor: "A" * 4096,
    ],
)
def test_a_damaged_cursor_is_not_found(api: Any, database_url: str, spoil: Callable[[str], str]) -> None:
    insert_files(database_url, [{}, {}])
    cursor = api.get(FILES, limit=1)["next_cursor"]
    assert api.refused(404, FILES, limit=1, cursor=spoil(cursor))["type"] == "urn:logistics:problem:unknown-cursor"


def test_a_cursor_fits_no_other_question_but_pages_of_another_size(api: Any, database_url: str) -> None:
    insert_files(database_url, [{}, {}, {}])
    cursor = api.get(FILES, limit=1, dataset="shipments")["next_cursor"]
    assert len(api.get(FILES, limit=2, dataset="shipments", cursor=cursor)["items"]) == 2
    api.refused(404, FILES, cursor=cursor)
    api.refused(404, FILES, dataset="vehicles", cursor=cursor)
    api.refused(404, REJECTS, dataset="shipments", cursor=cursor)


@pytest.mark.parametrize(
    ("path", "query"),
    [
        (FILES, {"state": "lost"}),
        (FILES, {"limit": 0}),
        (FILES, {"limit": 1001}),
        (FILES, {"current": "1"}),
        (FILES, {"path_prefix": "a\0b"}),
        (FILES, {"dataset": "a\0b"}),
        (FILES, {"dataset": "raw.shipments; DROP TABLE ingest.files"}),
        (FILES, {"page": 2}),
        (f"{FILES}/1", {"x": 1}),
        (f"{FILES}/0", {}),
        (f"{FILES}/2147483648", {}),
        (f"{FILES}/abc", {}),
        (REJECTS, {"resolved": "maybe"}),
        (REJECTS, {"reason": "a\0b"}),
        (REJECTS, {"file_id": -1}),
        (f"{REJECTS}/summary", {"limit": 5}),
        ("/api/ingestion/stats", {"x": 1}),
    ],
)
def test_what_is_no_question_is_refused(refusing: Any, path: str, query: dict[str, Any]) -> None:
    problem = refusing.refused(422, path, **query)
    assert problem["type"] == "urn:logistics:problem:invalid-parameters"


def test_an_unknown_file_is_not_found(api: Any) -> None:
    for path in (f"{FILES}/9", f"{FILES}/9/batches"):
        problem = api.refused(404, path)
        assert problem["type"] == "urn:logistics:problem:unknown-file" and "no file 9" in problem["detail"]


def test_batches_of_a_file_are_read_page_by_page(api: Any, loads: Ledger, details: Callable[[int], Any]) -> None:
    report = loads.load("shipments.json", [shipment(number) for number in range(200)])  # batches of 7
    path = f"{FILES}/{report.file.file_id}/batches"
    whole = details(report.file.file_id)["batches"]

    response = api.request(path)
    TypeAdapter(Batches).validate_json(response.content, strict=True)
    batches = [batch for page in pages(api, path, limit=4) for batch in page]

    assert sum(batch["records"] for batch in batches) == 200
    assert whole["count"] == len(batches) > 20
    assert whole["latest"] == batches[:20]
    assert [batch["last_record"] for batch in batches] == sorted((b["last_record"] for b in batches), reverse=True)
    cursor = api.get(path, limit=4)["next_cursor"]
    loads.load("shipments-2.json", [shipment(1)])
    api.refused(404, f"{FILES}/{report.file.file_id + 1}/batches", limit=4, cursor=cursor)


def test_a_file_tells_what_drifted_against_those_before_it(loads: Ledger, details: Callable[[int], Any]) -> None:
    first = loads.load("shipments/1.json", [shipment(1, driver="A", colour="red")]).file.file_id
    loads.load("shipments/2.json", [shipment(2, driver="B")])
    third = loads.load("shipments/3.json", [shipment(3, size="XL", colour="red")]).file.file_id

    nothing = {"appeared": [], "vanished": [], "files_compared": 0}
    assert details(first)["drift"] == {"unknown_fields": ["colour", "driver"], **nothing}
    assert details(third)["drift"] == {
        "unknown_fields": ["colour", "size"],
        "appeared": ["size"],
        "vanished": ["driver"],
        "files_compared": 2,
    }


def test_a_file_that_is_being_loaded_says_how_far_it_is(
    api: Any, database_url: str, details: Callable[[int], Any]
) -> None:
    loading = {"state": "loading", "size_bytes": 1000, "records_read": 50, "records_loaded": 50, "seconds": 2.0}
    insert_files(
        database_url,
        [
            {**loading, "path": "a.json", "bytes_read": 250},
            {**loading, "path": "b.json.gz", "bytes_read": 250},
            {**loading, "path": "c.json", "bytes_read": 1500},
            {"state": "loading", "path": "d.json", "size_bytes": 0},
        ],
    )
    rates = {"bytes_per_second": 125, "records_per_second": 25}
    assert details(1)["progress"] == {
        "bytes_done": 250,
        "bytes_total": 1000,
        "fraction": 0.25,
        "seconds_left": 6,
        **rates,
    }
    for file_id, done, rate in ((2, 250, 125), (3, 1500, 750)):  # compressed, by name or evidently
        progress = details(file_id)["progress"]
        assert progress["bytes_done"] == done and progress["bytes_per_second"] == rate
        assert progress["bytes_total"] is progress["fraction"] is progress["seconds_left"] is None
    assert details(4)["progress"]["bytes_per_second"] is None
    assert [file["file_id"] for file in api.get("/api/ingestion/stats")["loading"]] == [1, 2, 3, 4]


def test_rejects_say_where_what_and_why(api: Any, loads: Ledger) -> None:
    lines = [json.dumps(shipment(1)), json.dumps(shipment(2, weight=-3)), '{"shipment_id": "S3"}', "no json"]
    report = loads.load("shipments.ndjson", "\n".join(lines).encode(), max_rejects=loads.options.max_rejects)

    rejects = api.get(REJECTS)["items"]

    assert [reject["record_no"] for reject in rejects] == [2, 3, 4]
    assert rejects[0] | {"rejected_at": ""} == {
        "file_id": report.file.file_id,
        "path": "shipments.ndjson",
        "version": 1,
        "dataset": "shipments",
        "record_no": 2,
        "byte_offset": len(lines[0]) + 1,
        "field": "weight",
        "reason": "weight must be more than 0, found -3",
        "raw": lines[1],
        "raw_bytes": len(lines[1]),
        "raw_truncated": False,
        "rejected_at": "",
        "resolved_at": None,
        "is_mended": False,
    }


def insert_rejects(url: str, rejects: list[dict[str, Any]]) -> None:
    insert_files(url, [{"path": "shipments.json"}, {"path": "vehicles.json", "dataset": "vehicles"}])
    with psycopg.connect(url) as connection:
        for number, reject in enumerate(rejects, 1):
            values = {"file_id": 1, "record_no": number, "reason": "not JSON", "raw": b"x", **reject}
            columns, marks = ", ".join(values), ", ".join(f"%({name})s" for name in values)
            connection.execute(f"INSERT INTO ingest.rejects ({columns}) VALUES ({marks})", values)
        connection.execute(
            "INSERT INTO ingest.reject_kinds "
            "SELECT file_id, field, split_part(reason, ', found ', 1), count(*), min(record_no) "
            "FROM ingest.rejects WHERE resolved_at IS NULL GROUP BY 1, 2, 3"
        )


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"caf\xc3\xa9", "café"),
        (b"caf\xe9 \xff", r"caf\xe9 \xff"),
        (b'a\0b\n"\\', 'a\0b\n"\\'),
        (b"", ""),
        (b"x" * 2000, "x" * 2000),
        (b"x" * 2001, "x" * 2000),
        (b"x" * 1999 + "é".encode(), "x" * 1999),
        (b"x" * 1997 + "🚚".encode(), "x" * 1997),
        (b"x" * 1999 + b"\xe9", "x" * 1999 + r"\xe9"),
        (b"x" * 30_000_000, "x" * 2000),
    ],
    ids=range(10),
)
def test_the_raw_text_is_shown_as_text_and_only_its_beginning(
    api: Any, database_url: str, raw: bytes, shown: str
) -> None:
    insert_rejects(database_url, [{"raw": raw}])
    (reject,) = api.get(REJECTS)["items"]
    assert reject["raw"] == shown
    assert reject["raw_bytes"] == len(raw) and reject["raw_truncated"] == (len(raw) > 2000)
    (kind,) = api.get(f"{REJECTS}/summary")["items"]
    assert kind["first"]["raw"] == shown


def test_rejects_are_found_by_file_dataset_field_reason_and_whether_they_still_stand(
    api: Any, database_url: str
) -> None:
    insert_rejects(
        database_url,
        [
            {"field": "weight", "reason": "weight must be more than 0, found -3"},
            {"field": "weight", "reason": "weight must be more than 0, found 0"},
            {
                "field": "weight",
                "reason": "weight must be a number, found x",
                "resolved_at": "2024-01-01",
                "mended": b"{}",
            },
            {"file_id": 2, "field": "name", "reason": "name is too long"},
            {"file_id": 2},
        ],
    )

    def found(**query: Any) -> list[int]:
        return [reject["record_no"] for page in pages(api, REJECTS, limit=2, **query) for reject in page]

    assert found() == [1, 2, 3, 4, 5]
    assert found(file_id=2) == found(dataset="vehicles") == [4, 5]
    assert found(field="weight") == [1, 2, 3]
    assert found(reason="weight must be more than 0") == [1, 2]
    assert found(reason="weight must be more than 0, found 17") == [1, 2]
    assert found(resolved="true") == [3]
    assert found(resolved="false", field="weight", file_id=1) == [1, 2]
    mended = api.get(REJECTS, resolved="true")["items"][0]
    assert mended["is_mended"] and mended["resolved_at"] == "2024-01-01T00:00:00+00:00"


def test_the_summary_counts_reasons_whatever_was_found_with_the_first_of_each(api: Any, database_url: str) -> None:
    insert_rejects(
        database_url,
        [
            {"field": "weight", "reason": "weight must be more than 0, found -3", "raw": b"first"},
            {"field": "weight", "reason": "weight must be more than 0, found 0", "resolved_at": "2024-01-01"},
            {"file_id": 2},
        ],
    )

    kinds = api.get(f"{REJECTS}/summary")["items"]

    assert [(kind["dataset"], kind["field"], kind["reason"], kind["count"], kind["files"]) for kind in kinds] == [
        ("shipments", "weight", "weight must be more than 0", 2, 1),
        ("vehicles", None, "not JSON", 1, 1),
    ]
    first = {"file_id": 1, "path": "shipments.json", "record_no": 1, "raw": "first", "raw_truncated": False}
    assert kinds[0]["first"] == first
    assert [
        kind["count"] for kind in api.get(f"{REJECTS}/summary", resolved="false", dataset="shipments")["items"]
    ] == [1]


def test_the_summary_of_loaded_rejects_leads_to_each_of_them(api: Any, loads: Ledger) -> None:
    rows = ["S1,a,b,L1", "S2,a,b", "S3,a,b,L3,x,y", "S4,a,b,L4", "S5,a,b,L5", ",a,b,L6"]
    loads.load("shipments.csv", "\n".join(["shipment_id,origin,destination,log_id", *rows]).encode())

    kinds = api.get(f"{REJECTS}/summary")["items"]

    assert [(kind["reason"], kind["count"], kind["first"]["record_no"]) for kind in kinds] == [
        ("the row has another number of fields than the header", 2, 2),
        ("shipment_id is empty", 1, 6),
    ]
    for kind in kinds:
        assert len(api.get(REJECTS, reason=kind["reason"])["items"]) == kind["count"]
    whole = api.get(REJECTS)["items"][1]["reason"]
    assert [each["record_no"] for each in api.get(REJECTS, reason=whole)["items"]] == [3]


def test_values_that_were_left_out_are_listed_with_what_they_were(
    api: Any, loads: Ledger, details: Callable[[int], Any]
) -> None:
    clearing = {"catalogue": loads.options.catalogue.with_invalid_values(InvalidValues.NULL)}
    loads.load("shipments.json", [shipment(1, cost="free", weight=0), shipment(2), shipment(3, cost=[1])], **clearing)
    other = loads.load("shipments-2.json", [shipment(4, cost="ü" * 2_000)], **clearing).file.file_id

    pages, cursor = list[Any](), dict[str, str]()
    while not pages or pages[-1]["next_cursor"]:
        pages.append(api.get("/api/ingestion/cleared-values", limit=1, **cursor))
        cursor = {"cursor": pages[-1]["next_cursor"]}

    items = [item for page in pages for item in page["items"]]
    assert [(item["path"], item["record_no"], item["field"], item["raw"][:6]) for item in items] == [
        ("shipments.json", 1, "cost", "free"),
        ("shipments.json", 1, "weight", "0"),
        ("shipments.json", 3, "cost", "[1]"),
        ("shipments-2.json", 1, "cost", "üüüüüü"),
    ]
    assert (items[3]["raw"], items[3]["raw_bytes"], items[3]["raw_truncated"]) == ("ü" * 1_000, 4_000, True)
    assert items[0]["reason"] == 'cost must be a number, found the text "free"'
    of_field = api.get("/api/ingestion/cleared-values", field="weight", dataset="shipments")
    assert of_field["items"] == [items[1]]
    assert details(other)["values_cleared"] == 1
    assert api.get("/api/ingestion/cleared-values", file_id=other)["items"] == [items[3]]


def test_a_file_with_many_rejects_has_a_warning_until_they_are_replayed(
    api: Any, loads: Ledger, database_url: str
) -> None:
    loads.load("shipments/good.json", [shipment(1), shipment(2)])
    warned = loads.load("shipments/warned.json", [shipment(3), shipment(4), shipment(5, weight=-1)]).file

    (listed,) = api.get(FILES, warning="true")["items"]
    assert (listed["path"], listed["has_warning"], listed["rejected_share"]) == (
        "shipments/warned.json",
        True,
        Decimal("0.3333"),
    )
    (other,) = api.get(FILES, warning="false")["items"]
    assert (other["path"], other["has_warning"], other["rejected_share"]) == ("shipments/good.json", False, 0)
    stats = api.get("/api/ingestion/stats")
    assert stats["warnings"] == {
        "count": 1,
        "latest": [
            {
                "file_id": warned.file_id,
                "dataset": "shipments",
                "path": "shipments/warned.json",
                "version": 1,
                "rejected": 1,
                "rejected_share": Decimal("0.3333"),
            }
        ],
    }
    (shipments,) = stats["datasets"]
    assert (shipments["files_with_warning"], shipments["rejected_share"]) == (1, Decimal("0.2"))
    assert api.get("/api/system/status")["files_with_warning"] == 1

    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE ingest.rejects SET raw = replace(raw::text, '2d31', '31')::bytea")  # -1 becomes 1
    assert replay_stored(loads.url, loads.options, dataset="shipments").accepted == 1

    assert api.get(FILES, warning="true")["items"] == []
    assert api.get("/api/ingestion/stats")["warnings"] == {"count": 0, "latest": []}


def test_the_stats_tell_an_operator_what_is_loaded_what_failed_and_what_waits(
    api: Any, loads: Ledger, database_url: str
) -> None:
    loads.load("shipments/1.json", [shipment(1), shipment(2, weight=-1), shipment(3)], run_id="run 1")
    loads.load("shipments/2.json.gz", gzip.compress(json.dumps([shipment(3)]).encode()), run_id="run 2")
    failed = loads.load("shipments/3.json", b'[{"shipment_id": "S', run_id="run 2")
    loads.load("vehicles.json", [{"vehicle_id": "V1"}])
    insert_files(database_url, [{"path": "new.json"}, {"path": "x.txt", "dataset": None, "state": "unrecognised"}])

    stats = api.get("/api/ingestion/stats")

    shipments, vehicles = stats["datasets"]
    assert (shipments["dataset"], vehicles["dataset"]) == ("shipments", "vehicles")
    assert shipments["files"] == {"registered": 1, "loading": 0, "loaded": 2, "failed": 1, "unloaded": 0}
    assert shipments["records"] == {"read": 4, "loaded": 2, "superseded": 1, "rejected": 1}
    assert vehicles["bytes"] == (loads.options.raw_dir / "vehicles.json").stat().st_size
    assert stats["unrecognised_files"] == 1
    assert stats["failed"]["count"] == 1
    (known,) = stats["failed"]["latest"]
    assert known["path"] == "shipments/3.json" and known["error"] == failed.file.error
    assert stats["waiting"]["files"] == 1 and stats["waiting"]["batches"] == 3
    assert 0 <= stats["waiting"]["seconds"] < 60
    assert stats["recent_loads"]["files"] == 3 and stats["recent_loads"]["records_per_second"] > 0
    assert stats["last_run"]["run_id"] == "run 2"
    assert (stats["last_run"]["files"], stats["last_run"]["loaded"], stats["last_run"]["failed"]) == (2, 1, 1)
    assert stats["last_run"]["finished_at"] is not None
    assert stats["analytics"]["data_version"] == 0 and stats["analytics"]["age_seconds"] is None

    refresh(database_url)
    stats = api.get("/api/ingestion/stats")
    assert stats["waiting"]["batches"] == 0 and stats["waiting"]["seconds"] is None
    assert stats["analytics"]["data_version"] == 1 and 0 <= stats["analytics"]["age_seconds"] < 60


def test_a_file_somebody_asked_for_waits_and_one_that_was_unloaded_says_so(
    api: Any, loads: Ledger, database_url: str, details: Callable[[int], Any]
) -> None:
    report = loads.load("shipments.json", [shipment(1)])
    unload_file(database_url, "shipments.json", loads.options)
    assert details(report.file.file_id)["state"] == "unloaded"
    with connect(database_url) as connection:
        assert ledger.request_retry(connection, report.file.file_id)

    asked = datetime.fromisoformat(details(report.file.file_id)["retry_requested_at"])
    assert abs(datetime.now(UTC) - asked) < timedelta(minutes=1)
    assert api.get("/api/ingestion/stats")["waiting"]["files"] == 1


def test_the_ledger_of_many_files_is_answered_by_the_index(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO ingest.files (dataset, path, size_bytes, modified_ns, state) "
            "SELECT 'shipments', number || '.json', 1, 1, 'loaded' FROM generate_series(1, 20000) AS number"
        )
        connection.execute("ANALYZE ingest.files")
        parameters = {"limit": 100, "after": 15_000} | file_parameters(Settings())
        plan = connection.execute(
            b"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) " + file_queries.files(["after"]).encode(), parameters
        ).fetchone()
    assert plan is not None
    assert "files_pkey" in json.dumps(plan[0])
    assert plan[0][0]["Plan"]["Shared Hit Blocks"] < 1000  # of some 20,000 files, a page


def test_what_is_written_is_nowhere_in_these_statements() -> None:
    folder = Path(file_queries.__file__).parent
    statements = [path.read_text() for path in folder.glob("*_queries.py")]
    assert len(statements) == 3
    for word in ("INSERT", "UPDATE ", "DELETE"):
        assert not any(word in text for text in statements)
