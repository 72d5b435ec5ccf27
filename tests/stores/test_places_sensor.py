"""The file sensor watches declared places as it watches the raw folder."""

from collections.abc import Callable

import pytest

from bench.object_store import ACCESS_KEY, SECRET_KEY, Bucket
from logistics_pipeline import ledger
from logistics_pipeline.database.connections import Connection
from tests.orchestration.conftest import System, shipment
from tests.stores.conftest import DEFINITION

Declare = Callable[..., None]


@pytest.fixture
def declare(system: System, bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> Declare:
    """Declares a place; without arguments, the bucket of the test."""
    monkeypatch.setenv("LAKE_KEY", ACCESS_KEY)
    monkeypatch.setenv("LAKE_SECRET", SECRET_KEY)

    def declare(name: str = "lake", url: str = bucket.url, endpoint: str = bucket.endpoint, more: str = "") -> None:
        system.settings.sources_dir.mkdir(exist_ok=True)
        text = DEFINITION.format(url=url, endpoint=endpoint) + more
        (system.settings.sources_dir / f"{name}.yaml").write_text(text)

    return declare


def test_objects_become_partitions_and_are_loaded(
    system: System,
    bucket: Bucket,
    declare: Declare,
    connection: Connection,
) -> None:
    declare()
    bucket.put("shipments/june.json", [shipment(1)])
    bucket.put("shipments/.hidden.json", [shipment(2)])
    bucket.put("shipments/growing.json.part", [shipment(3)])
    system.drop("shipments/local.json", [shipment(4)])

    system.settle()

    key = f"{bucket.url}/shipments/june.json"
    assert system.status("shipments") == {"shipments/local.json": "MATERIALIZED", key: "MATERIALIZED"}
    assert {path: file.state for path, file in system.ledger().items()} == {
        key: "loaded",
        "shipments/local.json": "loaded",
    }
    assert system.tick() == []


def test_a_replaced_object_is_loaded_again_and_a_deleted_one_stays(
    system: System,
    bucket: Bucket,
    declare: Declare,
    connection: Connection,
) -> None:
    declare()
    bucket.put("shipments.json", [shipment(1)])
    system.settle()
    bucket.put("shipments.json", [shipment(1), shipment(2)])
    system.settle()
    bucket.delete("shipments.json")
    system.settle()

    file = system.ledger()[f"{bucket.url}/shipments.json"]
    assert (file.version, file.state, file.records_loaded) == (2, "loaded", 2)


@pytest.mark.slow
def test_a_failed_object_that_is_deleted_is_dismissed_and_loaded_when_it_returns(
    system: System,
    bucket: Bucket,
    declare: Declare,
) -> None:
    declare()
    key = f"{bucket.url}/shipments.json"
    bucket.put("shipments.json", '[{"shipment_id": ')
    system.settle()
    assert system.ledger()[key].state == "failed"
    bucket.delete("shipments.json")
    system.settle()
    assert system.ledger()[key].dismissed_at is not None
    bucket.put("shipments.json", [shipment(1)])
    system.settle()

    assert system.ledger()[key].state == "loaded"


def test_a_place_that_refuses_hinders_no_other_and_says_what_to_do(
    system: System,
    bucket: Bucket,
    declare: Declare,
    connection: Connection,
) -> None:
    declare()
    declare("wrong", url="s3://no-such-bucket")
    declare("silent", url="s3://nobody", endpoint="http://127.0.0.1:9")
    bucket.put("shipments.json", [shipment(1)])
    system.drop("vehicles.json", [{"vehicle_id": "V1"}])

    system.settle()

    assert {file.state for file in system.ledger().values()} == {"loaded"}
    errors = dict(connection.execute("SELECT name, error FROM ingest.places").fetchall())
    assert errors["lake"] is None
    assert "there is no such bucket" in errors["wrong"]
    assert "cannot be listed now" in errors["silent"]
    assert SECRET_KEY not in str(errors)


@pytest.mark.slow
def test_files_of_a_place_that_cannot_be_looked_at_are_not_taken_for_deleted(
    system: System,
    bucket: Bucket,
    declare: Declare,
) -> None:
    declare()
    bucket.put("shipments.json", '[{"shipment_id": ')
    system.settle()
    declare(endpoint="http://127.0.0.1:9")

    system.tick()

    assert system.ledger()[f"{bucket.url}/shipments.json"].dismissed_at is None


def test_the_path_below_the_url_of_the_place_names_the_dataset(
    system: System,
    bucket: Bucket,
    declare: Declare,
) -> None:
    declare(url=f"{bucket.url}/vehicles")  # no file of vehicles: that is where all are
    bucket.put("vehicles/shipments/june.json", [shipment(1)])
    bucket.put("vehicles/other/june.json", [shipment(2)])
    bucket.put("vehicles-2/shipments.json", [shipment(3)])

    system.tick()

    found = {path.removeprefix(bucket.url): file.dataset for path, file in system.ledger().items()}
    assert found == {"/vehicles/shipments/june.json": "shipments", "/vehicles/other/june.json": None}


HOSTILE = [
    "shipments/a..b.json",
    "shipments/x/y...z.json",
    "shipments/sp ace+plus%20.json",
    "shipments/q?x=1&y#z.json",
    "shipments/new\nline.json",
    "shipments/tab\t.json",
    "shipments/ctrl\x01.json",
    "shipments/emoji😀/日本語/ünï.json",
    "shipments/~tilde*'(star).json",
    'shipments/{b}^`"<>|.json',
    "shipments/%#records.json",
    "shipments/" + "L" * 245 + "/" + "M" * 245 + ".json",
]


@pytest.mark.slow
def test_keys_that_no_folder_could_hold_are_loaded(
    system: System,
    bucket: Bucket,
    declare: Declare,
) -> None:
    declare()
    for number, key in enumerate(HOSTILE):
        bucket.put(key, [shipment(number)])

    system.settle()

    files = system.ledger()
    assert len(files) == len(HOSTILE)
    assert {file.state for file in files.values()} == {"loaded"}
    assert set(system.status("shipments").values()) == {"MATERIALIZED"}


def test_somebody_can_ask_for_a_look(
    system: System,
    bucket: Bucket,
    declare: Declare,
    connection: Connection,
) -> None:
    declare()
    assert not ledger.request_look(connection, "lake")
    system.tick()

    assert ledger.request_look(connection, "lake")
    assert ledger.take_requested_looks(connection) == ["lake"]
    assert ledger.take_requested_looks(connection) == []
