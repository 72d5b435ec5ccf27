"""Exports: the same rows as the pages, exact to the digit, of one moment, and known to be whole."""

import asyncio
import csv
import io
import json
import random
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import date, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any

import httpx2
import psycopg
import pyarrow as pa
import pytest
from pyarrow import parquet

from logistics_api.exports import queries
from logistics_api.exports.parquet import Writer
from logistics_api.exports.sending import StreamedFile
from logistics_api.exports.snapshots import Needs
from logistics_pipeline.local.embedded_postgres import EmbeddedPostgres
from logistics_pipeline.migrations import migrate

EXOTIC = [
    "plain",
    'a"b',
    "a,b",
    "line\nbreak",
    "cr\rlf\r\n.",
    "\\N",
    "\\.",
    "\t\x01\x7f",
    "ü—😀",
    "=1+1",
    "'",
    "#end,rows=0",
]
MANY = 40_000


def lines_of(text: str) -> list[Any]:
    return [json.loads(line, parse_float=Decimal) for line in text.split("\n")[:-1]]


def export(api: Any, name: str, **query: Any) -> httpx2.Response:
    response = api.client.get(f"/api/exports/{name}", params=query or None)
    assert response.status_code == 200, response.text
    return response


def pages(api: Any, path: str, **query: Any) -> list[Any]:
    rows, cursor = [], {}
    while True:
        page = api.get(path, limit=1000, **query, **cursor)
        rows += page["data"]
        if page["next_cursor"] is None:
            return rows
        cursor = {"cursor": page["next_cursor"]}


@pytest.fixture(scope="module")
def url(new_database: Callable[[], AbstractContextManager[str]], store: Callable[..., None]) -> Iterator[str]:
    """A database with some thousand rows, odd ones among them."""
    chance = random.Random(5)
    numbers = [None, Decimal("0"), Decimal("0.10"), Decimal("12.50"), Decimal("123456789012345.6789"), Decimal("7")]
    with new_database() as url:
        store(
            url,
            vehicles=[(f"{text}{n}", text if n % 2 else None, chance.choice(numbers)) for n, text in enumerate(EXOTIC)],
            vehicle_logs=[
                (f"L{n}", f"V{n % 7}", date(2024, 1, 1) + timedelta(n % 60), chance.choice(numbers), None)
                for n in range(9_000)
            ],
            shipments=[
                (f"S{n}", chance.choice(EXOTIC), "Zug", None, chance.choice(numbers), chance.choice(numbers), f"L{n}")
                for n in range(MANY)
            ],
        )
        yield url


@pytest.fixture(scope="module")
def shared(url: str, serve: Any) -> Iterator[Any]:
    with serve(url) as api:
        yield api


FILTERS: list[tuple[str, str, dict[str, Any]]] = [
    ("vehicles", "vehicle_id", {}),
    ("vehicles", "vehicle_id", {"source": "true"}),
    ("vehicle-logs", "log_id", {"trip_date_from": "2024-01-10", "trip_date_to": "2024-01-20", "vehicle_id": "V3"}),
    ("vehicle-logs", "log_id", {"log_id_prefix": "L89", "fields": "log_id,mileage,file_path"}),
    ("vehicle-logs", "log_id", {"log_id": "nothing"}),
    ("shipments", "shipment_id", {"origin": "cr\rlf\r\n.", "cost_from": "7"}),
]


@pytest.mark.parametrize(("dataset", "key", "query"), FILTERS)
def test_an_export_has_the_rows_of_the_pages_digit_by_digit(shared: Any, dataset: str, key: str, query: Any) -> None:
    expected = pages(shared, f"/api/{dataset}", sort=key, **query)
    response = export(shared, f"{dataset}.ndjson", **query)
    assert response.headers["content-type"] == "application/x-ndjson"
    assert response.headers["content-disposition"] == f'attachment; filename="{dataset}.ndjson"'
    assert "content-length" not in response.headers
    assert sorted(lines_of(response.text), key=lambda row: row[key]) == expected
    found = csv.DictReader(io.StringIO(export(shared, f"{dataset}.csv", **query).text, newline=""), strict=True)
    as_text = [{name: "" if value is None else str(value) for name, value in row.items()} for row in expected]
    assert sorted(found, key=lambda row: row[key]) == as_text
    table = parquet.read_table(io.BytesIO(export(shared, f"{dataset}.parquet", **query).content))
    days = [
        {name: str(cell) if isinstance(cell, date) else cell for name, cell in row.items()} for row in table.to_pylist()
    ]
    assert sorted(days, key=lambda row: row[key]) == expected


def test_ndjson_ends_with_rows_and_checksum_on_request_only(shared: Any) -> None:
    """A last line about the file is a row and a column to every program that does not know it."""
    text = export(shared, "shipments.ndjson", trailer="true").text
    body, end, _ = text.rsplit("\n", 2)
    assert json.loads(end) == {"_end": {"rows": MANY, "sha256": sha256(f"{body}\n".encode()).hexdigest()}}
    plain = export(shared, "shipments.ndjson").text
    assert plain == export(shared, "shipments.ndjson", trailer="false").text == f"{body}\n"
    columns = {name for row in lines_of(plain) for name in row}
    assert columns == set(shared.get("/api/shipments", limit=1)["data"][0])


def test_excel_gets_a_byte_order_mark_and_no_formulas(api: Any, database_url: str, store: Any) -> None:
    texts = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "a=b", "'", 'say "hi"', "ü—😀", "a\n=b", "x-1"]
    store(database_url, vehicles=[(f"{n:02}", text, Decimal(n)) for n, text in enumerate(texts)])
    content = export(api, "vehicles.csv", **{"for": "excel"}).content
    assert content.startswith(b"\xef\xbb\xbfvehicle_id,name,total_mileage\n")
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True))
    found = {row["vehicle_id"]: row["name"] for row in rows}
    assert [found[f"{n:02}"] for n in range(len(texts))] == [*(f"'{text}" for text in texts[:6]), *texts[6:]]
    assert sorted(row["total_mileage"] for row in rows) == sorted(map(str, range(len(texts))))
    ended = export(api, "vehicles.csv", trailer="true", **{"for": "excel"}).content
    assert ended == content + f"#end,rows={len(texts)},sha256={sha256(content).hexdigest()}\n".encode()
    plain = export(api, "vehicles.csv").content
    assert not plain.startswith(b"\xef") and b"'=" not in plain


@pytest.mark.parametrize("name", ["vehicles.ndjson", "vehicles.parquet"])
def test_only_csv_is_for_excel(shared: Any, name: str) -> None:
    (wrong,) = shared.refused(422, f"/api/exports/{name}", **{"for": "excel"})["errors"]
    assert (wrong["parameter"], wrong["found"]) == ("for", "excel")
    assert shared.refused(422, "/api/exports/vehicles.csv", **{"for": "lotus"})["errors"][0]["parameter"] == "for"


@pytest.mark.parametrize("style", ["German, DMY", "SQL, MDY", "Postgres, DMY"])
def test_dates_are_iso_whatever_the_servers_date_style(database_url: str, store: Any, serve: Any, style: str) -> None:
    store(database_url, vehicle_logs=[("L1", "V1", date(2024, 2, 3), 1, 1)])
    name = psycopg.conninfo.conninfo_to_dict(database_url)["dbname"]
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} SET datestyle = '{style}'")
    with serve(database_url) as api:
        (row,) = csv.DictReader(io.StringIO(export(api, "vehicle-logs.csv").text))
        assert row["trip_date"] == "2024-02-03"
        assert lines_of(export(api, "vehicle-logs.ndjson").text)[0]["trip_date"] == "2024-02-03"
        assert api.get("/api/vehicle-logs", sort="trip_date")["data"][0]["trip_date"] == "2024-02-03"
        table = parquet.read_table(io.BytesIO(export(api, "vehicle-logs.parquet").content))
        assert table["trip_date"].to_pylist() == [date(2024, 2, 3)]


def test_csv_ends_with_rows_and_checksum_on_request_only(shared: Any) -> None:
    plain = export(shared, "shipments.csv").content
    ended = export(shared, "shipments.csv", trailer="true").content
    assert ended == plain + f"#end,rows={MANY},sha256={sha256(plain).hexdigest()}\n".encode()
    assert plain.splitlines()[0] == b"shipment_id,origin,destination,weight,cost,delivery_time,log_id,day,vehicle_id"


def test_parquet_has_types_that_keep_every_digit(shared: Any) -> None:
    table = parquet.read_table(io.BytesIO(export(shared, "vehicle-logs.parquet", source="true").content))
    assert {field.name: field.type for field in table.schema} == {
        "log_id": pa.string(),
        "vehicle_id": pa.string(),
        "trip_date": pa.date32(),
        "mileage": pa.decimal128(38, 10),
        "fuel_used": pa.decimal128(38, 10),
        "file_path": pa.string(),
        "file_version": pa.int64(),
        "file_id": pa.int64(),
        "record_no": pa.int64(),
    }


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["0." + "0" * 19 + "1", "12"], pa.decimal128(38, 20)),
        (["1" * 30, "0.1"], pa.decimal128(38, 1)),
        (["1" * 30, "0." + "0" * 19 + "1"], pa.string()),
        (["9" * 100], pa.string()),
        (["1.5" + "0" * 60], pa.decimal128(38, 10)),
    ],
)
def test_parquet_widens_the_type_rather_than_lose_a_digit(
    api: Any, database_url: str, store: Any, values: list[str], expected: Any
) -> None:
    store(database_url, vehicles=[(f"V{n}", None, Decimal(value)) for n, value in enumerate(values)])
    table = parquet.read_table(io.BytesIO(export(api, "vehicles.parquet").content))
    assert table.schema.field("total_mileage").type == expected
    assert [Decimal(value) for value in table["total_mileage"].to_pylist()] == [Decimal(value) for value in values]


def test_parquet_of_a_single_column_keeps_its_nulls(shared: Any) -> None:
    table = parquet.read_table(io.BytesIO(export(shared, "vehicles.parquet", fields="name").content))
    assert sorted(filter(None, table["name"].to_pylist())) == sorted(EXOTIC[1::2])
    assert table["name"].null_count == len(EXOTIC[::2])


def test_row_groups_are_bounded() -> None:
    writer = Writer({"id": "string", "cost": "number"}, {"cost": Needs(3, 2)})
    content = (
        b"".join(writer.add("".join(f'"{n}",{n}\n' for n in range(1000)).encode()) for _ in range(150))
        + writer.finish()
    )
    groups = parquet.ParquetFile(io.BytesIO(content)).metadata
    assert [groups.row_group(n).num_rows for n in range(groups.num_row_groups)] == [
        33_000,
        33_000,
        33_000,
        33_000,
        18_000,
    ]


def test_without_pyarrow_parquet_is_a_problem_that_says_what_to_install(
    shared: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("logistics_api.exports.parquet.find_spec", lambda _: None)
    assert shared.get("/api")["export_formats"] == ["csv", "ndjson"]
    problem = shared.refused(501, "/api/exports/vehicles.parquet")
    assert problem["type"] == "urn:logistics:problem:parquet-unavailable"
    assert "pip install pyarrow" in problem["detail"]


@pytest.mark.parametrize("dataset", ["vehicles", "vehicle-logs", "shipments"])
def test_an_export_of_nothing_is_whole_too(api: Any, dataset: str) -> None:
    nothing = sha256(b"").hexdigest()
    assert lines_of(export(api, f"{dataset}.ndjson", trailer="true").text) == [{"_end": {"rows": 0, "sha256": nothing}}]
    assert export(api, f"{dataset}.ndjson").content == b""
    assert export(api, f"{dataset}.csv").text.count("\n") == 1
    assert parquet.read_table(io.BytesIO(export(api, f"{dataset}.parquet").content)).num_rows == 0


def test_what_is_no_export_is_refused(shared: Any) -> None:
    assert shared.refused(422, "/api/exports/vehicles.xlsx")["errors"][0]["parameter"] == "format"
    shared.refused(404, "/api/exports/passwords.csv")
    shared.refused(422, "/api/exports/vehicles.csv", limit="5")
    shared.refused(422, "/api/exports/vehicles.csv", trailer="perhaps")
    shared.refused(422, "/api/exports/shipments.csv", fields="shipment_id;drop")


def test_head_sends_the_headers_and_begins_no_export_that_goes_on(shared: Any, wait_until: Any) -> None:
    response = shared.client.head("/api/exports/shipments.csv")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/csv")
    wait_until(lambda: shared.app.state.exports._inside == 0)


# What happens while an export is on its way.


class Reader:
    """A client that reads only when it is told to. Its buffers are small, so the server soon has to wait for it."""

    def __init__(self, api: Any, path: str) -> None:
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        url = api.client.base_url
        self.socket.settimeout(30)
        self.socket.connect((url.host, url.port))
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: {url.host}\r\nConnection: close\r\n\r\n".encode())
        self.received = b""

    def read(self, size: int = 4096) -> bytes:
        chunk = self.socket.recv(size)
        self.received += chunk
        return chunk

    def read_all(self) -> bytes:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        try:
            while self.read(65_536):
                pass
        except ConnectionResetError:
            pass
        self.socket.close()
        return self.received

    def close(self) -> None:
        self.socket.close()


def is_whole(received: bytes) -> bool:
    """Whether a chunked answer came to its end."""
    return received.endswith(b"\r\n0\r\n\r\n")


@pytest.fixture
def reading() -> Iterator[Callable[[Any, str], Reader]]:
    """Makes readers, and closes them in the end."""
    readers: list[Reader] = []

    def read(api: Any, path: str) -> Reader:
        readers.append(Reader(api, path))
        return readers[-1]

    yield read
    for reader in readers:
        reader.close()


@pytest.fixture
def large(url: str) -> Iterator[None]:
    """More shipments than all buffers between server and client hold."""
    copies = "INSERT INTO raw.shipments SELECT shipment_id || '-' || n, origin, destination, weight, cost, "
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            f"{copies} delivery_time, log_id, file_id, record_no FROM raw.shipments, generate_series(1, 5) AS n"
        )
        yield
        connection.execute("DELETE FROM raw.shipments WHERE shipment_id LIKE '%-%'")
        connection.execute("VACUUM raw.shipments")


@pytest.mark.parametrize("format", ["ndjson", "csv"])
def test_a_client_that_goes_away_lets_go_of_the_connection_at_once(
    shared: Any, large: None, reading: Any, wait_until: Any, format: str
) -> None:
    readers = [reading(shared, f"/api/exports/shipments.{format}") for _ in range(2)]
    wait_until(lambda: shared.app.state.exports._inside == 4)
    for reader in readers:
        reader.read(1)
        reader.close()
    wait_until(lambda: shared.app.state.exports._inside == 0)
    assert len(lines_of(export(shared, "vehicles.ndjson").text)) == len(EXOTIC)


def test_exports_have_connections_of_their_own_and_refuse_when_all_are_taken(
    shared: Any, large: None, reading: Any, wait_until: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    readers = [reading(shared, "/api/exports/shipments.ndjson") for _ in range(2)]
    wait_until(lambda: shared.app.state.exports._inside == 4)
    monkeypatch.setattr(shared.app.state.exports._pool, "timeout", 0.1)
    assert shared.refused(503, "/api/exports/vehicles.csv")["type"] == "urn:logistics:problem:database-busy"
    assert len(shared.get("/api/vehicles")["data"]) == len(EXOTIC)
    metrics = shared.client.get("/metrics").text
    assert 'logistics_pool_in_use{pool="exports"} 4.0' in metrics
    assert 'logistics_pool_in_use{pool="reads"}' in metrics
    monkeypatch.undo()
    readers[0].close()
    wait_until(lambda: shared.app.state.exports._inside <= 2)
    export(shared, "vehicles.csv")


@pytest.mark.slow
def test_a_slow_reader_gets_the_rows_of_the_moment_it_asked_whatever_is_loaded_meanwhile(
    shared: Any, url: str, large: None, reading: Any
) -> None:
    reader = reading(shared, "/api/exports/shipments.ndjson?trailer=true")
    reader.read(1)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("UPDATE raw.shipments SET origin = 'changed'")
        connection.execute("DELETE FROM raw.shipments WHERE shipment_id LIKE 'S1%'")
        connection.execute("INSERT INTO raw.shipments VALUES ('new-', 'A', 'B', 1, 1, 1, 'L', 3, 1)")
        received = reader.read_all()
        connection.execute("DELETE FROM raw.shipments WHERE shipment_id = 'new-'")
    assert is_whole(received)
    assert b"changed" not in received and b"new-" not in received
    assert f'{{"_end":{{"rows":{6 * MANY},'.encode() in received


@pytest.mark.slow
def test_a_database_that_dies_cuts_the_transfer_off_so_that_the_client_notices(
    tmp_path: Any, store: Any, serve: Any, reading: Any, wait_until: Any
) -> None:
    server = EmbeddedPostgres(tmp_path / "postgres")
    url = server.acquire()
    try:
        migrate(url)
        shipments = [(f"S{n}", "A" * 200, "B" * 200, None, None, None, "L") for n in range(60_000)]
        store(url, shipments=shipments)
        with serve(url) as api:
            readers = [
                reading(api, f"/api/exports/shipments.{format}")
                for format in ("ndjson?trailer=true", "csv?trailer=true")
            ]
            for reader in readers:
                reader.read(1)
            server.release()
            for reader in readers:
                received = reader.read_all()
                assert b"200 OK" in received
                assert not is_whole(received)
                assert b"_end" not in received and b"#end" not in received
            assert api.refused(503, "/api/exports/shipments.ndjson")["type"].endswith(":database-unavailable")
            server.acquire()
            wait_until(lambda: api.app.state.exports.freshness.reachable, 30)
            with api.client.stream("GET", "/api/exports/shipments.ndjson") as response:
                assert response.status_code == 200
    finally:
        server.release()


def test_http_clients_report_a_transfer_that_was_cut_off(
    shared: Any, url: str, large: None, wait_until: Any, caplog: pytest.LogCaptureFixture
) -> None:
    cut = """
        SELECT pg_terminate_backend(pid) FROM pg_locks
        WHERE relation = 'raw.shipments'::regclass AND mode = 'AccessShareLock' AND pid <> pg_backend_pid()
    """
    with (
        psycopg.connect(url, autocommit=True) as admin,
        shared.client.stream("GET", "/api/exports/shipments.csv") as response,
    ):
        chunks = response.iter_bytes()
        next(chunks)
        assert admin.execute(cut).fetchall() == [(True,)] * 2  # an export reads through two connections
        with pytest.raises(httpx2.RemoteProtocolError):
            list(chunks)
    wait_until(lambda: "An export was cut off" in caplog.text)
    assert "Traceback" not in caplog.text


def test_a_client_that_takes_nothing_is_cut_off_after_a_while() -> None:
    closed = []

    async def endless() -> Any:
        try:
            while True:
                yield b"more"
        finally:
            closed.append(True)

    async def receive() -> Any:
        await asyncio.Event().wait()

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body":
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        asyncio.run(StreamedFile(endless, "text/csv", {}, stalled_seconds=0.05)({}, receive, send))
    assert closed == [True]


def test_a_statement_that_takes_too_long_is_a_problem_before_anything_is_sent(
    shared: Any, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = shared.app.state.exports
    monkeypatch.setattr(database, "limits", type(database.limits)(connections=2, statement_seconds=0.05))
    with psycopg.connect(url) as lock:
        lock.execute("LOCK TABLE raw.shipments")
        assert shared.refused(504, "/api/exports/shipments.csv")["type"].endswith(":statement-timeout")
    monkeypatch.undo()
    export(shared, "vehicles.csv")


def test_an_export_that_cannot_share_its_snapshot_goes_on_alone(shared: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """As behind a list of several servers, of which another one lent the second connection."""
    whole = export(shared, "shipments.ndjson").text
    begin, asked = queries.begin, []

    def elsewhere(dataset: Any, *, snapshot: str | None = None, **limits: float) -> bytes:
        asked.append(snapshot)
        return begin(dataset, snapshot=snapshot and "00000003-0000001B-1", **limits)

    monkeypatch.setattr(queries, "begin", elsewhere)
    assert export(shared, "shipments.ndjson").text == whole
    assert asked[0] is None and asked[1] is not None


def test_an_export_alone_has_the_same_bytes_as_one_with_two_connections(
    shared: Any, large: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = export(shared, "shipments.csv", trailer="true").content
    monkeypatch.setattr(shared.app.state.exports, "_has_idle_connection", lambda: False)
    assert export(shared, "shipments.csv", trailer="true").content == both
