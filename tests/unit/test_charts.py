"""Every chart can be drawn as a picture, from rows as its own file says they must be."""

import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import vl_convert

from logistics_core import charts

CITIES = ("Antwerpen", "Berlin", "Köln", "Wien")
DAYS = [str(date(2024, 1, 31) + timedelta(days=number)) for number in range(21)]
PAIRS = [(origin, destination) for origin in CITIES for destination in CITIES if origin != destination]

ROWS: dict[str, list[dict[str, Any]]] = {
    "daily_revenue": [
        {"date": day, "revenue": 900.5 + 31 * number % 700, "previous": 800, "lead": number < 6}
        for number, day in enumerate(DAYS)
    ],
    "daily_shipments": [{"date": day, "shipments": 31 * number % 17} for number, day in enumerate(DAYS)],
    "route_matrix": [
        {
            "origin": origin, "destination": destination, "shipments": number,
            "value": 1.5 * number if number else None, "label": "1.5 h",
            "measure": "avg_delivery_time", "selected": number == 3,
        }
        for number, (origin, destination) in enumerate(PAIRS)
    ],
    "costliest_routes": [
        {
            "origin": origin, "destination": destination, "route": f"{origin} → {destination}",
            "total_cost": 5000.5 - 100 * number, "total_trips": number, "selected": number == 1,
        }
        for number, (origin, destination) in enumerate(PAIRS)
    ],
    "route_times": [
        {"date": day, "avg_delivery_time": 10 + number % 5, "shipments": number, "mean": 12}
        for number, day in enumerate(DAYS)
    ],
    "time_distribution": [
        *({"lower": 2 * number, "upper": 2 * number + 2, "shipments": 5} for number in range(10)),
        {"percentile": "p50", "hours": 7.5},
        {"percentile": "p90", "hours": 17.0},
    ],
    "vehicle_days": [
        {
            "date": day, "value": 100.5 * (number % 4), "unit": "km", "trips": number % 3, "daily_revenue": 12.5,
            "daily_mileage": 100.5 * (number % 4), "daily_deliveries": number % 5, "daily_fuel": 30.25,
        }
        for number, day in enumerate(DAYS)
    ],
    "vehicle_spread": [
        {
            "vehicle": f"V-{number} Truck", "vehicle_id": f"V-{number}", "total_mileage": 900.5 + 31 * number % 700,
            "total_revenue": 100.25 * number, "total_trips": number, "shipments_delivered": 2 * number,
        }
        for number in range(1, 10)
    ],
    "least_efficient_vehicles": [
        {
            "vehicle": f"V-{number} Truck", "vehicle_id": f"V-{number}", "fuel_efficiency": 2 + number / 10,
            "total_mileage": 900.5, "total_fuel": 300.25,
        }
        for number in range(10)
    ],
    "periods": [
        {
            "begins": DAYS[7 * number], "next": DAYS[7 * number + 7], "words": "a week", "value": 700.5 + number,
            "shown": "700", "previous": 650, "before": "650", "partial": number == 1,
        }
        for number in range(2)
    ],
    "weekdays": [
        {"weekday": number, "words": f"day {number}", "days": 4, "value": number, "shown": "1", "previous": None}
        for number in range(1, 8)
    ],
    "metric_stack": [
        {
            "begins": DAYS[number], "next": DAYS[number + 1], "words": "a day", "lower": 5 * part,
            "upper": 5 * part + 5, "series": CITIES[part], "shown": "5",
        }
        for number in range(10)
        for part in range(2)
    ],
    "metric_periods": [
        {
            "begins": DAYS[number], "next": DAYS[number + 1], "words": "a day", "lower": 0, "upper": number or None,
            "shown": "5", "previous": 3, "before": "3",
        }
        for number in range(10)
    ],
    "metric_series": [
        {
            "begins": DAYS[number], "next": DAYS[number + 1], "words": "a day", "value": number % 3 or None,
            "series": CITIES[part], "shown": "1",
        }
        for number in range(10)
        for part in range(2)
    ],
    "metric_lines": [
        {
            "begins": DAYS[number], "next": DAYS[number + 1], "words": "a day", "value": number % 3 or None,
            "shown": "1", "previous": 2, "before": "2",
        }
        for number in range(10)
    ],
    "metric_bars": [
        {"label": city, "value": 900.5 - number, "shown": "900", "previous": 800, "before": "800"}
        for number, city in enumerate(CITIES)
    ],
    "metric_grid": [
        {"row": origin, "column": destination, "value": number or None, "shown": "1"}
        for number, (origin, destination) in enumerate(PAIRS)
    ],
    "metric_points": [
        {"label": city, "x": number, "y": 3 * number, "shownX": "1", "shownY": "3"}
        for number, city in enumerate(CITIES)
    ],
    "metric_map": [
        {"label": city, "longitude": 4.4 + number, "latitude": 51.2 - number, "value": number + 1, "shown": "1"}
        for number, city in enumerate(CITIES)
    ],
    "metric_histogram": [
        {"lower": 2 * number, "upper": 2 * number + 2, "value": 5, "words": "0 to 2", "shown": "5"}
        for number in range(10)
    ],
    "forecast": [
        *({"begins": day, "said": 60 + number, "run": 7} for number, day in enumerate(DAYS[8:16])),
        *(
            {"begins": day, "words": "1 Jan", "actual": 50 + 10 * (number % 7), "shown": "50"}
            for number, day in enumerate(DAYS[:14])
        ),
        *(
            {
                "begins": day, "words": "2 Jan", "point": 60.0, "likely": "60", "within": "40 – 80", "low90": 40.0,
                "high90": 80.0, "low80": 45.0, "high80": 75.0, "low50": 55.0, "high50": 65.0,
            }
            for day in DAYS[14:]
        ),
    ],
    "watched_days": [
        {
            "day": day, "value": number if number % 6 else None, "shown": "5", "high": 12, "low": 1,
            "fires": "1 subject" if number > 12 else None,
        }
        for number, day in enumerate(DAYS)
    ],
    "daily_rate": [
        {"date": day, "rate": 0.4 + number % 7 / 100 if number % 6 else None, "mean": 0.41}
        for number, day in enumerate(DAYS)
    ],
}  # fmt: skip
MARKS = {
    "daily_revenue": 3,
    "daily_shipments": 21,
    "route_matrix": len(PAIRS) - 1,
    "costliest_routes": len(PAIRS),
    "route_times": len(DAYS),
    "time_distribution": 12,
    "vehicle_days": 21,
    "vehicle_spread": 9,
    "least_efficient_vehicles": 10,
    "periods": 4,
    "weekdays": 7,
    "daily_rate": 18,
    "forecast": 6,
    "watched_days": 6,
    "metric_periods": 14,
    "metric_stack": 20,
    "metric_series": 14,
    "metric_lines": 7,
    "metric_bars": 8,
    "metric_grid": len(PAIRS) - 1,
    "metric_points": len(CITIES),
    "metric_map": len(CITIES),
    "metric_histogram": 10,
}
"""Marks that must at least be in the picture: an empty frame is a picture too."""


@pytest.mark.parametrize("name", charts.list_charts())
def test_a_chart_becomes_a_picture_with_its_marks(name: str) -> None:
    svg = vl_convert.vegalite_to_svg(charts.picture(name, ROWS[name], width=480))
    drawn = [path for path in re.findall(r"<(?:path|line|rect)[^>]*>", svg) if "mark" not in path]
    assert svg.startswith("<svg")
    assert 'width="4' in svg
    assert len(drawn) >= MARKS[name]


@pytest.mark.parametrize("name", charts.list_charts())
def test_a_chart_without_rows_is_an_empty_frame(name: str) -> None:
    assert vl_convert.vegalite_to_svg(charts.picture(name, [])).startswith("<svg")


def marks(name: str, rows: list[dict[str, Any]], kind: str) -> int:
    svg = vl_convert.vegalite_to_svg(charts.picture(name, rows))
    return len(re.findall(f'<path aria-label="[^"]*" role="graphics-symbol" aria-roledescription="{kind}"', svg))


def test_a_single_day_can_be_seen() -> None:
    days = [{"date": day, "revenue": 900.5, "lead": True} for day in DAYS[:6]]
    assert marks("daily_revenue", [*days, {"date": DAYS[6], "revenue": 800.0}], "bar") == 1
    assert marks("daily_revenue", [{"date": day, "revenue": 900.5} for day in DAYS[:2]], "bar") == 2


@pytest.mark.parametrize(("name", "field"), [("daily_revenue", "revenue"), ("daily_shipments", "shipments")])
def test_a_mean_of_7_days_begins_where_there_are_7(name: str, field: str) -> None:
    days = [{"date": day, field: 70} for day in DAYS]
    assert days_of_the_mean(name, days) == len(DAYS) - 6
    assert days_of_the_mean(name, [{"date": day, field: None} for day in DAYS[:3]] + days[3:]) == len(DAYS) - 9


def days_of_the_mean(name: str, rows: list[dict[str, Any]]) -> int:
    svg = vl_convert.vegalite_to_svg(charts.picture(name, rows))
    (line,) = re.findall(r'd="(M[^"]*)"[^>]*stroke-width="2"', svg)
    return 1 + int(line.count("L"))


@pytest.mark.parametrize("name", charts.list_charts())
def test_no_line_is_smoother_than_its_values(name: str) -> None:
    specification = charts.specification(name)
    for layer in specification.get("layer", [specification]):
        assert dict(layer["mark"]).get("interpolate", "linear") in ("linear", "step")


@pytest.mark.parametrize("name", ["costliest_routes", "metric_bars"])
def test_both_ends_of_a_long_route_can_be_read(name: str) -> None:
    route = "KHB Test Kit Facility, Shanghai → Regional Medical Store, Johannesburg"
    field = "route" if name == "costliest_routes" else "label"
    svg = vl_convert.vegalite_to_svg(charts.picture(name, [ROWS[name][0] | {field: route}]))
    assert ">KHB Test Kit Fa… → Regional Medica…<" in svg
    assert ">Köln → Wien<" in vl_convert.vegalite_to_svg(charts.picture(name, [ROWS[name][0] | {field: "Köln → Wien"}]))


def test_large_numbers_are_written_as_in_the_figures() -> None:
    for revenue, words in ((50_000.0, ">50K<"), (5e10, ">50B<")):
        days = [{"date": day, "revenue": revenue} for day in DAYS]
        assert words in vl_convert.vegalite_to_svg(charts.picture("daily_revenue", days))


def test_days_of_several_years_are_told_apart() -> None:
    days = [{"date": str(date(2024, 1, 1) + timedelta(days=number)), "revenue": 5.0} for number in range(500)]
    assert ">Jan 2025<" in vl_convert.vegalite_to_svg(charts.picture("daily_revenue", days))
    assert ">Jan 2025<" not in vl_convert.vegalite_to_svg(charts.picture("daily_revenue", days[340:380]))


@pytest.mark.parametrize("name", charts.list_charts())
def test_the_sample_rows_are_what_the_file_says(name: str) -> None:
    columns = charts.specification(name)["usermeta"]["columns"]
    assert {column for row in ROWS[name] for column in row} <= columns.keys()


@pytest.mark.parametrize("name", charts.list_charts())
def test_a_specification_holds_neither_data_nor_colours_nor_width(name: str) -> None:
    text = (Path(charts.__file__).parent / f"{name}.vl.json").read_text(encoding="utf-8")
    assert charts.specification(name)["data"] == {"name": "rows"}
    assert "width" not in charts.specification(name)
    assert not re.search(r'"#[0-9a-fA-F]{3,8}"|rgb\(', text)
