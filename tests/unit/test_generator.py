"""The sample generator keeps its promises: same files for the same arguments, complete or absent, bad where it says."""

import csv
import json
import os
import re
import subprocess
import sys
import tracemalloc
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import date
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from random import Random
from statistics import fmean
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logistics_pipeline.demo.bad_records import damages_of
from logistics_pipeline.demo.file_formats import Format, layout_of
from logistics_pipeline.demo.generator import GeneratedFile, generate
from logistics_pipeline.demo.geography import CITIES, road_km
from logistics_pipeline.demo.records import scattered
from logistics_pipeline.demo.seasons import Calendar
from logistics_pipeline.errors import ConfigurationError
from tests.datasets import DATASETS

FORMATS: tuple[Format, ...] = ("json", "ndjson", "csv")

# The data contract once more, by hand: the generator must not be judged by the code it shares with the loader.
TEXT, DATE, MEASURE, WEIGHT = "text", "date", "number >= 0", "number > 0"
CONTRACT = {
    "vehicles": {"vehicle_id": TEXT, "total_mileage": MEASURE},
    "vehicle_logs": {"log_id": TEXT, "vehicle_id": TEXT, "trip_date": DATE, "mileage": MEASURE, "fuel_used": MEASURE},
    "shipments": {
        "shipment_id": TEXT,
        "origin": TEXT,
        "destination": TEXT,
        "weight": WEIGHT,
        "cost": MEASURE,
        "delivery_time": MEASURE,
        "log_id": TEXT,
    },
}
KEYS = {"vehicles": "vehicle_id", "vehicle_logs": "log_id", "shipments": "shipment_id"}


def is_text(value: object) -> bool:
    return isinstance(value, str) and 1 <= len(value.strip()) <= 255 and "\0" not in value


def is_date(value: object) -> bool:
    if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        return False
    try:
        return date(1900, 1, 1) <= date.fromisoformat(value) <= date(2100, 12, 31)
    except ValueError:
        return False


def is_measure(value: object, *, positive: bool) -> bool:
    if value is None or value == "":
        return True
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return False
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return False
    return number.is_finite() and (number > 0 if positive else number >= 0)


def is_good(dataset: str, record: object) -> bool:
    rules: dict[str, Callable[[object], bool]] = {
        TEXT: is_text,
        DATE: is_date,
        MEASURE: lambda value: is_measure(value, positive=False),
        WEIGHT: lambda value: is_measure(value, positive=True),
    }
    return isinstance(record, dict) and all(
        rules[rule](record.get(name)) for name, rule in CONTRACT[dataset].items()
    )  # fmt: skip


def read(file: GeneratedFile) -> list[Any]:
    """All records, by the standard library's parsers: whatever they refuse is not well-formed."""
    with file.path.open(encoding="utf-8", newline="") as text:
        match file.path.suffix:
            case ".json":
                return list(json.load(text))
            case ".ndjson":
                return [json.loads(line) for line in text]
            case _:
                rows = list(csv.DictReader(text, strict=True))
                assert all(None not in row and None not in row.values() for row in rows), "a ragged row"
                return rows


def by_name(files: list[GeneratedFile]) -> dict[str, list[Any]]:
    return {file.dataset: read(file) for file in files}


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """Good records only, enough of them to measure shares by."""
    out = tmp_path_factory.mktemp("sample")
    return by_name(generate(out, vehicles=100, logs=30_000, shipments=30_000, bad_every=None))


# Files


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_parses_and_holds_the_announced_number_of_good_and_bad_records(
    tmp_path: Path, format: Format
) -> None:
    files = generate(tmp_path, vehicles=40, logs=10_100, shipments=10_050, format=format, bad_every=100)

    assert [(file.path, file.dataset, file.records, file.bad) for file in files] == [
        (tmp_path / f"vehicles.{format}", "vehicles", 40, 0),
        (tmp_path / f"vehicle_logs.{format}", "vehicle_logs", 10_100, 101),
        (tmp_path / f"shipments.{format}", "shipments", 10_050, 100),
    ]
    for file in files:
        records = read(file)
        assert len(records) == file.records
        assert sum(not is_good(file.dataset, record) for record in records) == file.bad


def test_a_json_array_has_one_record_per_line_and_numbers_with_two_decimals(tmp_path: Path) -> None:
    _, _, shipments = generate(tmp_path, vehicles=2, logs=20, shipments=9_000, bad_every=None)

    lines = shipments.path.read_text(encoding="utf-8").splitlines()
    assert (lines[0], lines[-1], len(lines)) == ("[", "]", 9_002)
    assert all(line.endswith("},") for line in lines[1:-2])
    numbers = {number for line in lines for number in re.findall(r'":([^",}]+)', line)} - {"null"}
    assert len(numbers) > 10_000
    assert all(re.fullmatch(r"\d+\.\d\d", number) for number in numbers)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(("vehicles", "logs", "shipments"), [(0, 0, 0), (1, 0, 0), (1, 1, 0), (1, 1, 1), (3, 2, 7)])
@pytest.mark.parametrize("order", ["chronological", "random"])
def test_a_handful_of_records_or_none_is_a_proper_file_too(
    tmp_path: Path, format: Format, vehicles: int, logs: int, shipments: int, order: Any
) -> None:
    files = generate(tmp_path, vehicles=vehicles, logs=logs, shipments=shipments, format=format, order=order)

    contents = by_name(files)
    assert [len(records) for records in contents.values()] == [vehicles, logs, shipments]
    assert all(is_good(dataset, record) for dataset, records in contents.items() for record in records)


def test_keys_are_unique(sample: dict[str, list[Any]]) -> None:
    for dataset, records in sample.items():
        assert len({record[KEYS[dataset]] for record in records}) == len(records)


def test_all_good_records_satisfy_the_contract(sample: dict[str, list[Any]]) -> None:
    assert all(is_good(dataset, record) for dataset, records in sample.items() for record in records)


# The same arguments give the same files


def digests(folder: Path) -> dict[str, str]:
    return {path.name: sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def generate_in_a_process_of_its_own(out: Path, hash_seed: str) -> dict[str, str]:
    code = (
        "import sys, pathlib; from logistics_pipeline.demo.generator import generate; "
        "generate(pathlib.Path(sys.argv[1]), vehicles=30, logs=9000, shipments=9000, bad_every=50)"
    )
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    subprocess.run([sys.executable, "-c", code, str(out)], check=True, env=environment)
    return digests(out)


def test_the_same_arguments_give_the_same_bytes_in_every_process(tmp_path: Path) -> None:
    first = generate_in_a_process_of_its_own(tmp_path / "first", hash_seed="1")

    assert len(first) == 3
    assert generate_in_a_process_of_its_own(tmp_path / "second", hash_seed="2") == first


def test_another_seed_gives_other_records(tmp_path: Path) -> None:
    for seed in (1, 2):
        generate(tmp_path / str(seed), vehicles=3, logs=10, shipments=10, seed=seed)

    first, second = digests(tmp_path / "1"), digests(tmp_path / "2")
    assert all(first[name] != second[name] for name in first)


# A file is complete or it is not there


def test_files_under_their_final_name_are_complete_at_any_moment(tmp_path: Path) -> None:
    seen: list[tuple[str, int]] = []

    def look(dataset: str, written: int) -> None:
        seen.append((dataset, written))
        visible = {path.name for path in tmp_path.iterdir() if not path.name.startswith(".")}
        finished = {"vehicles.json": 10, "vehicle_logs.json": 20_000}
        expected = {"vehicles": [], "vehicle_logs": ["vehicles.json"], "shipments": list(finished)}[dataset]
        assert visible == set(expected)
        assert all(len(json.loads((tmp_path / name).read_text())) == finished[name] for name in visible)

    generate(tmp_path, vehicles=10, logs=20_000, shipments=20_000, on_progress=look)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["shipments.json", "vehicle_logs.json", "vehicles.json"]
    assert Counter(dataset for dataset, _ in seen) == {"vehicles": 1, "vehicle_logs": 3, "shipments": 3}
    assert [written for dataset, written in seen if dataset == "shipments"][-1] == 20_000


def test_an_interrupted_file_leaves_nothing_behind_and_the_old_one_in_place(tmp_path: Path) -> None:
    old = tmp_path / "vehicle_logs.json"
    old.write_text("the old one")

    def interrupt(dataset: str, written: int) -> None:
        if dataset == "vehicle_logs":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate(tmp_path, vehicles=10, logs=20_000, shipments=10, replace=True, on_progress=interrupt)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["vehicle_logs.json", "vehicles.json"]
    assert old.read_text() == "the old one"


def test_an_error_of_the_progress_display_is_not_taken_for_one_of_the_file(tmp_path: Path) -> None:
    def broken_display(dataset: str, written: int) -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        generate(tmp_path, vehicles=1, logs=0, shipments=0, on_progress=broken_display)


# Streaming


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_records(tmp_path: Path) -> None:
    tracemalloc.start()
    try:
        files = generate(tmp_path, vehicles=10, logs=100_000, shipments=1)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert files[1].path.stat().st_size > 11_000_000
    assert peak < 7_000_000


# Bad records


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("dataset", ["vehicle_logs", "shipments"])
def test_one_record_in_every_stretch_is_bad_and_the_others_are_untouched(
    tmp_path: Path, format: Format, dataset: str
) -> None:
    counts = {"vehicles": 5, "logs": 9_050, "shipments": 9_050, "format": format}
    spoilt = generate(tmp_path / "spoilt", **counts, bad_every=100)  # type: ignore[arg-type]
    clean = generate(tmp_path / "clean", **counts, bad_every=None)  # type: ignore[arg-type]

    pairs = zip(by_name(spoilt)[dataset], by_name(clean)[dataset], strict=True)
    differing = [index for index, (left, right) in enumerate(pairs) if left != right]
    bad = [index for index, record in enumerate(by_name(spoilt)[dataset]) if not is_good(dataset, record)]
    assert differing == bad
    assert [index // 100 for index in bad] == list(range(90))
    assert len({index % 100 for index in bad}) > 30


@pytest.mark.parametrize("format", FORMATS)
def test_every_kind_of_damage_makes_a_record_bad_in_one_way_only(tmp_path: Path, format: Format) -> None:
    counts = {"vehicles": 1, "logs": 30, "shipments": 30, "format": format}
    spoilt = generate(tmp_path / "spoilt", **counts, bad_every=1)  # type: ignore[arg-type]
    clean = by_name(generate(tmp_path / "clean", **counts, bad_every=None))  # type: ignore[arg-type]

    for file in spoilt[1:]:
        records = read(file)
        assert file.bad == file.records == sum(not is_good(file.dataset, record) for record in records)
        for record, good in zip(records, clean[file.dataset], strict=True):
            assert not isinstance(record, dict) or sum(record.get(name) != good[name] for name in good) == 1


@pytest.mark.parametrize(("format", "least"), [("json", 18), ("ndjson", 18), ("csv", 12)])
def test_the_first_bad_records_of_a_file_are_all_of_different_kinds(tmp_path: Path, format: Format, least: int) -> None:
    files = generate(tmp_path, vehicles=1, logs=least, shipments=least, format=format, bad_every=1)

    for file in files[1:]:
        assert len(damages_of(layout_of(format, DATASETS[file.dataset]))) == least
        assert len({json.dumps(sorted(kind_of(record, file.dataset).items())) for record in read(file)}) == least


def kind_of(record: Any, dataset: str) -> dict[str, Any]:
    """What tells one kind of damage from another: the offending fields, as they are."""
    if not isinstance(record, dict):
        return {"record": type(record).__name__}
    fields = {name: record.get(name, "absent") for name in CONTRACT[dataset]}
    return {name: value for name, value in fields.items() if not is_good_field(dataset, name, value)}


def is_good_field(dataset: str, name: str, value: object) -> bool:
    fine = {TEXT: "x", DATE: "2024-01-01", MEASURE: 1, WEIGHT: 1}
    others = {other: fine[rule] for other, rule in CONTRACT[dataset].items()}
    return value != "absent" and is_good(dataset, {**others, name: value})


def test_json_has_records_that_are_no_objects(tmp_path: Path) -> None:
    _, logs, shipments = generate(tmp_path, vehicles=1, logs=18, shipments=18, bad_every=1)

    assert sum(not isinstance(record, dict) for record in read(logs)) == 1
    assert sum(not isinstance(record, dict) for record in read(shipments)) == 2


# What the records tell


def test_every_log_names_a_vehicle_of_the_fleet_and_nearly_every_shipment_a_log(sample: dict[str, list[Any]]) -> None:
    fleet = {vehicle["vehicle_id"] for vehicle in sample["vehicles"]}
    logs = {log["log_id"] for log in sample["vehicle_logs"]}
    unassigned = sum(shipment["log_id"] not in logs for shipment in sample["shipments"])

    assert {log["vehicle_id"] for log in sample["vehicle_logs"]} == fleet
    assert 0.003 < unassigned / len(sample["shipments"]) < 0.008


def test_some_logs_carry_several_shipments_and_some_none(sample: dict[str, list[Any]]) -> None:
    carried = Counter(shipment["log_id"] for shipment in sample["shipments"])
    loads = Counter(carried[log["log_id"]] for log in sample["vehicle_logs"])

    assert all(loads[count] > 1_000 for count in (0, 1, 2, 3))


def test_shipments_of_one_log_share_its_route_whose_length_the_log_has_driven(sample: dict[str, list[Any]]) -> None:
    cities = {city.name: city for city in CITIES}
    mileage = {log["log_id"]: log["mileage"] for log in sample["vehicle_logs"]}
    routes: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for shipment in sample["shipments"]:
        if mileage.get(shipment["log_id"]) is not None:
            routes[shipment["log_id"]].add((shipment["origin"], shipment["destination"]))

    assert {len(of_log) for of_log in routes.values()} == {1}
    for log_id, [(origin, destination)] in routes.items():
        assert origin != destination
        distance = road_km(cities[origin], cities[destination])
        assert distance - 0.01 <= mileage[log_id] <= distance * 1.15 + 0.01


def test_distances_by_road_are_about_right() -> None:
    cities = {city.name: city for city in CITIES}

    for origin, destination, by_road in (
        ("Hamburg", "München", 790),
        ("Paris", "Lyon", 465),
        ("Madrid", "Praha", 2_300),
    ):
        assert road_km(cities[origin], cities[destination]) == pytest.approx(by_road, rel=0.1)


def test_fuel_use_is_that_of_a_truck(sample: dict[str, list[Any]]) -> None:
    both = [log for log in sample["vehicle_logs"] if log["mileage"] is not None and log["fuel_used"] is not None]

    assert all(25 < 100 * log["fuel_used"] / log["mileage"] < 38 for log in both)


@pytest.mark.parametrize(
    ("dataset", "measure"),
    [
        ("vehicle_logs", "mileage"),
        ("vehicle_logs", "fuel_used"),
        ("shipments", "weight"),
        ("shipments", "cost"),
        ("shipments", "delivery_time"),
    ],
)
def test_a_few_percent_of_each_measure_are_missing(sample: dict[str, list[Any]], dataset: str, measure: str) -> None:
    missing = fmean(record[measure] is None for record in sample[dataset])

    assert 0.01 < missing < 0.04


def test_cost_grows_with_distance_and_with_weight(sample: dict[str, list[Any]]) -> None:
    complete = [s for s in sample["shipments"] if s["cost"] is not None and s["weight"] is not None]
    light = [s["cost"] for s in complete if s["weight"] < 500]
    heavy = [s["cost"] for s in complete if s["weight"] > 2_000]
    near = [s["cost"] for s in complete if {s["origin"], s["destination"]} == {"Rotterdam", "Antwerpen"}]
    far = [s["cost"] for s in complete if {s["origin"], s["destination"]} == {"Madrid", "Hamburg"}]

    assert fmean(heavy) > 1.5 * fmean(light)
    assert fmean(far) > 1.5 * fmean(near)


def test_some_shipments_come_late_and_routes_differ_in_how_many(sample: dict[str, list[Any]]) -> None:
    times: dict[tuple[str, str], list[float]] = defaultdict(list)
    for shipment in sample["shipments"]:
        if shipment["delivery_time"] is not None:
            times[shipment["origin"], shipment["destination"]].append(shipment["delivery_time"])
    late = [
        fmean(time > 1.25 * fmean(of_route) for time in of_route) for of_route in times.values() if len(of_route) > 50
    ]

    assert len(late) > 50
    assert min(late) < 0.03 < 0.07 < max(late)


def test_trips_follow_weekdays_and_seasons(sample: dict[str, list[Any]]) -> None:
    per_day = Counter(date.fromisoformat(log["trip_date"]) for log in sample["vehicle_logs"])
    sundays = fmean(count for day, count in per_day.items() if day.weekday() == 6)
    tuesdays = fmean(count for day, count in per_day.items() if day.weekday() == 1)
    may = sum(count for day, count in per_day.items() if (day.year, day.month) == (2024, 5))
    november = sum(count for day, count in per_day.items() if (day.year, day.month) == (2024, 11))

    assert len(per_day) > 720
    assert min(per_day) >= date(2024, 1, 1)
    assert max(per_day) == date(2025, 12, 30)
    assert sundays < tuesdays / 4
    assert november > 1.1 * may


def test_trip_dates_grow_with_the_key(sample: dict[str, list[Any]]) -> None:
    dates = [log["trip_date"] for log in sorted(sample["vehicle_logs"], key=lambda log: str(log["log_id"]))]

    assert dates == sorted(dates)


@given(trips=st.integers(0, 400), days=st.integers(1, 60))
def test_the_calendar_deals_every_trip_to_a_day_of_the_period(trips: int, days: int) -> None:
    calendar = Calendar(date(2024, 2, 20), days, trips)

    dealt = [calendar.day_of(trip) for trip in range(trips)]
    assert dealt == sorted(dealt)
    assert set(dealt) <= set(calendar.days)


# Order of the keys


def test_random_order_holds_the_same_keys_all_over_the_file(tmp_path: Path) -> None:
    counts = {"vehicles": 5, "logs": 5_000, "shipments": 5_000, "bad_every": None}
    sorted_ = by_name(generate(tmp_path / "chronological", **counts))  # type: ignore[arg-type]
    mixed = by_name(generate(tmp_path / "random", **counts, order="random"))  # type: ignore[arg-type]

    for dataset in ("vehicle_logs", "shipments"):
        keys = [record[KEYS[dataset]] for record in mixed[dataset]]
        assert sorted(keys) == [record[KEYS[dataset]] for record in sorted_[dataset]]
        rising = fmean(left < right for left, right in pairwise(keys))
        assert 0.4 < rising < 0.6
    days = {log["log_id"]: log["trip_date"] for log in sorted_["vehicle_logs"]}
    assert {log["log_id"]: log["trip_date"] for log in mixed["vehicle_logs"]} == days


@given(count=st.integers(0, 3_000), seed=st.integers())
def test_scattering_visits_every_number_once(count: int, seed: int) -> None:
    assert sorted(scattered(count, Random(seed))) == list(range(count))


# Arguments


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"vehicles": -1}, "number of vehicles cannot be negative; found -1"),
        ({"logs": -5}, "number of logs cannot be negative; found -5"),
        ({"shipments": -2_000}, "number of shipments cannot be negative; found -2,000"),
        ({"vehicles": 0}, "Logs need vehicles"),
        ({"logs": 0}, "Shipments need logs"),
        ({"bad_every": 0}, "One bad record in every 0 is not possible"),
        ({"days": 0}, "at least 1 day; found 0"),
        ({"first_day": date(1899, 12, 31)}, "lie between 1900-01-01 and 2100-12-31"),
        ({"first_day": date(2100, 12, 31), "days": 2}, "2 days from 2100-12-31 do not"),
        ({"days": 10**12}, "1,000,000,000,000 days from 2024-01-01 do not"),
        ({"format": "xml"}, "no format 'xml' of sample data: choose one of json, ndjson, csv"),
        ({"order": "reverse"}, "no order 'reverse' of sample data: choose one of chronological, random"),
    ],
)
def test_arguments_without_sense_are_refused_before_anything_is_written(
    tmp_path: Path, arguments: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        generate(tmp_path / "out", **arguments)

    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("day", [date(1900, 1, 1), date(2100, 12, 31)])
def test_the_first_and_the_last_allowed_day_are_allowed(tmp_path: Path, day: date) -> None:
    _, logs, _ = generate(tmp_path, vehicles=1, logs=2, shipments=0, first_day=day, days=1)

    assert {log["trip_date"] for log in read(logs)} == {day.isoformat()}


def test_a_folder_that_cannot_be_written_is_named_in_the_error(tmp_path: Path) -> None:
    (tmp_path / "occupied").write_text("a file where a folder should be")

    with pytest.raises(ConfigurationError, match=r"Cannot write the sample file .*occupied.*vehicles\.json"):
        generate(tmp_path / "occupied" / "raw", vehicles=1, logs=0, shipments=0)
