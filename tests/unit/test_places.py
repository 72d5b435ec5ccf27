"""Keys of files at places: any name that a store may have, and back."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logistics_core.places.definition import PlaceDefinition
from logistics_pipeline.files.folder import nested_key
from logistics_pipeline.files.places import LONGEST_REMOTE_KEY, Place, WatchedPlaces, path_of_url
from logistics_pipeline.files.stores import ListedFile, PlaceError, StoredVersion

PLACE = Place(PlaceDefinition("lake", "s3://bucket/in"))
VERSION = StoredVersion(1, 1, "e")


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=300))
def test_every_key_leads_back_to_its_object(raw_key: str) -> None:
    key = PLACE.key_of(raw_key)

    assert len(key.encode()) <= LONGEST_REMOTE_KEY
    assert key.isprintable() or not any(character < " " for character in key)
    assert "..." not in key
    assert PLACE.raw_key(key) == raw_key
    assert PLACE.raw_key(nested_key(key, "lines")) == raw_key


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=300), st.text(max_size=300))
def test_rejects_of_objects_stay_in_their_folder_and_never_share_a_file(one: str, other: str) -> None:
    keys = {PLACE.key_of(each.encode(errors="ignore").decode()) for each in (one, other)}

    names = {path_of_url(key) for key in keys}

    assert len(names) == len(keys)
    for name in names:
        assert ".." not in name.parts and not name.is_absolute()
        assert max(len(part.encode()) for part in name.parts) <= 255


@pytest.mark.parametrize(
    ("raw_key", "dataset"),
    [
        ("shipments.json", "shipments"),
        ("/shipments.json", "shipments"),
        ("a//shipments/june.json", "shipments"),
        ("a/../shipments/june.json", "shipments"),
        ("june.json", None),
        ("%" * 1000 + "/shipments.json", None),  # too long once it is encoded
    ],
)
def test_the_path_below_the_url_names_the_dataset(raw_key: str, dataset: str | None) -> None:
    assert PLACE.found(raw_key, VERSION).dataset == dataset


@pytest.mark.parametrize(
    ("raw_key", "counts"),
    [
        ("a//b.csv", True),
        ("a/../b.csv", True),
        ("./b.csv", True),
        ("a..b.csv", True),
        ("a/.hidden/b.csv", False),
        (".b.csv", False),
        ("b.csv.part", False),
        ("folder/", False),
    ],
)
def test_what_counts_is_what_counts_in_the_raw_folder(raw_key: str, counts: bool) -> None:
    assert PLACE.counts(ListedFile(raw_key, VERSION)) == counts


def test_of_two_places_within_each_other_the_inner_one_has_the_file(tmp_path: Path) -> None:
    outer, inner = PlaceDefinition("outer", "s3://bucket"), PlaceDefinition("inner", "s3://bucket/in/")
    folder = WatchedPlaces.of(tmp_path, PLACE.catalogue, [outer, inner])

    assert folder.place_of("s3://bucket/in/a.csv").name == "inner"
    assert folder.place_of("s3://bucket/inner.csv").name == "outer"
    with pytest.raises(PlaceError, match="no declared place"):
        folder.place_of("s3://bucket-2/a.csv")
