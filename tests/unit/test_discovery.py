"""Files on disk: whose they are by their path, what their key is, and which are left alone."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logistics_core.catalogue import built_in_catalogue
from logistics_pipeline.files.folder import LONGEST_KEY, FoundFile, RawFolder, key_of, path_of


@pytest.mark.parametrize(
    "key, dataset",
    [
        ("shipments.json", "shipments"),
        ("shipments-2024-06.ndjson.gz", "shipments"),
        ("shipments/2024/06/part-1.csv", "shipments"),
        ("shipments", "shipments"),
        ("SHIPMENTS.JSON", "shipments"),
        ("shipments 2024.json", "shipments"),
        ("shipments2024.json", "shipments"),
        ("Shipments2024-06.csv.gz", "shipments"),
        ("shipments 2024-06.csv", "shipments"),
        ("shipments (1).csv", "shipments"),
        ("shipments(1).csv", "shipments"),
        ("Shipments_June.csv", "shipments"),
        ("shipments_archive_of_x", "shipments"),
        ("shipments2024/part-1.csv", "shipments"),
        ("vehicle_logs2024.csv", "vehicle_logs"),
        ("VehicleLogs2024.csv", None),
        ("2024shipments.json", None),
        ("vehicles.json", "vehicles"),
        ("vehicles_2024.json", "vehicles"),
        ("vehicle_logs.json", "vehicle_logs"),
        ("vehicle-logs.json", "vehicle_logs"),
        ("vehicle-logs-2024.json", "vehicle_logs"),
        ("Vehicle Logs/may.json", "vehicle_logs"),
        ("vehicle_logs/vehicles.json", "vehicle_logs"),
        ("archive/2024/vehicles.csv", "vehicles"),
        ("from Jane/shipments, corrected.json", "shipments"),
        ("/home/vehicles/incoming/shipments.json", "shipments"),
        ("/home/vehicles/incoming/other.json", None),
        ("My vehicles.json", None),
        ("vehicle.json", None),
        ("vehicle_log.json", None),
        ("shipment.json", None),
        ("myshipments.json", None),
        ("shipmentsold.json", None),
        ("other.json", None),
        ("", None),
    ],
)
def test_the_path_tells_the_dataset(key: str, dataset: str | None) -> None:
    assert built_in_catalogue().dataset_of_path(key) == dataset


NAME_BYTES = st.one_of(
    st.binary(min_size=1, max_size=30).map(lambda name: name.replace(b"/", b"_").replace(b"\0", b"_")),
    st.sampled_from(
        [
            "a b,c.json",
            "отгрузки.json",
            "出荷.json",
            "a\nb",
            "a\tb",
            "x...y",
            "....",
            ".....a",
            "100%.json",
            "%2E",
            "a%0Ab",
            "~",
        ]
    ).map(str.encode),
    st.sampled_from([b"\xff\xfe.json", b"caf\xe9.json", b"\xed\xa0\x80", b"\xc2\x85", b" lead and trail "]),
).filter(lambda name: name not in (b".", b".."))


@settings(deadline=None, max_examples=300)
@given(names=st.lists(NAME_BYTES, min_size=1, max_size=3))
def test_any_file_has_a_key_that_leads_back_to_it_and_breaks_nothing(names: list[bytes]) -> None:
    raw_dir = Path("/data/raw")
    path = raw_dir.joinpath(*map(os.fsdecode, names))

    key = key_of(path, raw_dir)

    assert path_of(key, raw_dir) == path
    assert "..." not in key
    assert key.isprintable() or not any(ord(character) < 32 or 0x7F <= ord(character) < 0xA0 for character in key)
    key.encode()


@settings(deadline=None, max_examples=100)
@given(one=NAME_BYTES, other=NAME_BYTES)
def test_different_files_have_different_keys(one: bytes, other: bytes) -> None:
    raw_dir = Path("/data/raw")
    keys = {key_of(raw_dir / os.fsdecode(name), raw_dir) for name in (one, other)}

    assert len(keys) == len({one, other})


def test_a_key_is_readable_where_nothing_forbids_it() -> None:
    raw_dir = Path("/data/raw")

    assert key_of(raw_dir / "2024/отгрузки, май.json", raw_dir) == "2024/отгрузки, май.json"
    assert key_of(raw_dir / "a...b%\n", raw_dir) == "a.%2E.b%25%0A"


def test_a_file_elsewhere_has_its_absolute_path_as_key(tmp_path: Path) -> None:
    raw_dir = tmp_path / "raw"
    path = tmp_path / "raw-not" / "shipments.json"

    assert key_of(path, raw_dir) == str(path)
    assert path_of(str(path), raw_dir) == path
    assert key_of(raw_dir / ".." / "x.json", raw_dir) == str(tmp_path / "x.json")


def _found(raw_dir: Path) -> dict[str, FoundFile]:
    return {file.key: file for file in RawFolder(raw_dir).find_files()}


def test_files_in_any_folder_are_found_with_size_and_time(tmp_path: Path) -> None:
    (tmp_path / "shipments" / "2024").mkdir(parents=True)
    (tmp_path / "shipments" / "2024" / "a.json").write_bytes(b"[]")
    (tmp_path / "other.txt").write_bytes(b"")
    (tmp_path / os.fsdecode(b"vehicles-\xff.json")).write_bytes(b"x")

    found = _found(tmp_path)

    assert {key: file.dataset for key, file in found.items()} == {
        "shipments/2024/a.json": "shipments",
        "other.txt": None,
        "vehicles-%FF.json": "vehicles",
    }
    file = found["shipments/2024/a.json"]
    assert file.fingerprint == (2, file.path.stat().st_mtime_ns)


@pytest.mark.parametrize(
    "name",
    [
        ".hidden.json",
        ".git/shipments.json",
        "a.json.part",
        "a.JSON.TMP",
        "a.crdownload",
        "a.json~",
        ".a.json.swp",
        "x/.y/z.json",
    ],
)
def test_hidden_and_unfinished_files_are_left_alone(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_bytes(b"[]")

    assert _found(tmp_path) == {}


def test_what_is_not_a_file_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "shipments.json").mkdir()
    os.mkfifo(tmp_path / "shipments-pipe.json")
    (tmp_path / "shipments-broken.json").symlink_to(tmp_path / "gone")
    (tmp_path / "target").write_bytes(b"[]")
    (tmp_path / "vehicles-link.json").symlink_to(tmp_path / "target")

    assert set(_found(tmp_path)) == {"target", "vehicles-link.json"}


def test_a_file_that_vanishes_while_it_is_looked_at_was_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_bytes(b"[]")
    stat = Path.stat

    def vanishing(path: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        if path.name == "a.json":
            path.unlink(missing_ok=True)
        return stat(path, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(Path, "stat", vanishing)

    assert set(_found(tmp_path)) == {"b.json"}


def test_a_raw_folder_that_is_not_there_holds_no_files(tmp_path: Path) -> None:
    assert _found(tmp_path / "gone") == {}
    assert RawFolder(tmp_path).look_at(tmp_path / "gone.json") is None


def test_a_path_too_long_for_a_key_is_found_shortened_and_never_loaded(tmp_path: Path) -> None:
    folder = tmp_path / "shipments"
    for _ in range(5):
        folder /= "\N{LATIN SMALL LETTER E WITH ACUTE}" * 120
    folder.mkdir(parents=True)
    for name in ("a.json", "b.json"):
        (folder / name).write_bytes(b"[]")

    found = sorted(_found(tmp_path).values(), key=lambda file: file.path)

    assert [file.path.name for file in found] == ["a.json", "b.json"]
    assert found[0].key != found[1].key
    for file in found:
        assert len(file.key.encode()) <= LONGEST_KEY
        assert file.is_too_long and file.dataset is None
        assert RawFolder(tmp_path).look_at(file.path, "shipments") == file


def test_a_stated_dataset_overrules_the_path(tmp_path: Path) -> None:
    (tmp_path / "vehicles.json").write_bytes(b"[]")

    found = RawFolder(tmp_path).look_at(tmp_path / "vehicles.json", dataset="shipments")

    assert found is not None
    assert found.dataset == "shipments"


def test_links_to_folders_elsewhere_are_followed_and_none_is_looked_into_twice(tmp_path: Path) -> None:
    raw_dir, elsewhere = tmp_path / "raw", tmp_path / "elsewhere"
    for folder in (raw_dir / "shipments", elsewhere / "inner"):
        folder.mkdir(parents=True)
    (raw_dir / "shipments" / "a.json").touch()
    (elsewhere / "inner" / "shipments.json").touch()
    for name, target in (
        ("mounted", elsewhere),
        ("mounted again", elsewhere / "inner"),
        ("myself", raw_dir),
        ("above", tmp_path),
        ("beside", raw_dir / "shipments"),
    ):
        (raw_dir / name).symlink_to(target)
    (elsewhere / "inner" / "around").symlink_to(elsewhere)

    assert set(_found(raw_dir)) == {"shipments/a.json", "mounted/inner/shipments.json"}


def test_a_folder_that_cannot_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "locked").mkdir()
    (tmp_path / "vehicles.json").touch()
    scan = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    told: list[OSError] = []

    assert [file.key for file in RawFolder(tmp_path).find_files(told.append)] == ["vehicles.json"]
    assert [error.filename for error in told] == [str(tmp_path / "locked")]
