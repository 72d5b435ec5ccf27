"""Rows: every page in every order, whatever the filters and whatever is loaded in between, held against plain lists."""

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, get_args
from urllib.parse import quote

import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from logistics_api.parameters.types import Paging
from logistics_api.rows import queries
from logistics_api.rows.filters import RowFilters, Selection, filter_names
from logistics_api.rows.schemas import Source, page_parameters
from logistics_api.rows.tables import SOURCE, Table, table_of
from logistics_core.catalogue import Field, FieldType, Role
from tests.datasets import DATASETS

Row = dict[str, Any]
TABLES = tuple(map(table_of, DATASETS.values()))
VEHICLES, VEHICLE_LOGS, SHIPMENTS = TABLES
TEXTS = [
    "A",
    "a",
    "AB",
    "A/B",
    "Ä",
    "ß",
    "😀",
    "A'; DROP TABLE raw.vehicles; --",
    '"',
    "\\",
    "%",
    "_",
    "x\ny",
    "\x01",
    "~",
]
NUMBERS = [None, Decimal("0"), Decimal("1.50"), Decimal("1.5"), Decimal("3"), Decimal("99999999999999999999.0001")]
FIRST = date(2024, 2, 27)


def world() -> dict[Table, list[Row]]:
    """Few values, so that filters meet something and orders have ties; ids in an order that is not the table's."""
    texts, numbers = len(TEXTS), len(NUMBERS)
    rows: dict[Table, list[list[Any]]] = {
        VEHICLES: [[f"{TEXTS[n % texts]}{n}", TEXTS[-n % texts], NUMBERS[n % numbers]] for n in range(30)],
        VEHICLE_LOGS: [
            [f"{TEXTS[n % texts]}{n}", TEXTS[n % 4], FIRST + timedelta(n % 5), NUMBERS[n % numbers], NUMBERS[n % 4]]
            for n in range(60)
        ],
        SHIPMENTS: [
            [
                f"{TEXTS[n % texts]}{n}",
                TEXTS[n % 5],
                TEXTS[n % 3],
                NUMBERS[n % 3],
                NUMBERS[n % 4],
                NUMBERS[n % 5],
                f"{TEXTS[n % 7]}{n % 7}" if n % 4 else f"L{n % 7}",  # the last ones have no log
            ]
            for n in range(60)
        ],
    }
    file_ids = {VEHICLES: 1, VEHICLE_LOGS: 2, SHIPMENTS: 3}
    found = {
        dataset: [
            dict(zip(dataset.own, row, strict=True)) | {"file_id": file_ids[dataset], "record_no": number}
            for number, row in enumerate(found, 1)
        ]
        for dataset, found in rows.items()
    }
    logs = {row["log_id"]: row for row in found[VEHICLE_LOGS]}
    for shipment in found[SHIPMENTS]:
        log = logs.get(shipment["log_id"], {})
        shipment |= {"day": log.get("trip_date"), "vehicle_id": log.get("vehicle_id")}
    return found


WORLD = world()


@pytest.fixture(scope="module")
def url(new_database: Callable[[], AbstractContextManager[str]], store: Callable[..., None]) -> Iterator[str]:
    with new_database() as url:
        store(
            url,
            **{
                dataset.name: [[row[column] for column in dataset.own] for row in rows]
                for dataset, rows in WORLD.items()
            },
        )
        with psycopg.connect(url) as connection:  # as after a truncation and a load, whatever the tests did before
            connection.execute("UPDATE raw.vehicle_logs SET file_id = 2")
            connection.execute("UPDATE raw.shipments SET file_id = 3")
        yield url


@pytest.fixture(scope="module")
def shared(url: str, serve: Any) -> Iterator[Any]:
    with serve(url) as api:
        yield api


def as_sent(row: Row, dataset: Table) -> Row:
    names = [*dataset.own, *dataset.added]
    return {name: str(row[name]) if isinstance(row[name], date) else row[name] for name in names}


def passes(row: Row, name: str, value: Any) -> bool:
    if name in row:
        return bool(row[name] == value)
    if name == "isNull":
        return all(row[column] is None for column in value.split(","))
    column, _, suffix = name.rpartition("_")
    if row[column] is None:
        return False
    match suffix:
        case "prefix":
            return bool(row[column].startswith(value))
        case "from":
            return bool(row[column] >= value)
    return bool(row[column] <= value)


def in_order(rows: list[Row], dataset: Table, sort: str) -> list[Row]:
    """Rows without what is sorted by come last in both directions, by their key."""
    keys = dataset.orders[sort.removeprefix("-")]

    def by(*names: str) -> Callable[[Row], list[Any]]:
        return lambda row: [row[name].encode() if isinstance(row[name], str) else row[name] for name in names]

    found = [row for row in rows if row[keys[0]] is not None]
    rest = [row for row in rows if row[keys[0]] is None]
    is_reversed = sort.startswith("-")
    ordered = sorted(found, key=by(*keys), reverse=is_reversed)
    return ordered + sorted(rest, key=by(*dataset.dataset.key), reverse=is_reversed)


def walk(api: Any, dataset: Table, between: Callable[[int], None] = lambda _: None, **query: Any) -> list[Row]:
    rows: list[Row] = []
    cursor: dict[str, str] = {}
    while True:
        page = api.get(f"/api/{dataset.slug}", **query, **cursor)
        assert len(page["data"]) <= query.get("limit", 100)
        rows += page["data"]
        if page["next_cursor"] is None:
            return rows
        assert len(page["data"]) == query.get("limit", 100)
        between(len(rows))
        cursor = {"cursor": page["next_cursor"]}


def filters_of(dataset: Table) -> dict[str, str]:
    """Every filter there should be, with its column."""
    suffixes = {
        "string": ["", "_prefix"],
        "date": ["", "_from", "_to"],
        "number": ["", "_from", "_to"],
        "integer": [""],
    }
    columns = {name: kind for name, kind in dataset.columns.items() if not name.startswith("file_p")}
    del columns["file_version"]
    return {f"{name}{suffix}": name for name, kind in columns.items() for suffix in suffixes[kind]}


@st.composite
def questions(draw: st.DrawFn) -> tuple[Table, dict[str, Any], str, int]:
    dataset = draw(st.sampled_from(TABLES))
    names = draw(st.lists(st.sampled_from(sorted(filters_of(dataset))), max_size=3, unique=True))
    given = {}
    for name in names:
        values = [row[filters_of(dataset)[name]] for row in WORLD[dataset]]
        value = draw(st.sampled_from([value for value in values if value is not None]))
        given[name] = value[: draw(st.integers(1, len(value)))] if name.endswith("prefix") else value
    columns = sorted({*filters_of(dataset).values()} - {"file_id", "record_no"})
    if lacking := draw(st.one_of(st.just([]), st.lists(st.sampled_from(columns), min_size=1, max_size=2, unique=True))):
        given["isNull"] = ",".join(lacking)
    sort = draw(st.sampled_from([f"{sign}{order}" for order in dataset.orders for sign in ("", "-")]))
    return dataset, given, sort, draw(st.integers(1, 40))


# The contract between the modules


@pytest.mark.parametrize("dataset", TABLES, ids=lambda dataset: dataset.slug)
def test_every_column_has_its_filters_and_nothing_else_does(dataset: Table) -> None:
    fields = page_parameters(dataset.dataset).model_fields
    declared = {info.alias or name for name, info in fields.items()}
    beside = Selection.model_fields.keys() | Paging.model_fields.keys() | {"count", "sort", "isNull", "as_of"}
    assert declared - beside == filters_of(dataset).keys() == set(filter_names(dataset.dataset).values())
    assert declared >= beside | RowFilters.model_fields.keys()


@pytest.mark.parametrize("dataset", TABLES, ids=lambda dataset: dataset.slug)
def test_the_orders_by_required_fields_are_those_an_index_gives(dataset: Table, url: str) -> None:
    sorts = get_args(page_parameters(dataset.dataset).model_fields["sort"].annotation)
    assert set(sorts) == {f"{sign}{order}" for order in dataset.orders for sign in ("", "-")}
    with psycopg.connect(url) as connection:
        definitions = [
            definition
            for (definition,) in connection.execute(
                "SELECT indexdef FROM pg_indexes WHERE schemaname = 'raw' AND tablename = %s", [dataset.name]
            )
        ]
    for keys in dataset.orders.values():
        if not dataset.may_lack(keys[0]):
            assert any(f"btree ({keys[0]}" in definition for definition in definitions), keys


@pytest.mark.parametrize("dataset", TABLES, ids=lambda dataset: dataset.slug)
def test_the_columns_are_those_of_the_table(dataset: Table, url: str) -> None:
    with psycopg.connect(url) as connection:
        found = connection.execute(f"SELECT * FROM raw.{dataset.name} LIMIT 0").description
    assert found is not None
    assert [column.name for column in found] == [*dataset.own, "file_id", "record_no"]
    assert Source.model_fields.keys() == SOURCE.keys()


# Pages


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(questions())
@example((VEHICLE_LOGS, {}, "-trip_date", 1))
@example((VEHICLE_LOGS, {"mileage": Decimal("1.5")}, "log_id", 3))
@example((SHIPMENTS, {"origin_prefix": "A'"}, "log_id", 7))
@example((SHIPMENTS, {"isNull": "day"}, "-day", 3))
@example((SHIPMENTS, {"isNull": "cost,delivery_time"}, "cost", 2))
def test_all_pages_together_are_the_filtered_rows_once_each_in_order(
    shared: Any, question: tuple[Table, dict[str, Any], str, int]
) -> None:
    dataset, given, sort, limit = question
    matching = [row for row in WORLD[dataset] if all(passes(row, name, value) for name, value in given.items())]
    expected = [as_sent(row, dataset) for row in in_order(matching, dataset, sort)]
    query = {name: str(value) for name, value in given.items()}
    assert walk(shared, dataset, **query, sort=sort, limit=limit) == expected
    page = shared.get(f"/api/{dataset.slug}", **query, sort=sort, limit=limit, count="capped")
    assert page["total"] == {"rows": len(expected), "kind": "exact"}


@pytest.mark.parametrize("few", [True, False])
def test_both_ways_of_finding_rows_find_the_same(shared: Any, monkeypatch: pytest.MonkeyPatch, few: bool) -> None:
    monkeypatch.setattr("logistics_api.rows.pages.FEW", 10**9 if few else -1)
    matching = [row for row in WORLD[VEHICLE_LOGS] if passes(row, "vehicle_id", "A")]
    expected = [as_sent(row, VEHICLE_LOGS) for row in in_order(matching, VEHICLE_LOGS, "-trip_date")]
    assert walk(shared, VEHICLE_LOGS, vehicle_id="A", limit=4) == expected


@pytest.mark.parametrize("sort", ["log_id", "-log_id", "trip_date", "-trip_date"])
def test_what_is_loaded_between_two_pages_is_never_read_twice_and_hides_nothing(
    api: Any, database_url: str, store: Any, sort: str
) -> None:
    store(database_url, vehicle_logs=[(f"L{n:03}", "V", FIRST + timedelta(n % 9), None, None) for n in range(0, 90, 3)])
    before = {row["log_id"] for row in walk(api, VEHICLE_LOGS)}
    added = iter(range(1, 90, 3))

    with psycopg.connect(database_url, autocommit=True) as connection:

        def load(_: int) -> None:
            for number in (next(added), next(added)):
                day = FIRST + timedelta(number % 9)
                connection.execute(
                    "INSERT INTO raw.vehicle_logs VALUES (%s, 'V', %s, NULL, NULL, 1, 1)", (f"L{number:03}", day)
                )

        rows = walk(api, VEHICLE_LOGS, load, sort=sort, limit=4)
    found = [row["log_id"] for row in rows]
    assert len(found) == len(set(found))
    assert before <= set(found)
    assert rows == in_order(rows, VEHICLE_LOGS, sort)


def test_the_newest_logs_come_first_unless_asked_otherwise(shared: Any) -> None:
    days = [row["trip_date"] for row in shared.get("/api/vehicle-logs")["data"]]
    assert days == sorted(days, reverse=True)


def test_numbers_are_sent_digit_by_digit(shared: Any) -> None:
    text = shared.request("/api/vehicles").text
    assert '"total_mileage":1.50}' in text and '"total_mileage":99999999999999999999.0001}' in text
    assert "\n" not in text and ": " not in text


def test_fields_choose_columns_and_source_adds_where_a_row_came_from(shared: Any) -> None:
    page = shared.get("/api/shipments", fields="log_id,shipment_id,log_id", limit=1)
    assert list(page["data"][0]) == ["shipment_id", "log_id"]
    page = shared.get("/api/shipments", fields="cost", source="true", limit=1, shipment_id="A0")
    assert page["data"] == [
        {"cost": None, "file_path": "shipments.json", "file_version": 1, "file_id": 3, "record_no": 1}
    ]
    page = shared.get("/api/shipments", fields="record_no", sort="-shipment_id", limit=60)
    assert [row["record_no"] for row in page["data"]] == [
        row["record_no"] for row in in_order(WORLD[SHIPMENTS], SHIPMENTS, "-shipment_id")
    ]


def test_the_row_of_a_record_can_be_found(shared: Any) -> None:
    (row,) = shared.get("/api/vehicle-logs", file_id=2, record_no=17)["data"]
    assert row == as_sent(WORLD[VEHICLE_LOGS][16], VEHICLE_LOGS)


def test_totals_say_how_far_to_believe_them(api: Any, database_url: str, store: Any) -> None:
    store(database_url, vehicles=[(f"V{n}", None, None) for n in range(10_001)])
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("ANALYZE raw.vehicles")
        assert api.get("/api/vehicles")["total"] == {"rows": 10_001, "kind": "exact"}
        assert api.get("/api/vehicles", count="capped")["total"] == {"rows": 10_000, "kind": "at_least"}
        connection.execute("DELETE FROM raw.vehicles WHERE vehicle_id = 'V0'")
    page = api.get("/api/vehicles", count="capped", limit=1)
    assert page["total"] == {"rows": 10_000, "kind": "exact"}
    assert api.get("/api/vehicles", count="none", limit=1)["total"] is None
    later = api.get("/api/vehicles", count="capped", limit=1, cursor=page["next_cursor"])
    assert later["total"] == {"rows": 10_000, "kind": "exact"}


def test_small_tables_are_counted_and_large_ones_estimated(
    api: Any, database_url: str, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL's estimate of a table that was never analysed is a guess by its size."""
    store(database_url, vehicles=[(f"V{n:03}", "name", n % 7) for n in range(357)])
    assert api.get("/api/vehicles", limit=10)["total"] == {"rows": 357, "kind": "exact"}
    page = api.get("/api/vehicles", limit=10, total_mileage="3")
    assert page["total"] == {"rows": 51, "kind": "exact"}
    later = api.get("/api/vehicles", limit=10, total_mileage="3", cursor=page["next_cursor"])
    assert later["total"] == page["total"]
    monkeypatch.setattr("logistics_api.rows.pages.SMALL", 300)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("ANALYZE raw.vehicles")
    assert api.get("/api/vehicles", limit=10)["total"] == {"rows": 357, "kind": "estimated"}


def test_which_deliveries_were_late_last_week_is_one_request(api: Any, database_url: str, store: Any) -> None:
    """From a figure to its rows: the day and the vehicle of a shipment are those of its log."""
    store(
        database_url,
        vehicle_logs=[(f"L{n}", f"V{n % 2}", date(2024, 3, 1 + n), 1, 1) for n in range(14)],
        shipments=[
            (f"S{n:02}", "A", "B", 1, Decimal(n), None if n == 9 else Decimal(n % 10 * 10), f"L{n}") for n in range(15)
        ],
    )
    last_week = {"day_from": "2024-03-08", "day_to": "2024-03-14"}
    late = api.get("/api/shipments", **last_week, delivery_time_from="30", sort="-delivery_time")
    assert [(row["shipment_id"], row["day"], row["vehicle_id"], row["delivery_time"]) for row in late["data"]] == [
        ("S08", "2024-03-09", "V0", 80),
        ("S07", "2024-03-08", "V1", 70),
        ("S13", "2024-03-14", "V1", 30),
    ]
    assert late["total"] == {"rows": 3, "kind": "exact"}
    by_vehicle = api.get("/api/shipments", **last_week, vehicle_id="V0", sort="day")["data"]
    assert [row["shipment_id"] for row in by_vehicle] == ["S08", "S10", "S12"]
    everything = walk(api, SHIPMENTS, sort="-day", limit=4)
    assert [row["shipment_id"] for row in everything] == [*(f"S{n:02}" for n in range(13, -1, -1)), "S14"]
    assert (everything[-1]["day"], everything[-1]["vehicle_id"]) == (None, None), "its log has not arrived"
    one = api.get("/api/shipments/S08")
    assert (one["day"], one["vehicle_id"]) == ("2024-03-09", "V0")
    assert api.get("/api/shipments/S08", fields="shipment_id,day") == {"shipment_id": "S08", "day": "2024-03-09"}
    exported = api.client.get("/api/exports/shipments.csv", params={**last_week, "vehicle_id": "V0"}).text
    header, *lines = exported.splitlines()
    assert header == "shipment_id,origin,destination,weight,cost,delivery_time,log_id,day,vehicle_id"
    assert sorted(line.split(",")[0] for line in lines) == ['"S08"', '"S10"', '"S12"']
    assert all(line.endswith(',"V0"') and ",2024-03-" in line for line in lines)


# Cursors


def test_a_cursor_fits_no_other_question(shared: Any) -> None:
    cursor = shared.get("/api/vehicle-logs", limit=2)["next_cursor"]
    for path, query in [
        ("/api/shipments", {}),
        ("/api/vehicle-logs", {"sort": "trip_date"}),
        ("/api/vehicle-logs", {"vehicle_id": "A"}),
    ]:
        problem = shared.refused(404, path, cursor=cursor, **query)
        assert problem["type"] == "urn:logistics:problem:unknown-cursor"
    for query in [{"limit": 7}, {"count": "none"}, {"fields": "log_id"}, {"source": "true"}, {"sort": "-trip_date"}]:
        shared.get("/api/vehicle-logs", cursor=cursor, **query)


def test_a_damaged_cursor_is_refused_whatever_it_holds(shared: Any) -> None:
    cursor = shared.get("/api/vehicle-logs", limit=2)["next_cursor"]
    raw = base64.urlsafe_b64decode(cursor + "==")
    damaged = [cursor[:-1], cursor + "A", cursor[1:], "", "=", "ä", "\0", "AAAA", cursor.swapcase()]
    damaged += [base64.urlsafe_b64encode(raw[:8] + body).decode() for body in (b"", b"[]", b'["2024-01-01"]', b"null")]
    for text in damaged:
        shared.refused(404, "/api/vehicle-logs", cursor=text)
    shared.refused(422, "/api/vehicle-logs", cursor="A" * 5000)


@pytest.mark.parametrize("character", ["😀", "\x01", '"', "ü"])
def test_the_longest_ids_there_can_be_fit_into_a_cursor(
    api: Any, database_url: str, store: Any, character: str
) -> None:
    ids = [character * 254 + end for end in "abc"]
    store(database_url, vehicle_logs=[(log_id, "V", FIRST, None, None) for log_id in ids])
    for sort in ("log_id", "trip_date"):
        assert [row["log_id"] for row in walk(api, VEHICLE_LOGS, sort=sort, limit=1)] == ids
    assert api.get(f"/api/vehicle-logs/{quote(ids[0], safe='')}")["log_id"] == ids[0]


# One row


@pytest.mark.parametrize("dataset", TABLES, ids=lambda dataset: dataset.slug)
def test_a_row_is_found_by_its_id_whatever_characters_that_has(shared: Any, dataset: Table) -> None:
    for row in WORLD[dataset]:
        path = f"/api/{dataset.slug}/{quote(row[dataset.dataset.key[0]], safe='')}"
        assert shared.get(path) == as_sent(row, dataset)
    assert shared.get(path, fields="file_path") == {"file_path": f"{dataset.name}.json"}
    assert shared.get(path, source="true")["record_no"] == len(WORLD[dataset])


def test_an_unknown_id_is_a_404_that_says_where_to_look(shared: Any) -> None:
    for path in ("/api/vehicles/nobody", "/api/vehicle-logs/%20A0", "/api/shipments/a0"):
        problem = shared.refused(404, path)
        assert problem["type"] == "urn:logistics:problem:unknown-row"
        assert "/api/ingestion/rejects" in problem["detail"]
    shared.refused(422, "/api/vehicles/a%00b")
    shared.refused(422, f"/api/vehicles/{'a' * 256}")


def test_an_id_that_is_another_paths_name_is_found_by_the_filter(api: Any, database_url: str, store: Any) -> None:
    store(database_url, vehicles=[("metrics", "Truck", None), ("A/details", None, None)])
    assert [row["name"] for row in api.get("/api/vehicles", vehicle_id="metrics")["data"]] == ["Truck"]
    assert api.get("/api/vehicles", vehicle_id="A/details")["data"][0]["vehicle_id"] == "A/details"


# What is refused


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/api/vehicles", {"limit": "0"}),
        ("/api/vehicles", {"limit": "1001"}),
        ("/api/vehicles", {"sort": "name"}),
        ("/api/vehicles", {"sort": "vehicle_id; DROP TABLE raw.vehicles"}),
        ("/api/vehicles", {"fields": "vehicle_id,secret"}),
        ("/api/vehicles", {"fields": 'vehicle_id") FROM raw.vehicles; --'}),
        ("/api/vehicles", {"vehicle_id": "a\0b"}),
        ("/api/vehicles", {"vehicle_id": ""}),
        ("/api/vehicles", {"vehicle_id": "x" * 256}),
        ("/api/vehicles", {"total_mileage_from": "NaN"}),
        ("/api/vehicles", {"total_mileage_from": "1e1000"}),
        ("/api/vehicles", {"total_mileage_from": "1_0"}),
        ("/api/vehicles", {"total_mileage_from": "٣"}),
        ("/api/vehicles", {"file_id": "2147483648"}),
        ("/api/vehicles", {"record_no": "9223372036854775808"}),
        ("/api/vehicles", {"count": "exact"}),
        ("/api/vehicles", {"source": "maybe"}),
        ("/api/vehicles", {"offset": "10"}),
        ("/api/vehicle-logs", {"trip_date": "1704067200"}),
        ("/api/vehicle-logs", {"trip_date_from": "2024-02-30"}),
        ("/api/shipments", {"cost; --": "1"}),
    ],
)
def test_what_is_no_such_question_is_refused_by_name(shared: Any, path: str, query: dict[str, str]) -> None:
    problem = shared.refused(422, path, **query)
    assert [error["parameter"] for error in problem["errors"]] == list(query)


@pytest.mark.parametrize("text", ["' OR '1'='1", "'; DROP TABLE raw.vehicles; --", "%(limit)s", "$1", "\\'", "%", "_"])
def test_values_are_never_more_than_values(shared: Any, url: str, text: str) -> None:
    for name in ("vehicle_id", "name_prefix"):
        expected = [row for row in WORLD[VEHICLES] if passes(row, name, text)]
        assert len(shared.get("/api/vehicles", **{name: text})["data"]) == len(expected)
    assert len(shared.get("/api/vehicles")["data"]) == len(WORLD[VEHICLES])


@pytest.mark.parametrize("number", ["1e400", "-1e-400", "+.5", "5.", "9" * 400, "0.0000000000000000000001"])
def test_any_number_postgresql_can_compare_is_taken(shared: Any, number: str) -> None:
    found = shared.get("/api/shipments", cost_from=number)["data"]
    assert len(found) == len([row for row in WORLD[SHIPMENTS] if passes(row, "cost_from", Decimal(number))])


def test_no_text_of_a_question_becomes_part_of_a_statement() -> None:
    statement = queries.page(VEHICLES, ("name_prefix",), "-vehicle_id", ("vehicle_id",), begun=True).decode()
    assert '"page"."name" ^@ %(name_prefix)s' in statement and '("page"."vehicle_id") < (%(Key0)s)' in statement


def test_a_page_is_json_that_others_can_read(shared: Any) -> None:
    assert json.loads(shared.request("/api/vehicles", limit=3).content)["data"][0].keys() == VEHICLES.own.keys()


@pytest.mark.parametrize("name", ["day", "day_to"])
def test_a_field_of_the_datasets_own_is_never_hidden(name: str) -> None:
    """The day of the dating record is not added where the dataset has a field, or a filter, of that name."""
    shipments = DATASETS["shipments"]
    own = Field(name, "Own", FieldType.STRING, Role.TEXT, "A field of the user's own", required=False)
    table = table_of(replace(shipments, fields=(*shipments.fields, own)))
    assert table.added.keys() == {"vehicle_id"}
    assert table.own[name] == "string"
    assert len(filter_names(table.dataset)) == len(set(filter_names(table.dataset).values()))
