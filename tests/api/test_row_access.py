"""Callers that may see some rows only: what is refused to them, and what they share with nobody.

That their answers are exact is tested in `test_row_access_is_exact`.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import httpx2
import psycopg
import pytest

from logistics_api.graphql.meanings import Connection, DatasetMetrics, RestDocument, RowByKey, meaning_of
from logistics_api.row_access.operations import Narrowing, narrowings
from logistics_core.catalogue import built_in_catalogue
from logistics_core.row_access.rule_texts import read_rules
from logistics_core.row_access.rules import RowAccess
from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.database.api_keys import create_key
from tests.api.conftest import Api, Serve

FIRST = date(2024, 1, 1)
LOGS = [(f"L{n}", f"V{n % 3}", FIRST + timedelta(n), 100 + n, 10) for n in range(50)]
SHIPMENTS = [(f"S{n:02}", ["Aachen", "100% Zug"][n % 2], "Ulm", 5, 10 + n, 3, f"L{n % 50}") for n in range(80)]
RULES = {
    "aachen": ["shipments: origin = Aachen"],
    "zug": ["shipments: origin = 100% Zug", "vehicles"],
    "none": ["shipments: origin = Nowhere"],
    "vehicle": ["shipments: log.vehicle_id = V1", "vehicle_logs: vehicle_id = V1"],
}


@dataclass
class Shared:
    """An API with keys for some rows, by their names."""

    api: Api
    url: str
    keys: dict[str, str]

    def ask(self, name: str, path: str, method: str = "GET", **options: Any) -> httpx2.Response:
        headers = {"X-API-Key": self.keys[name], **options.pop("headers", {})}
        response = self.api.client.request(method, path, headers=headers, **options)
        if response.status_code >= 400 and not path.startswith("/graphql"):
            self.api.check_problem(response)
        return response

    def graphql(self, name: str, document: str) -> Any:
        return self.ask(name, "/graphql", "POST", json={"query": document}).json()


@pytest.fixture(scope="module")
def shared(
    new_database: Callable[[], AbstractContextManager[str]],
    serve: Serve,
    store: Callable[..., None],
    wait_until: Callable[..., None],
) -> Iterator[Shared]:
    catalogue = built_in_catalogue()
    with new_database() as url:
        store(url, vehicles=[(f"V{n}", "Truck", 1000) for n in range(3)], vehicle_logs=LOGS, shipments=SHIPMENTS)
        refresh(url, full=True)
        access: dict[str, RowAccess | None] = {name: read_rules(rules, catalogue) for name, rules in RULES.items()}
        access |= {"all": None, "outdated": RowAccess.of([("shipments", {"depot": ("North",)}), ("vehicles", {})])}
        with psycopg.connect(url, autocommit=True) as connection:
            keys = {
                name: create_key(connection, name, ["read", "export", "boards"], row_access=each)[0]
                for name, each in access.items()
            }
        with serve(url) as api:
            found = Shared(api, url, keys)
            wait_until(lambda: api.app.state.authenticator.keyring.is_known)
            yield found


# -- declarations -----------------------------------------------------------------------------------------------------


def test_every_operation_declares_what_it_does_for_callers_that_may_see_some_rows_only(shared: Shared) -> None:
    document = shared.api.app.openapi()
    operations = {each["operationId"] for methods in document["paths"].values() for each in methods.values()}
    declared = narrowings(shared.api.app.state.catalogue)
    without = "Declare these in logistics_api/row_access/operations.py"
    assert operations - declared.keys() - {"read_record_history"} == set(), without
    assert declared.keys() - operations == {"read_index", "read_record_history"}, "There are no such operations"


def test_every_field_of_graphql_stands_for_rows_metrics_or_a_declared_operation(shared: Shared) -> None:
    schema, declared = shared.api.app.state.graphql.schema, narrowings(shared.api.app.state.catalogue)
    fields = {**schema.query_type.fields, **schema.mutation_type.fields}
    for name, field in fields.items():
        meaning = meaning_of(field)
        if isinstance(meaning, RestDocument):
            assert meaning.operation in declared, name
        else:
            assert isinstance(meaning, Connection | RowByKey | DatasetMetrics), name


def test_operations_that_cannot_be_narrowed_down_are_refused_and_no_others(shared: Shared) -> None:
    declared = narrowings(shared.api.app.state.catalogue)
    for template, methods in shared.api.app.openapi()["paths"].items():
        for method, operation in methods.items():
            if not template.startswith(("/api", "/v2")):
                continue  # open to everyone on this machine
            path = (
                template.replace("{format}", "csv").replace("{dataset}", "shipments").replace("{", "").replace("}", "")
            )
            response = shared.ask("aachen", path, method.upper())
            name = operation["operationId"]
            if declared[name] is Narrowing.REFUSED:
                assert response.status_code == 403, name
                assert "cannot be narrowed down" in response.text or "missing-scope" in response.text, name
            else:
                assert response.status_code != 403 or "may not see any rows of vehicle" in response.text, name


def test_a_document_of_rest_is_refused_in_graphql_as_well(shared: Shared) -> None:
    for field in ("files", "rejects", "quality"):
        (error,) = shared.graphql("aachen", f"{{ shipments {{ total {{ rows }} }} {field} {{ __typename }} }}")[
            "errors"
        ]
        assert error["extensions"]["code"] == "rows-not-permitted"
    accepted = {"Accept": "text/event-stream"}
    told = shared.ask(
        "aachen", "/graphql", "POST", json={"query": "subscription { changed { fileId } }"}, headers=accepted
    )
    assert "rows-not-permitted" in told.text
    assert "datasets" in shared.graphql("aachen", "{ datasets { name } }")["data"]


# -- what is hidden ---------------------------------------------------------------------------------------------------


def test_a_dataset_without_a_rule_is_hidden_wherever_it_is_asked_for(shared: Shared) -> None:
    for path in (
        "/api/vehicles",
        "/api/vehicles/V1",
        "/api/exports/vehicle-logs.parquet",
        "/api/metrics/vehicles",
        "/api/metrics/shipments?by=log.vehicle_id",
        '/api/metrics/shipments?filter={"log.vehicle.name":"Truck"}',
        "/api/kpi?metrics=shipments.revenue,vehicle_logs.trips",
    ):
        response = shared.ask("aachen", path)
        assert response.status_code == 403, path
        assert "may not see any rows of vehicle" in response.json()["detail"]
    for document in (
        "{ shipments { nodes { log { mileage } } } }",
        '{ shipments(filter: {log: {mileage: {gt: "1"}}}) { nodes { shipmentId } } }',
        "{ vehicles { total { rows } } }",
        "{ shipmentsMetrics(by: [LOG_VEHICLE_ID]) { groups } }",
    ):
        (error,) = shared.graphql("aachen", document)["errors"]
        assert error["extensions"]["code"] == "rows-not-permitted", document


def test_metrics_are_listed_of_datasets_that_may_be_seen_with_days_of_the_rows_that_may_be(shared: Shared) -> None:
    (listed,) = shared.ask("aachen", "/api/metrics").json()["datasets"]
    assert (listed["dataset"], listed["days"]["last"]) == ("shipments", "2024-02-18")
    assert {each["dataset"] for each in listed["dimensions"]} == {"shipments"}
    (all_rows, *_) = (
        each for each in shared.ask("all", "/api/metrics").json()["datasets"] if each["dataset"] == "shipments"
    )
    assert all_rows["days"]["last"] == "2024-02-19"


def test_a_row_that_may_not_be_seen_is_as_unknown_as_one_that_there_is_not(shared: Shared) -> None:
    assert shared.ask("aachen", "/api/shipments/S00").status_code == 200
    hidden, missing = (
        shared.ask("aachen", "/api/shipments/S01").json(),
        shared.ask("aachen", "/api/shipments/S99").json(),
    )
    assert hidden["detail"].replace("S01", "S99") == missing["detail"]


def test_what_dates_a_row_is_shown_with_it_even_where_the_dating_record_is_hidden(shared: Shared) -> None:
    row = shared.ask("aachen", "/api/shipments/S02").json()
    assert (row["day"], row["vehicle_id"]) == ("2024-01-03", "V2")
    (period, *_) = shared.ask("aachen", "/api/metrics/shipments?grain=month&metrics=shipments").json()["data"]
    assert period == {"period": "2024-01-01", "shipments": 31}


def test_what_was_known_earlier_is_refused(shared: Shared) -> None:
    for path in ("/api/shipments", "/api/shipments/S00", "/api/exports/shipments.csv", "/api/metrics/shipments"):
        response = shared.ask("aachen", path, params={"as_of": "no such file"})
        assert response.status_code == 403
        assert "what was known earlier cannot be narrowed down" in response.text
    (error,) = shared.graphql("aachen", '{ shipments(asOf: "2024-01-01") { nodes { cost } } }')["errors"]
    assert error["extensions"]["code"] == "rows-not-permitted"


def test_a_rule_that_does_not_fit_the_contract_any_more_hides_its_dataset_and_says_why(shared: Shared) -> None:
    response = shared.ask("outdated", "/api/shipments")
    assert response.status_code == 403
    assert "'depot': shipments has no field 'depot'" in response.json()["detail"]
    assert shared.ask("outdated", "/api/vehicles").json()["total"] == {"rows": 3, "kind": "exact"}


def test_of_no_rows_everything_can_be_asked(shared: Shared) -> None:
    for query in (
        "compare=previous",
        "grain=day&compare=year",
        "grain=month&show=share",
        "compare=year&start=2024-01-01",
    ):
        answer = shared.ask("none", f"/api/metrics/shipments?metrics=shipments&{query}")
        assert answer.status_code == 200, answer.text
        assert [row["shipments"] for row in answer.json()["data"]] in ([], [0])
    (figure,) = shared.ask("none", "/api/kpi?metrics=shipments.shipments").json()["figures"]
    assert (figure["value"], figure["series"]) == (0, [])
    assert shared.ask("none", "/api/shipments").json()["total"] == {"rows": 0, "kind": "exact"}


# -- what is shared with nobody ---------------------------------------------------------------------------------------


def test_each_caller_has_figures_of_their_own_from_memory(shared: Shared) -> None:
    path, cache = "/api/metrics/shipments?by=origin&metrics=shipments", shared.api.app.state.cache
    before = len(cache)
    expected = {
        "all": [{"origin": "100% Zug", "shipments": 40}, {"origin": "Aachen", "shipments": 40}],
        "aachen": [{"origin": "Aachen", "shipments": 40}],
        "zug": [{"origin": "100% Zug", "shipments": 40}],
    }
    tags = {}
    for name in [*expected, *expected]:
        response = shared.ask(name, path)
        assert response.json()["data"] == expected[name]
        assert response.json()["source"] == "rollup"
        tags[name] = response.headers["ETag"]
    assert len(cache) == before + 3
    assert len(set(tags.values())) == 3
    assert shared.ask("aachen", path, headers={"If-None-Match": tags["all"]}).status_code == 200
    assert shared.ask("aachen", path, headers={"If-None-Match": tags["aachen"]}).status_code == 304
    assert shared.ask("aachen", path).headers["Cache-Control"] == "private, no-cache"
    pinned = {"If-Data-Version": shared.ask("all", path).headers["Data-Version"]}
    assert shared.ask("zug", path, headers=pinned).json()["data"] == expected["zug"]


def test_answers_of_graphql_from_memory_are_of_their_own_as_well(shared: Shared) -> None:
    document = "{ shipmentsMetrics(metrics: [SHIPMENTS], by: [ORIGIN]) { rows { origin shipments } } }"
    found = {name: shared.graphql(name, document)["data"] for name in ("all", "aachen", "zug", "all", "aachen")}
    assert [len(each["shipmentsMetrics"]["rows"]) for each in found.values()] == [2, 1, 1]


def test_a_pre_aggregate_answers_only_if_it_has_the_fields_of_the_rule(shared: Shared) -> None:
    path = "/api/metrics/shipments?by=origin&metrics=shipments"
    assert shared.ask("vehicle", path).json()["source"] == "rows"
    assert shared.ask("zug", "/api/metrics/vehicles").status_code == 200


def test_a_cursor_is_valid_for_callers_that_may_see_the_same_rows_alone(shared: Shared) -> None:
    cursor = shared.ask("all", "/api/shipments?limit=10").json()["next_cursor"]
    assert shared.ask("all", "/api/shipments", params={"cursor": cursor}).status_code == 200
    for name in ("aachen", "zug"):
        assert shared.ask(name, "/api/shipments", params={"cursor": cursor}).json()["type"].endswith("unknown-cursor")
    document = "{ shipments(first: 5) { pageInfo { endCursor } } }"
    cursor = shared.graphql("aachen", document)["data"]["shipments"]["pageInfo"]["endCursor"]
    following = f'{{ shipments(first: 5, after: "{cursor}") {{ nodes {{ shipmentId }} }} }}'
    assert len(shared.graphql("aachen", following)["data"]["shipments"]["nodes"]) == 5
    (error,) = shared.graphql("zug", following)["errors"]
    assert error["extensions"]["code"] == "unknown-cursor"


def test_a_board_is_answered_with_the_rows_of_whoever_asks(shared: Shared) -> None:
    questions = [{"dataset": "shipments", "metrics": "shipments"}, {"dataset": "vehicles", "metrics": "vehicle_count"}]
    board = {"title": "Of all", "description": "", "panels": [{"question": each} for each in questions]}
    made = shared.ask("all", "/api/boards", "POST", content=json.dumps(board))
    path = f"/api/boards/{made.json()['board_id']}/answers?version=1"
    everything, some = (shared.ask(name, path).json()["answers"] for name in ("all", "aachen"))
    assert [each["answer"]["data"][0] for each in everything] == [{"shipments": 80}, {"vehicle_count": 3}]
    assert some[0]["answer"]["data"] == [{"shipments": 40}]
    assert (some[1]["answer"], some[1]["problem"]["status"]) == (None, 403)


def test_a_session_says_which_rows_may_be_seen(shared: Shared) -> None:
    assert shared.ask("zug", "/api/session").json()["rows"] == ["shipments: origin = 100% Zug", "vehicles"]
    assert shared.ask("all", "/api/session").json()["rows"] is None


def test_other_rows_of_a_key_are_in_force_at_once(shared: Shared, wait_until: Callable[..., None]) -> None:
    path = "/api/metrics/shipments?metrics=shipments"
    assert shared.ask("vehicle", path).json()["data"] == [{"shipments": 27}]
    with psycopg.connect(shared.url, autocommit=True) as connection:
        for rules, shipments in ((["shipments"], 80), (RULES["aachen"], 40), (RULES["vehicle"], 27)):
            access = read_rules(rules, built_in_catalogue())
            connection.execute("UPDATE access.keys SET row_access = %s WHERE name = 'vehicle'", (access.text,))
            expected = list(access.described())
            wait_until(lambda expected=expected: shared.ask("vehicle", "/api/session").json()["rows"] == expected)
            assert shared.ask("vehicle", path).json()["data"] == [{"shipments": shipments}]
