"""Ids that a spreadsheet has shortened to rounded numbers are kept as delivered and counted; the file has a warning."""

import pytest

from tests.database.conftest import FolderUnderTest
from tests.database.records import log, vehicle


@pytest.mark.parametrize("shortened", ["1.23457E+12", "1,23457E+12", "9E+15", "1.23457E+100"])
def test_a_file_with_shortened_ids_has_a_warning_with_their_number(raw_folder: FolderUnderTest, shortened: str) -> None:
    records = [vehicle(number) for number in range(20)] + [{"vehicle_id": shortened}] * 12

    file = raw_folder.drop_and_load("vehicles.json", records).file

    assert (file.state, file.records_loaded, file.records_superseded) == ("loaded", 21, 11)
    assert file.warning is not None
    assert file.warning.startswith(f"12 values of vehicle_id ({shortened}) look like numbers that a spreadsheet")


def test_columns_that_refer_to_other_records_count_as_well(raw_folder: FolderUnderTest) -> None:
    records = [log(1), log(2, vehicle_id="1.23457E+12")]

    warning = raw_folder.drop_and_load("vehicle_logs.json", records).file.warning

    assert warning is not None and warning.startswith("1 value of vehicle_id (1.23457E+12)")


def test_the_count_is_of_the_whole_file_and_of_one_load(raw_folder: FolderUnderTest) -> None:
    records = [{"vehicle_id": f"{number}.5E+12"} for number in range(1, 10)]
    found = raw_folder.drop("vehicles.json", [*records, *records])  # more than one batch

    warning = raw_folder.load(found).file.warning

    assert warning is not None and warning.startswith("18 values")


@pytest.mark.parametrize("plain", ["1E+5", "E+12", "A1.2E+12", "1.2E+12B", "1.2e12", "1.2E-12", "12E+12"])
def test_other_ids_and_numbers_are_plain(raw_folder: FolderUnderTest, plain: str) -> None:
    records = [{"vehicle_id": plain, "name": "1.23457E+12", "total_mileage": "1.2E+12"}]

    assert raw_folder.drop_and_load("vehicles.json", records).file.warning is None
