"""Datasets of contracts that only the benchmark has, and files of them: what users bring, rather than what is built in.

The contracts are in `contracts/`, one for each shape of dataset. All values are made from a seed, so that every run
loads the same files.
"""

import csv
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random

from bench.database import Database
from bench.samples import Sample
from logistics_core.catalogue import Dataset
from logistics_pipeline.contracts.accepting import accept_contract
from logistics_pipeline.contracts.retiring import retire_dataset
from logistics_pipeline.contracts.texts import contract_of_file
from logistics_pipeline.demo.file_formats import Format

_FOLDER = Path(__file__).parent / "contracts"
_WHO = "benchmark"
_FIRST_DAY = datetime(2024, 1, 1, tzinfo=UTC)
_NAMES = ("Anna Berg", "Jörg Weiß", "Łukasz Nowak", "Ines Costa", "Liam O'Brien", "Zoë Vermeulen", "Ute Kranz")
_COMPANIES = ("Adler Logistik", "Bolt & Söhne", "Carga Sur", "Delta Freight", "Express Nord")
_CITIES = ("Aachen", "Zürich", "Málaga", "Kraków", "Lyon", "Den Haag", "Brno", "Graz", "Bergen op Zoom")

Row = dict[str, object]
"""The values of a record as JSON has them."""


@contextmanager
def accepted_contracts(database: Database) -> Iterator[dict[str, Dataset]]:
    """Accepts the benchmark's contracts, and retires them at the end: the datasets by name."""
    contracts = [contract_of_file(path) for path in sorted(_FOLDER.glob("*.yaml"))]
    for contract in contracts:
        accept_contract(database.connection, contract, accepted_by=_WHO)
    try:
        yield {contract.name: contract.dataset for contract in contracts}
    finally:
        database.reset()
        for contract in contracts:
            retire_dataset(database.connection, contract.name, retired_by=_WHO)


def make_contract_sample(folder: Path, dataset: Dataset, records: int, format: Format) -> Sample:
    """A file of good records of one of the benchmark's datasets, in chronological order."""
    folder = folder / f"{dataset.name}-{records}"
    folder.mkdir(exist_ok=True)
    path = folder / f"{dataset.name}.{format}"
    make_row, random = _ROWS[dataset.name], Random(records)
    rows = (make_row(number, random) for number in range(records))
    with path.open("w", newline="") as file:
        if format == "csv":
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(dataset.columns)
            writer.writerows([_cell(value) for value in row.values()] for row in rows)
        else:
            file.writelines(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n" for row in rows)
    return Sample(path, dataset, records)


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, separators=(",", ":")) if isinstance(value, dict | list) else value


def _text_key(number: int, random: Random) -> Row:
    return {
        "parcel_id": f"PKG-2024-{number:09}",
        "customer": random.choice(_NAMES),
        "city": random.choice(_CITIES),
        "weight": _decimal(random, 30, 2),
        "sent_on": _day(number),
    }


def _integer_key(number: int, random: Random) -> Row:
    return {
        "invoice_no": 1_000_000 + number,
        "customer": random.choice(_NAMES),
        "amount": _decimal(random, 5_000, 2),
        "issued_at": _moment(number).isoformat(" "),
        "is_paid": random.random() < 0.8,
    }


def _key_of_three(number: int, random: Random) -> Row:
    trip, stop = divmod(number, 20)
    arrival = (trip * 7 % 1_440 + stop * 3) * 60 + random.randrange(60)
    return {
        "service_date": (date(2024, 1, 1) + timedelta(days=trip // 1_000)).isoformat(),
        "trip_id": f"T{trip % 1_000:05}",
        "stop_sequence": stop + 1,
        "stop_id": f"de:05334:{random.randrange(4_000)}",
        "arrival": _clock(arrival),
        "departure": _clock(arrival + 30),
        "delay": random.randrange(-60, 600),
    }


def _no_key(number: int, random: Random) -> Row:
    return {
        "vehicle": f"TRUCK-{random.randrange(300):03}",
        "measured_at": f"{_moment(number).isoformat()}Z",
        "latitude": round(random.uniform(-40, 60), 6),
        "longitude": round(random.uniform(-70, 25), 6),
        "speed": _decimal(random, 120, 1),
        "temperature": round(random.uniform(-20, 35), 1),
    }


def _mixed_columns(number: int, random: Random) -> Row:
    price = f"{random.uniform(1, 9_000):,.2f}".translate(str.maketrans(",.", ".,"))
    created = _moment(number)
    return {
        "order_no": number + 1,
        "customer": random.choice(_NAMES),
        "company": random.choice(_COMPANIES),
        "city": random.choice(_CITIES),
        "article": f"{random.randrange(10**7):07}-A",
        "remark": random.choice(("call before, please", "n/a", 'leave at the "back door"', "", "n/a", "fragile")),
        "quantity": random.randrange(1, 200),
        "price": price,
        "discount": random.choice((None, "n/a", 2.5, 10, 12.75, "-", 0)),
        "balance": round(random.uniform(-500, 500), 2),
        "weight": _decimal(random, 800, 3),
        "is_express": random.choice(("yes", "no")),
        "is_paid": random.random() < 0.8,
        "ordered_on": created.strftime("%d/%m/%Y"),
        "shipped_on": random.choice((created.date().isoformat(), "n/a", None)),
        "created_at": created.isoformat(" "),
        "delivered_at": f"{(created + timedelta(hours=random.randrange(100))).isoformat()}+02:00",
        "pick_up": f"{random.randrange(6, 20):02}:{random.randrange(60):02}",
        "driving_time": _clock(random.randrange(36 * 3_600)),
        "built_in_year": random.randrange(2005, 2025),
        "tags": random.sample(("cold", "fragile", "pallet", "return"), 2),
        "dimensions": {"length": random.randrange(10, 200), "width": random.randrange(10, 100), "unit": "cm"},
    }


def _nested_objects(number: int, random: Random) -> Row:
    return {
        "delivery_id": f"D{number:08}",
        "customer": {"name": random.choice(_NAMES), "city": random.choice(_CITIES)},
        "position": {"latitude": round(random.uniform(-40, 60), 6), "longitude": round(random.uniform(-70, 25), 6)},
        "items": [{"sku": f"A{random.randrange(1_000)}", "count": random.randrange(1, 9)}],
        "delivered_at": f"{_moment(number).isoformat()}Z",
    }


def _decimal(random: Random, most: int, digits: int) -> float:
    return round(random.uniform(0.01, most), digits)


def _moment(number: int) -> datetime:
    return (_FIRST_DAY + timedelta(seconds=17 * number)).replace(tzinfo=None)


def _day(number: int) -> str:
    return _moment(number).date().isoformat()


def _clock(seconds: int) -> str:
    return f"{seconds // 3_600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


_ROWS: dict[str, Callable[[int, Random], Row]] = {
    "text_key": _text_key,
    "integer_key": _integer_key,
    "key_of_three": _key_of_three,
    "no_key": _no_key,
    "mixed_columns": _mixed_columns,
    "nested_objects": _nested_objects,
}
