"""JSON that holds no records of the dataset: the message says what is required, what was found, and what is nearest."""

from pathlib import Path

import pytest

from logistics_core.catalogue import Dataset
from logistics_pipeline.errors import FileError
from logistics_pipeline.loading.formats.field_names import describe_fields, nearest_names
from tests.datasets import SHIPMENTS, VEHICLES
from tests.unit.test_pages import errors_of, keys_of, read_file


@pytest.mark.parametrize(
    "content, words",
    [
        ('{"error": "unauthorised", "code": 401}', ["found error, code"]),
        ('{"name": "Unauthorised", "message": "log in"}', ["found name, message"]),
        ('["a", "b"]', ['the first is the text "a", not an object']),
        ("[1, 2]", ["the first is the number 1, not an object"]),
        ("[null]", ["the first is null, not an object"]),
        ("[[]]", ["the first is an array, not an object"]),
        ("[{}]", ["found no field names"]),
        ('[{"Vehicle": 1, "TripId": 2}]', ["found Vehicle, TripId"]),
        ('[{"Vehicle ID": 1, "TripId": 2}]', ["nearest: Vehicle ID for vehicle_id"]),
        ('{"VehicleId": 1}\n{"VehicleId": 2}\n', ["nearest: VehicleId for vehicle_id"]),
        ('{"rows": [{"vehicleid": 1}]}', ["array under rows", "nearest: vehicleid for vehicle_id"]),
        ('{"rows": [1, 2]}', ["array under rows", "the first is the number 1"]),
        ('{"a": 1}\n{"a": 2}\n', ["found a"]),
        ('{"vehicles": {"-N1": {"vehicle_id": "a", "tags": ["x"]}}}', ["vehicles is an object here", "as an array"]),
        ('{"-N1": {"vehicle_id": "a"}, "-N2": {"vehicle_id": "b"}}', ["found -N1, -N2"]),
        ("{}", ["found no field names"]),
    ],
)
def test_a_file_of_another_kind_fails(tmp_path: Path, content: str, words: list[str]) -> None:
    with pytest.raises(FileError) as raised:
        read_file(tmp_path / "f", content.encode())

    for word in ["vehicles requires vehicle_id", *words]:
        assert word in raised.value.message


def test_all_required_fields_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="shipments requires shipment_id, origin, destination, log_id; found a"):
        read_file(tmp_path / "f", b'[{"a": 1}]', dataset=SHIPMENTS)


@pytest.mark.parametrize("bad", ['{"a": 1}', "3", '"x"', "null"])
def test_a_few_other_records_before_the_first_good_one_are_rejected_alone(tmp_path: Path, bad: str) -> None:
    good = '{"vehicle_id": "V1"}'
    for content in (
        f"[{','.join([bad] * 600 + [good] * 700)}]",
        "\n".join(["{", *[bad] * 600, *[good] * 700]) if bad.startswith("{") else f'{{"rows": [{bad}, {good}]}}',
    ):
        for reference in (False, True):
            chunks = read_file(tmp_path / "f", content.encode(), reference=reference)
            assert errors_of(chunks) == []
            assert set(keys_of(chunks)) == {"V1"}


def test_files_without_records_are_no_files_of_another_kind(tmp_path: Path) -> None:
    for content in ("[]", " [ ]\n", '{"vehicles": []}', '{"rows": []}\n{"rows": []}'):
        assert errors_of(read_file(tmp_path / "f", content.encode())) == []


def test_blanks_of_any_length_may_come_first(tmp_path: Path) -> None:
    for blank in (" " * 200_000, "\n" * 65_536, " \r\n\t" * 100_000):
        for content in ('[{"vehicle_id": "V1"}]', '{"vehicle_id": "V1"}\n', '{"x": [{"vehicle_id": "V1"}]}'):
            assert keys_of(read_file(tmp_path / "f", (blank + content).encode())) == ["V1"]
    with pytest.raises(FileError, match="The file is empty"):
        read_file(tmp_path / "f", b" " * 200_000)


@pytest.mark.parametrize(
    "dataset, found, nearest",
    [
        (VEHICLES, ["Vehicle ID"], [("vehicle_id", "Vehicle ID")]),
        (VEHICLES, ["vehicle_id", "Vehicle ID"], []),
        (VEHICLES, ["totally", "different"], []),
        (SHIPMENTS, ["shipmentId", "ORIGIN", "weight"], [("shipment_id", "shipmentId"), ("origin", "ORIGIN")]),
    ],
)
def test_nearest_names(dataset: Dataset, found: list[str], nearest: list[tuple[str, str]]) -> None:
    assert nearest_names(dataset, found) == nearest


def test_names_in_messages_are_short_and_printable() -> None:
    text = describe_fields(VEHICLES, ["a\nb", "x" * 10_000, *map(str, range(1000))])

    assert text.isprintable()
    assert len(text) < 400
