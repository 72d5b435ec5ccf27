"""Lists of routes: every order, page and search is the one a client can check from what it was answered."""

import random
import typing
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from logistics_api.parameters.text_search import containing
from logistics_api.routes.schemas import (
    CostValueParameters,
    OptimizationParameters,
    ReliabilityParameters,
    RouteCostValue,
    RouteOptimization,
    RouteReliability,
)
from logistics_api.shipments.schemas import ShipmentRoute, ShipmentRoutesParameters
from logistics_pipeline.analytics.refresh import refresh
from tests.api import oracle
from tests.api.oracle import LISTS, Listing, Log, Number, Reader, Shipment, Span, World

PLACES = [
    "Aachen",
    "aachen",
    "Zürich",
    "ZÜRICH",
    "100% Zug",
    "10_0",
    "1000",
    "Brück, an der [Eder]",
    "A\\B",
    "Σίγμας",
    "Zug",
]
FIRST, LAST = date(2024, 1, 1), date(2024, 2, 29)
EVER = Span(date(1900, 1, 1), date(2100, 12, 31))


def difficult_world() -> World:
    """Few values, so that figures tie; some routes lack a measure, some have fewer than 5 shipments."""
    chance = random.Random(7)

    def measure(least: int, lacking: float) -> Number:
        return None if chance.random() < lacking else Decimal(chance.randrange(least, 4)) / 2

    logs = [
        Log(f"L{n}", f"V{chance.randrange(9)}", FIRST + timedelta(chance.randrange(60)), measure(0, 0.2), None)
        for n in range(200)
    ]
    shipments = []
    for route in range(70):
        origin, destination = chance.choice(PLACES), chance.choice(PLACES)
        lacking = [chance.choice([0.0, 0.3, 1.0]) for _ in range(3)]
        shipments += [
            Shipment(
                f"S{route}-{n}",
                origin,
                destination,
                measure(1, lacking[0]),
                measure(0, lacking[1]),
                measure(0, lacking[2]),
                f"L{chance.randrange(210)}",
            )
            for n in range(chance.choice([3, 4, 5, 6, 12]))
        ]
    return World({}, logs, shipments)


@pytest.fixture(scope="module")
def read() -> Reader:
    return Reader(difficult_world())


@pytest.fixture(scope="module")
def shared(
    new_database: Callable[[], AbstractContextManager[str]], store: Callable[..., None], serve: Any, read: Reader
) -> Iterator[Any]:
    """The API over a database that stays as it is."""
    with new_database() as url:
        store(url, vehicle_logs=read.world.logs, shipments=read.world.shipments)
        refresh(url, full=True)
        with serve(url) as api:
            yield api


def columns(path: str) -> list[str]:
    return {
        "/api/shipments/routes": list(ShipmentRoute.model_fields),
        "/api/route/reliability": list(RouteReliability.model_fields),
        "/api/route/cost-value": list(RouteCostValue.model_fields),
        "/api/route/optimization": list(RouteOptimization.model_fields),
    }[path]


def sortable(path: str) -> list[str]:
    """All columns but the explanation of a recommendation, which is no value."""
    return [column for column in columns(path) if column != "recommendation_basis"]


def ask(api: Any, path: str, asked: Listing, span: Span = EVER) -> Any:
    return api.get(path, start=str(span.start), end=str(span.end), **asked._asdict())


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_every_column_sorts_in_both_orders_with_ties_by_name(shared: Any, read: Reader, path: str, order: str) -> None:
    rows = LISTS[path][0](read, EVER)
    assert len(rows) > 30
    for column in sortable(path):
        asked = Listing(column, order, page_size=1000)
        answer = ask(shared, path, asked)
        assert list(answer) == ["data", "total", "page", "page_size"]
        assert answer == oracle.page_of(rows, asked), column
        assert list(answer["data"][0]) == columns(path)


@pytest.mark.parametrize(
    ("question", "row"),
    [
        (ShipmentRoutesParameters, ShipmentRoute),
        (ReliabilityParameters, RouteReliability),
        (CostValueParameters, RouteCostValue),
        (OptimizationParameters, RouteOptimization),
    ],
)
def test_a_list_can_be_sorted_by_every_column_it_has(question: Any, row: Any) -> None:
    assert typing.get_args(question.model_fields["sort_by"].annotation) == tuple(
        name for name in row.model_fields if name != "recommendation_basis"
    )


@pytest.mark.parametrize("path", LISTS)
def test_pages_are_the_list_cut_into_pieces(shared: Any, read: Reader, path: str) -> None:
    make, sort_by = LISTS[path]
    rows = make(read, EVER)
    pieces: list[Any] = []
    for page in range(1, len(rows) // 7 + 3):
        asked = Listing(sort_by, "desc", page, 7)
        answer = ask(shared, path, asked)
        assert answer == oracle.page_of(rows, asked)
        pieces += answer["data"]
    assert pieces == ask(shared, path, Listing(sort_by, page_size=1000))["data"]
    assert len(pieces) == len(rows)


def test_a_page_behind_the_last_is_empty_and_still_knows_the_total(shared: Any, read: Reader) -> None:
    total = len(oracle.reliability(read, EVER))
    for page in (total + 1, 1_000_000_000):
        answer = ask(shared, "/api/route/reliability", Listing("origin", page=page, page_size=1000))
        assert answer == {"data": [], "total": total, "page": page, "page_size": 1000}


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    "part", ["zü", "ÜR", "%", "_", "0_", "\\", "a\\b", "[Eder]", ", an", "σίγμασ", ".", "", " ", "aach", "nowhere", "'"]
)
def test_search_takes_every_character_for_itself_and_either_case(
    shared: Any, read: Reader, path: str, part: str
) -> None:
    make, sort_by = LISTS[path]
    asked = Listing(sort_by, search=part, page_size=5)
    assert ask(shared, path, asked) == oracle.page_of(make(read, EVER), asked)


def test_every_sign_of_a_regular_expression_stands_for_itself(shared: Any) -> None:
    for sign in "^$.|?*+()[]{}\\-/&~#@ \n\t\"'<>=!:,;§→":
        answer = ask(shared, "/api/shipments/routes", Listing("origin", search=f"{sign}{sign}no such place"))
        assert answer["total"] == 0


def test_letters_are_the_same_in_either_case_even_where_a_third_form_exists() -> None:
    assert sorted(containing("k")) == sorted("[kK\N{KELVIN SIGN}]")
    assert sorted(containing("ς")) == sorted("[σςΣ]")
    assert containing("ß") == "[ßẞ]"
    assert containing("İ") == "İ"
    assert containing("7") == "7"


def test_categories_and_scores_do_not_change_with_search_and_page(shared: Any) -> None:
    everything = ask(shared, "/api/route/cost-value", Listing("origin", page_size=1000))["data"]
    for part in ("zug", "aachen"):
        found = ask(shared, "/api/route/cost-value", Listing("origin", page_size=3, search=part))["data"]
        assert found and all(row in everything for row in found)


def test_without_a_range_all_days_count(shared: Any, read: Reader) -> None:
    half = date(2024, 1, 30)
    spans = {
        (): EVER,
        (("start", str(half)),): Span(half, EVER.end),
        (("end", str(half)),): Span(EVER.start, half),
        (("end", str(half)), ("start", str(half))): Span(half, half),
    }
    for given, span in spans.items():
        answer = shared.get("/api/shipments/routes", **dict(given), page_size=1000)
        assert answer == oracle.page_of(oracle.shipment_routes(read, span), Listing("total_trips", page_size=1000))


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    "wrong",
    [
        {"page": "0"},
        {"page": "1000000001"},
        {"page_size": "0"},
        {"page_size": "1001"},
        {"sort_by": "route"},
        {"sort_by": "origin; DROP TABLE analytics.days"},
        {"sort_by": 'origin" DESC --'},
        {"sort_order": "DESC"},
        {"search": "a\0b"},
        {"search": "a" * 256},
        {"limit": "5"},
    ],
)
def test_what_is_no_list_is_refused_by_name(shared: Any, path: str, wrong: dict[str, str]) -> None:
    problem = shared.refused(422, path, start="2024-01-01", end="2024-01-31", **wrong)
    assert [error["parameter"] for error in problem["errors"]] == list(wrong)


def test_lists_other_than_the_shipments_need_their_range(shared: Any) -> None:
    for path in LISTS.keys() - {"/api/shipments/routes"}:
        problem = shared.refused(422, path)
        assert {error["parameter"] for error in problem["errors"]} == {"start", "end"}


@pytest.mark.parametrize("limit", [1, 3, 100])
def test_the_best_routes_are_as_many_as_asked_for(shared: Any, read: Reader, limit: int) -> None:
    answer = shared.get("/api/route/top-performing", start=str(FIRST), end=str(LAST), limit=limit)
    assert answer == oracle.top_performing(read, Span(FIRST, LAST), limit)


def test_the_best_routes_are_ten_where_nothing_is_said(shared: Any) -> None:
    assert len(shared.get("/api/route/top-performing", start=str(FIRST), end=str(LAST))) == 10
    for limit in (0, 101):
        shared.refused(422, "/api/route/top-performing", start=str(FIRST), end=str(LAST), limit=limit)
