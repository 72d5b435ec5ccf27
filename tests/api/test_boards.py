"""Boards: made, changed by who has seen the newest version, exported and imported, and answered in one request."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import date, timedelta
from typing import Any

import httpx2
import psycopg
import pytest

from logistics_pipeline.analytics.refresh import refresh
from tests.api.conftest import Api, Serve

FIRST = date(2024, 1, 1)
LOGS = [(f"L{n}", f"V{n % 3}", FIRST + timedelta(n), 100 + n, 10) for n in range(200)]
SHIPMENTS = [(f"S{n}", ["Aachen", "Zug"][n % 2], "Ulm", 5, 10 + n, 3, f"L{n % 200}") for n in range(400)]

BY_MONTH = {"dataset": "shipments", "metrics": "shipments,revenue", "grain": "month", "compare": "previous"}
BY_ORIGIN = {"dataset": "shipments", "metrics": "revenue", "by": "origin", "filter": '{"origin":{"ne":"Aachen"}}'}
VEHICLES = {"dataset": "vehicles", "metrics": "vehicle_count"}
BOARD: dict[str, Any] = {
    "title": "Monday meeting",
    "description": "What happened",
    "panels": [
        {"title": "By month", "question": BY_MONTH, "chart": "columns", "width": "full"},
        {"question": BY_ORIGIN},
        {"question": VEHICLES, "chart": "number"},
    ],
}


@pytest.fixture(scope="module")
def api(
    new_database: Callable[[], AbstractContextManager[str]], serve: Serve, store: Callable[..., None]
) -> Iterator[Api]:
    with new_database() as url:
        store(url, vehicles=[(f"V{n}", "Truck", 1000) for n in range(3)], vehicle_logs=LOGS, shipments=SHIPMENTS)
        with psycopg.connect(url) as connection:
            connection.execute(
                "INSERT INTO ingest.batches (file_id, records, merged) SELECT min(file_id), 1, true FROM ingest.files"
            )
        refresh(url, full=True)
        with serve(url) as running:
            yield running


def send(api: Api, method: str, path: str, body: Any = None, version: int | None = None) -> httpx2.Response:
    headers = {} if version is None else {"If-Match": f'"{version}"'}
    content = body if isinstance(body, str | bytes) else json.dumps(body)
    response = api.client.request(method, path, content=content, headers=headers)
    if not response.is_success:
        api.check_problem(response)
    return response


@pytest.fixture
def board(api: Api) -> dict[str, Any]:
    made = send(api, "POST", "/api/boards", BOARD)
    assert made.status_code == 201
    found: dict[str, Any] = made.json()
    assert made.headers["Location"] == f"/api/boards/{found['board_id']}"
    assert made.headers["ETag"] == '"1"'
    return found


def test_a_board_is_kept_as_it_was_sent(api: Api, board: dict[str, Any]) -> None:
    path = f"/api/boards/{board['board_id']}"
    found = api.get(path)
    assert found == board
    assert (found["title"], found["owner"], found["version"]) == ("Monday meeting", "anonymous", 1)
    assert found["panels"][0]["question"] | BY_MONTH == found["panels"][0]["question"]
    assert found["panels"][1]["chart"] == "auto"
    (entry,) = [each for each in api.get("/api/boards")["boards"] if each["board_id"] == board["board_id"]]
    assert (entry["title"], entry["panels"], entry["version"]) == ("Monday meeting", 3, 1)


def test_an_exported_board_can_be_imported(api: Api, board: dict[str, Any]) -> None:
    exported = api.request(f"/api/boards/{board['board_id']}/export")
    assert exported.headers["Content-Disposition"] == 'attachment; filename="monday-meeting.board.json"'
    again = send(api, "POST", "/api/boards", exported.content).json()
    assert again["board_id"] != board["board_id"]
    assert [again[name] for name in BOARD] == [board[name] for name in BOARD]


def test_no_change_is_lost(api: Api, board: dict[str, Any]) -> None:
    path = f"/api/boards/{board['board_id']}"
    mine, theirs = BOARD | {"title": "Mine"}, BOARD | {"title": "Theirs", "panels": []}
    changed = send(api, "PUT", path, mine, version=1)
    assert (changed.status_code, changed.json()["version"], changed.headers["ETag"]) == (200, 2, '"2"')
    late = send(api, "PUT", path, theirs, version=1)
    assert (late.status_code, late.json()["version"]) == (409, 2)
    assert send(api, "DELETE", path, version=1).status_code == 409
    assert send(api, "PUT", path, theirs).status_code == 428
    assert send(api, "DELETE", path).status_code == 428
    assert api.get(path)["title"] == "Mine"
    assert send(api, "DELETE", path, version=2).status_code == 204
    assert send(api, "DELETE", path, version=2).status_code == 404
    assert send(api, "PUT", path, mine, version=2).status_code == 404
    api.refused(404, path)
    api.refused(404, f"{path}/answers")


@pytest.mark.parametrize("if_match", ["3", '"x"', '"0"', "*", '"1", "2"'])
def test_a_version_is_the_etag_of_the_board(api: Api, board: dict[str, Any], if_match: str) -> None:
    path = f"/api/boards/{board['board_id']}"
    response = api.client.put(path, content=json.dumps(BOARD), headers={"If-Match": if_match})
    assert response.status_code == 422
    assert response.json()["errors"][0]["parameter"] == "If-Match"


def panel(**question: Any) -> dict[str, Any]:
    return BOARD | {"panels": [BOARD["panels"][0], {"question": BY_ORIGIN | question}]}


REFUSED: list[tuple[Any, str]] = [
    ("no JSON", ""),
    ([], "body"),
    ({"panels": []}, "title"),
    (BOARD | {"title": " "}, "title"),
    (BOARD | {"title": "a\0b"}, "title"),
    (BOARD | {"title": "a\r\nBcc: eve@example.org"}, "title"),
    (BOARD | {"title": "a\u2028b"}, "title"),
    (BOARD | {"panels": [BOARD["panels"][0] | {"title": "\x1b[2J"}]}, "panels.0.title"),
    (BOARD | {"colour": "red"}, "colour"),
    (BOARD | {"panels": [BOARD["panels"][0]] * 31}, "panels"),
    (BOARD | {"description": "x" * 4001}, "description"),
    (panel(dataset="ships"), "panels.1.question.dataset"),
    (panel(metrics="profit"), "panels.1.question.metrics"),
    (panel(metrics=""), "panels.1.question.metrics"),
    (panel(by="colour"), "panels.1.question.by"),
    (panel(filter="{"), "panels.1.question.filter"),
    (panel(filter='{"cost":{"gte":"much"}}'), "panels.1.question.filter"),
    (panel(grain="hour"), "panels.1.question.grain"),
    (panel(order="profit"), "panels.1.question.order"),
    (panel(show="Ç"), "panels.1.question.show"),
    (panel(limit=0), "panels.1.question.limit"),
    (panel(start="2024-01-01"), "panels.1.question.start"),
]


@pytest.mark.parametrize(("body", "place"), REFUSED)
def test_what_is_no_board_is_refused_with_the_place(api: Api, body: Any, place: str) -> None:
    response = send(api, "POST", "/api/boards", body)
    assert response.status_code == 422
    if place:
        assert any(error["parameter"].startswith(place) for error in response.json()["errors"]), response.text


def test_a_body_has_a_limit(api: Api) -> None:
    assert send(api, "POST", "/api/boards", b" " * (1 << 20) + b"{}").status_code == 413


def test_all_panels_are_answered_in_one_request(api: Api, board: dict[str, Any]) -> None:
    days = {"start": "2024-02-01", "end": "2024-03-31"}
    found = api.get(f"/api/boards/{board['board_id']}/answers", **days)
    parts = [
        (BY_MONTH | days, found["answers"][0]),
        (BY_ORIGIN | days, found["answers"][1]),
        (VEHICLES, found["answers"][2]),
    ]
    for question, part in parts:
        parameters = {name: value for name, value in question.items() if name != "dataset"}
        assert part == {"answer": api.get(f"/api/metrics/{question['dataset']}", **parameters), "problem": None}
    assert found["data_version"] == found["answers"][0]["answer"]["data_version"] is not None


def test_answers_are_cached_for_a_version_of_the_board(api: Api, board: dict[str, Any]) -> None:
    path = f"/api/boards/{board['board_id']}/answers"
    assert "Data-Version" not in api.request(path).headers
    first, second = (api.request(path, version=1) for _ in range(2))
    assert first.headers["Data-Version"] == second.headers["Data-Version"]
    assert "desc=hit" in second.headers["Server-Timing"]
    send(api, "PUT", f"/api/boards/{board['board_id']}", BOARD | {"panels": []}, version=1)
    assert api.get(path, version=2)["answers"] == []
    assert api.get(path)["version"] == 2
    api.refused(409, path, version=3)
    api.refused(422, path, start="2024-02-01", end="2024-01-01")
    api.refused(422, path, compare="previous")


@pytest.mark.parametrize(
    ("days", "grain"),
    [
        ({"start": "2024-01-01", "end": "2024-02-01"}, "day"),
        ({"start": "2023-01-01", "end": "2024-02-01"}, "week"),
        ({"start": "2020-01-01", "end": "2024-02-01"}, "month"),
        ({}, "week"),
    ],
)
def test_auto_divides_a_range_by_its_length(api: Api, days: dict[str, str], grain: str) -> None:
    questions = [BY_MONTH | {"grain": "auto"}, VEHICLES | {"grain": "auto"}]
    body = BOARD | {"panels": [{"question": question} for question in questions]}
    made = send(api, "POST", "/api/boards", body).json()
    found = api.get(f"/api/boards/{made['board_id']}/answers", **days)
    assert [part["answer"]["grain"] for part in found["answers"]] == [grain, None]


def test_a_panel_that_cannot_be_answered_any_more_says_so_and_the_others_are_answered(
    new_database: Callable[[], AbstractContextManager[str]], serve: Serve, store: Callable[..., None]
) -> None:
    with new_database() as url:
        store(url, vehicles=[("V1", "Truck", 1000)])
        questions = [VEHICLES, VEHICLES | {"dataset": "gone"}, VEHICLES | {"metrics": "gone"}]
        with psycopg.connect(url) as connection:
            (board_id,) = connection.execute(
                "SELECT boards.add_board('Old', '', %s, 'somebody')",
                (json.dumps([{"question": question} for question in questions]),),
            ).fetchone() or (None,)
        with serve(url) as api:
            found = api.get(f"/api/boards/{board_id}/answers", version=1)
    assert found["answers"][0]["answer"]["data"] == [{"vehicle_count": 1}]
    assert [part["problem"] and part["problem"]["status"] for part in found["answers"]] == [None, 404, 422]
    assert found["answers"][2]["problem"]["errors"][0]["parameter"] == "metrics"


def test_changing_boards_needs_a_scope_of_its_own(
    new_database: Callable[[], AbstractContextManager[str]], serve: Serve
) -> None:
    with new_database() as url, serve(url, api_anonymous="read,export,ingest,contracts") as api:
        assert send(api, "POST", "/api/boards", BOARD).status_code == 401
        assert api.get("/api/boards") == {"boards": []}
    with new_database() as url, serve(url, api_anonymous="boards") as api:
        assert send(api, "POST", "/api/boards", BOARD | {"panels": []}).status_code == 201
        api.refused(401, "/api/boards")


def test_a_thousand_boards_are_enough(new_database: Callable[[], AbstractContextManager[str]], serve: Serve) -> None:
    with new_database() as url, serve(url) as api:
        with psycopg.connect(url) as connection:
            connection.execute(
                "SELECT boards.add_board('Board ' || n, '', '[]', 'somebody') FROM generate_series(1, 1000) AS n"
            )
        response = send(api, "POST", "/api/boards", BOARD | {"panels": []})
        assert (response.status_code, response.json()["type"]) == (409, "urn:logistics:problem:too-many-boards")


def _with_question(**changes: Any) -> dict[str, Any]:
    return BOARD | {"panels": [{"question": BY_MONTH | changes}]}


HOSTILE: tuple[Any, ...] = (
    b"", b"null", b"[]", b'"x"', b"{" * 100_000, b"\xff\xfe{}", b'{"title": NaN, "panels": []}',
    b'{"title": "a", "title": "b", "panels": []}', b"[" * 100_000,
    BOARD | {"title": "\ud800"}, BOARD | {"title": "\0"}, BOARD | {"title": " \u00a0"}, BOARD | {"title": "x" * 10**6},
    BOARD | {"description": "\ud800"}, BOARD | {"panels": None}, BOARD | {"panels": [[]]}, BOARD | {"panels": {"0": 1}},
    BOARD | {"panels": [{"question": VEHICLES}] * 31}, BOARD | {"board_id": "x"}, BOARD | {"__proto__": {"x": 1}},
    BOARD | {"panels": [{"question": VEHICLES, "title": "\ud800"}]}, BOARD | {"panels": [{"question": {}}]},
    _with_question(dataset="../x"), _with_question(dataset="\0"), _with_question(metrics="\ud800"),
    _with_question(metrics=","), _with_question(by="log." * 9 + "x"),
    _with_question(filter="{"), _with_question(filter="[" * 2_000), _with_question(filter='{"origin":"\\ud800"}'),
    _with_question(filter='{"origin":"\\u0000"}'), _with_question(filter='{"cost":{"gt":1e999}}'),
    _with_question(filter='{"cost":{"gt":NaN}}'), _with_question(filter='{"not":' * 300 + "{}" + "}" * 300),
    _with_question(periods=10**30), _with_question(limit=-1), _with_question(limit="many"), _with_question(order="-"),
    _with_question(order="'; DROP TABLE boards.boards; --"), _with_question(show="running,running,x"),
    _with_question(grain="century"), _with_question(start="2024-01-01"),
)  # fmt: skip


def test_boards_that_are_meant_to_harm_are_refused(api: Api) -> None:
    before = api.get("/api/boards")["boards"]
    for document in HOSTILE:
        response = send(api, "POST", "/api/boards", document)
        assert 400 <= response.status_code < 500, (document, response.text[:300])
    assert api.get("/api/boards")["boards"] == before


@pytest.mark.parametrize("title", ["<script>alert(1)</script>", "=cmd|' /C calc'!A0", "\u202egnp.exe", "😀" * 200])
def test_titles_are_texts_and_nothing_else(api: Api, title: str) -> None:
    made = send(api, "POST", "/api/boards", BOARD | {"title": title})
    assert made.status_code == 201 and made.json()["title"] == title
    board = made.json()
    exported = api.client.get(f"/api/boards/{board['board_id']}/export")
    assert exported.json()["title"] == title and "set-cookie" not in exported.headers
    assert send(api, "DELETE", f"/api/boards/{board['board_id']}", version=board["version"]).status_code == 204
