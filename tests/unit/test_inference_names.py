"""Names for the database, made from titles."""

from pathlib import PurePath

import pytest

from logistics_core.catalogue.contract_files import FILTER_SUFFIXES, RESERVED_FIELDS, RESERVED_NAMES
from logistics_pipeline.inference.names import MAX_CHARACTERS, SQL_WORDS, dataset_name, field_names, words_of


@pytest.mark.parametrize(
    ("titles", "names"),
    [
        (["Vehicle ID", "vehicleId", "VEHICLE.ID"], ["vehicle_id", "vehicle_id_2", "vehicle_id_3"]),
        (["Größe", "Straße", "Ærø", "Łódź"], ["groesse", "strasse", "aero", "lodz"]),
        (["Сумма", "Щука", "Αθήνα"], ["summa", "shchuka", "athina"]),
        (["", "名前", "  "], ["column_1", "column_2", "column_3"]),
        (["1st", "2024"], ["column_1st", "column_2024"]),
        (["Tax %", "Price ($)", "No. #"], ["tax_percent", "price_usd", "no_no"]),
        (["order", "user", "select"], ["order_column", "user_column", "select_column"]),
        (
            ["count", "size", "file_id", "model_year"],
            ["count_column", "size_column", "file_id_column", "column_model_year"],
        ),
        (["cost", "cost_from"], ["cost", "cost_from_2"]),
        (["cost_from", "cost"], ["cost_from", "cost_2"]),
        (['x"; drop table y; --'], ["x_drop_table_y"]),
        (["CO2HTMLReport"], ["co2_html_report"]),
    ],
)
def test_names(titles: list[str], names: list[str]) -> None:
    assert field_names(titles) == names


def test_names_are_short_unique_and_allowed() -> None:
    titles = ["a very long title that goes on and on " * 3] * 30 + ["from", "a", "A", "_", "é" * 90]

    names = field_names(titles)

    assert len(set(names)) == len(names)
    assert max(map(len, names)) <= MAX_CHARACTERS
    assert not set(names) & (RESERVED_NAMES | RESERVED_FIELDS | SQL_WORDS)
    assert all(name.isascii() and name[0].isalpha() for name in names)
    assert not any(f"{name}{suffix}" in names for name in names for suffix in FILTER_SUFFIXES)


def test_words() -> None:
    assert words_of("VehicleID of the Fahrer-Nr.") == ["vehicle", "id", "of", "the", "fahrer", "nr"]


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("tankkarten-2024-H1.csv", "tankkarten"),
        ("tankkarten_2024Q3.csv", "tankkarten"),
        ("sales-KW-12.csv", "sales"),
        ("orders2024.csv", "orders"),
        ("orders_20240101T120000.csv", "orders"),
        ("orders_part_2.csv.gz", "orders"),
        ("depart_1.csv", "depart"),
        ("tank_a4.csv", "tank_a4"),
    ],
)
def test_dates_at_the_end_of_a_file_name_are_no_part_of_the_dataset_and_nothing_is_torn(file: str, name: str) -> None:
    assert dataset_name(PurePath(file)) == name
