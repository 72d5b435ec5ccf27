"""The columns that the API's statements read are those of the contract: no more, and none that is not read."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from logistics_core.database_contract.schema import API_READS
from logistics_pipeline.database.connections import connect
from tests.api.world import load_world
from tests.datasets import DATASETS
from tests.people import sign_in

SPAN = {"start": "2024-01-01", "end": "2024-02-29"}
NAMED = {
    "vehicle_id": "V-001",
    "log_id": "LOG-000001",
    "shipment_id": "SHP-000001",
    "file_id": "6",
    "origin": "Aachen",
    "destination": "Aachen",
    "key": "V-001",
    "payment": "P-1",
    "incident_id": "1",
    "silence_id": "1",
    "window_id": "1",
    "name": "revenue_fell",
    "endpoint": "desk",
    "trial_id": "0d2b2c5e-6f2d-4b6e-9a43-3a1f3a0f3f52",
}
UNKNOWN = ("{upload_id}", "{request_id}", "{proposal_id}")
"""What such a path names is made by no file that is loaded."""

Statements = dict[str, Any]

SCHEMAS = ("ingest.", "analytics.", "access.", "forecast.", "identity.", "models.", "alert.", "notify.")

COLUMNS_READ = """
SELECT DISTINCT relation.oid::regclass::text, attname::text
FROM pg_depend AS dependency
JOIN pg_rewrite AS rule ON (rule.oid, dependency.classid) = (dependency.objid, 'pg_rewrite'::regclass)
JOIN pg_class AS relation ON (relation.oid, dependency.refclassid) = (dependency.refobjid, 'pg_class'::regclass)
JOIN pg_attribute ON (attrelid, attnum) = (relation.oid, dependency.refobjsubid)
WHERE rule.ev_class = 'pg_temp.reading'::regclass AND dependency.refobjsubid > 0
"""


@pytest.fixture(scope="module")
def database(new_database: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Any]]:
    raw_dir = tmp_path_factory.mktemp("world") / "data" / "raw"
    with new_database() as url:
        load_world(url, raw_dir)
        yield url, raw_dir.parent


@pytest.fixture(scope="module")
def statements(database: tuple[str, Any], serve: Any) -> Statements:
    """Every statement that the API sends while each of its operations is called with each of its parameters."""
    sent: Statements = {}
    execute = psycopg.AsyncCursor.execute

    async def record(self: Any, query: Any, params: Any = None, **keywords: Any) -> Any:
        sent[query.decode() if isinstance(query, bytes) else str(query)] = params
        return await execute(self, query, params, **keywords)

    url, data_dir = database
    with connect(url) as connection:
        _, token = sign_in(connection)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(psycopg.AsyncCursor, "execute", record)
        with serve(url, data_dir=data_dir, api_rate=0, default_role="viewer") as api:
            for path, parameters in calls(api.get("/openapi.json")):
                headers = {"Cookie": f"logistics_session={token}"} if path.startswith("/api/me/") else {}
                response = api.client.get(path, params=parameters, headers=headers)
                assert response.status_code == 200, (path, parameters, response.text)
            uploaded = api.client.post("/api/ingestion/uploads?dataset=vehicles&filename=a.json", content=b"[]")
            assert uploaded.status_code == 202
            made = api.client.post("/api/ingestion/files/6/unload")
            assert made.status_code == 202
            assert api.client.get(made.json()["status_url"]).status_code == 200
            api.client.get("/metrics")
            assert (
                api.client.get("/api/session", headers={"Cookie": f"logistics_session={'x' * 43}"}).status_code == 401
            )
    return sent


def calls(document: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each operation that reads, as it is and with each of its optional parameters."""
    for path, item in document["paths"].items():
        given = item.get("get", {}).get("parameters", [])
        parameters = [each for each in given if each["in"] != "header"]  # headers change no statement
        if "get" not in item or path == "/api/events" or any(name in path for name in UNKNOWN):
            continue
        required = {each["name"]: example(each) for each in parameters if each.get("required")}
        filled = path
        for name in [name for name in required if f"{{{name}}}" in path]:
            filled = filled.replace(f"{{{name}}}", str(required.pop(name)))
        yield filled, required
        for each in parameters:
            if not each.get("required") and each["in"] == "query" and each["name"] != "cursor":
                yield filled, required | {each["name"]: example(each)}


def example(parameter: Any) -> Any:
    name, schema = parameter["name"], parameter["schema"]
    known = SPAN | NAMED
    if name in known:
        return known[name]
    values = [*schema.get("enum", []), *schema.get("examples", [])]
    return values[0] if values else schema.get("default")


def columns_read(url: str, statements: Statements) -> dict[str, set[str]]:
    """As PostgreSQL itself sees it: what a view of each statement depends on."""
    found: dict[str, set[str]] = {}
    with psycopg.connect(url, autocommit=True, cursor_factory=psycopg.ClientCursor) as connection:
        for statement, parameters in statements.items():
            text = connection.cursor().mogrify(statement, parameters) if parameters else statement
            text = "\n".join(line for line in text.splitlines() if not line.startswith("--"))
            text = text.strip().removeprefix("EXPLAIN (FORMAT json)").strip()
            if not text.startswith(("SELECT", "WITH")):
                continue
            connection.execute(f"CREATE TEMPORARY VIEW reading AS SELECT count(*) FROM ({text}) AS statement")
            for table, column in connection.execute(COLUMNS_READ):
                found.setdefault(table, set()).add(column)
            connection.execute("DROP VIEW reading")
    return found


def test_the_statements_read_what_the_contract_lists(database: tuple[str, Any], statements: Statements) -> None:
    read = columns_read(database[0], statements)

    of_pipeline = {table: columns for table, columns in read.items() if table.startswith(SCHEMAS)}
    assert of_pipeline == {table: set(columns) for table, columns in API_READS.items()}


def test_of_raw_tables_they_read_what_the_catalogue_lists(database: tuple[str, Any], statements: Statements) -> None:
    read = columns_read(database[0], statements)

    assert {table: columns for table, columns in read.items() if table.startswith("raw.")} == {
        f"raw.{name}": {*columns, "file_id", "record_no"}
        for name, columns in {
            **{dataset.name: dataset.columns for dataset in DATASETS.values()},
            "fuel_cards": ("payment", "paid_on", "card_plate", "holder"),
        }.items()
    }


def test_a_renamed_column_breaks_the_contract(database: tuple[str, Any], statements: Statements) -> None:
    url, _ = database
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER TABLE ingest.batches RENAME COLUMN merged TO is_merged")
        with pytest.raises(psycopg.errors.UndefinedColumn, match="merged"):
            columns_read(url, statements)
        connection.execute("ALTER TABLE ingest.batches RENAME COLUMN is_merged TO merged")
