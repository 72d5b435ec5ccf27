"""Places in Azure Blob Storage and Google Cloud Storage, by servers of others: Azurite and fake-gcs-server.

They are packages for Node.js and Python, in the folder that LOGISTICS_TEST_SOURCE_PEERS names; .ci/run fills it.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import httpx2
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from logistics_core.places.definition import PlaceDefinition
from logistics_core.places.upload_addresses import UploadAddressError, upload_address
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.errors import FileChangedError
from logistics_pipeline.exports.backup import export_everything, restore
from logistics_pipeline.exports.destinations import destination
from logistics_pipeline.files.remote_file import store_of
from logistics_pipeline.files.stores import PlaceError
from logistics_pipeline.loading.options import LoadOptions
from tests.ports import free_port
from tests.sources.test_real_peers import node, peers, serving  # noqa: F401
from tests.stores.conftest import shipments
from tests.stores.test_exports import empty_url, filled  # noqa: F401
from tests.stores.test_s3_loads import load

pytestmark = pytest.mark.slow

ACCOUNT = "devstoreaccount1"
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""Of every Azurite."""
_numbers = count()


@dataclass(frozen=True)
class Cloud:
    """An empty place, as somebody else fills it."""

    place: PlaceDefinition
    put: Callable[[str, bytes], object]


NewCloud = Callable[[], Cloud]


@pytest.fixture(scope="module")
def azure(peers: Path) -> Iterator[NewCloud]:  # noqa: F811
    url = f"http://127.0.0.1:{(port := free_port())}"
    command = [*node(peers, "azurite", "dist/src/blob/main.js"), "--blobHost", "127.0.0.1", "--blobPort", str(port)]
    command += ["--silent", "--inMemoryPersistence", "--disableTelemetry", "--skipApiVersionCheck"]

    def make() -> Cloud:
        name = f"container-{next(_numbers)}"
        created = httpx2.put(f"{url}/{ACCOUNT}/{name}?restype=container", headers=_signed(name))
        assert created.status_code == 201, created.text
        place = PlaceDefinition(
            "lake",
            f"az://{name}/incoming",
            options={"endpoint": f"{url}/{ACCOUNT}", "accountName": ACCOUNT},
            credentials={"accountKey": ACCOUNT_KEY},
        )
        return Cloud(place, lambda name, content: store_of(place).upload(name, [content[:4], content[4:]]))

    with serving(command, f"{url}/{ACCOUNT}?comp=list"):
        yield make


def _signed(container: str) -> dict[str, str]:
    """Headers of the request that makes a container: no client of ours can."""
    date = datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
    what = "PUT" + "\n" * 12 + f"x-ms-date:{date}\nx-ms-version:2021-08-06\n/{ACCOUNT}/{ACCOUNT}/{container}"
    key = base64.b64decode(ACCOUNT_KEY)
    signature = base64.b64encode(hmac.new(key, f"{what}\nrestype:container".encode(), hashlib.sha256).digest()).decode()
    signed = {"Authorization": f"SharedKey {ACCOUNT}:{signature}", "Content-Length": "0"}
    return signed | {"x-ms-date": date, "x-ms-version": "2021-08-06"}


@pytest.fixture(scope="module")
def google(peers: Path) -> Iterator[NewCloud]:  # noqa: F811
    url = f"http://127.0.0.1:{(port := free_port())}"
    (program,) = peers.glob("fake-gcs/lib/*/site-packages/*/vendor/fake-gcs-server/bin/*linux-amd64")
    command = [str(program), "-scheme", "http", "-host", "127.0.0.1", "-port", str(port), "-backend", "memory"]
    command += ["-public-host", f"127.0.0.1:{port}", "-external-url", url]
    key = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    account = {"type": "service_account", "client_email": "tests@example.com", "private_key_id": "1"}
    account |= {"private_key": key.decode(), "gcs_base_url": url}

    def make() -> Cloud:
        name = f"bucket-{next(_numbers)}"
        created = httpx2.post(f"{url}/storage/v1/b?project=tests", json={"name": name})
        assert created.status_code == 200, created.text
        place = PlaceDefinition(
            "lake",
            f"gs://{name}/incoming",
            options={"endpoint": url},
            credentials={"serviceAccountKey": json.dumps(account | {"disable_oauth": True})},
        )
        upload = f"{url}/upload/storage/v1/b/{name}/o"

        def put(key: str, content: bytes) -> None:
            """By the API in JSON: fake-gcs-server does not take what obstore sends."""
            query = {"uploadType": "media", "name": f"incoming/{key}"}
            assert httpx2.post(upload, params=query, content=content).status_code == 200

        return Cloud(place, put)

    program.chmod(0o755)
    with serving(command, f"{url}/storage/v1/b?project=tests"):
        yield make


@pytest.fixture(params=["azure", "google"])
def cloud(request: pytest.FixtureRequest) -> Cloud:
    """An empty place of each kind."""
    make: NewCloud = request.getfixturevalue(request.param)
    return make()


def test_objects_are_listed_looked_at_and_read_by_ranges(cloud: Cloud) -> None:
    store = store_of(cloud.place)
    names = ["shipments/a b.json", "shipments/ünï+%20.json", "shipments/deep/er/c.json"]
    for name in names:
        cloud.put(name, b"0123456789")

    listed = {each.key: each.version for page in store.pages() for each in page}

    assert sorted(listed) == sorted(names)
    for name in names:
        version = store.look(name)
        assert version is not None and version.size_bytes == 10 and version.etag
        assert version.fingerprint == listed[name].fingerprint
        assert store.read(name, version, 2, 5) == b"234"
    assert store.look("shipments/none.json") is None


def test_a_replaced_object_is_never_mixed_with_its_new_content(cloud: Cloud) -> None:
    store = store_of(cloud.place)
    cloud.put("a.csv", b"1" * 100)
    version = store.look("a.csv")
    assert version is not None
    cloud.put("a.csv", b"2" * 100)

    with pytest.raises(FileChangedError):
        store.read("a.csv", version, 0, 50)
    again = store.look("a.csv")
    assert again is not None and again.fingerprint != version.fingerprint


def test_an_object_is_loaded_once_and_its_replacement_as_a_new_version(
    cloud: Cloud, options: LoadOptions, database_url: str
) -> None:
    lake = replace(options, places=(cloud.place,))
    key = f"{cloud.place.url}/shipments/june 1.ndjson"
    cloud.put("shipments/june 1.ndjson", shipments(0, 20))

    first = load(database_url, key, lake)
    assert first.is_loaded and first.file.dataset == "shipments", first.file.error
    assert load(database_url, key, lake).was_loaded_before
    cloud.put("shipments/june 1.ndjson", shipments(1, 21))

    assert load(database_url, key, lake).file.version == 2


# -- Azure alone: fake-gcs-server checks no key, and takes neither uploads nor signed requests as obstore makes them ---


def test_a_container_that_does_not_exist_is_said(azure: NewCloud) -> None:
    missing = replace(azure().place, url="az://no-container/incoming")

    with pytest.raises(PlaceError, match="there is no such bucket"):
        list(store_of(missing).pages())


def test_a_wrong_key_is_said(azure: NewCloud) -> None:
    wrong = replace(azure().place, credentials={"accountKey": base64.b64encode(b"x" * 64).decode()})

    with pytest.raises(PlaceError, match="access is denied"):
        list(store_of(wrong).pages())
    with pytest.raises(PlaceError, match="access is denied"):
        store_of(wrong).look("a.csv")


def test_a_large_object_is_stored_in_parts_and_loaded(
    azure: NewCloud, options: LoadOptions, database_url: str, connection: Connection
) -> None:
    place = azure().place
    content = shipments(0, 90_000, note="x" * 200)
    assert len(content) > 20 << 20
    blocks = (content[at : at + (1 << 20)] for at in range(0, len(content), 1 << 20))
    store_of(place).upload("shipments/large.ndjson", blocks)
    limits = replace(options.batch, records=50_000, bytes=16 << 20)

    key = f"{place.url}/shipments/large.ndjson"
    report = load(database_url, key, replace(options, places=(place,), chunk_bytes=64 * 1024, batch=limits))

    assert report.is_loaded, report.file.error
    assert report.file.content_hash == hashlib.sha256(content).hexdigest()
    assert connection.execute("SELECT count(*) FROM raw.shipments").fetchone() == (90_000,)


def test_a_database_is_exported_and_restored(azure: NewCloud, filled: str, empty_url: str) -> None:  # noqa: F811
    place = azure().place
    to = destination(place.url.replace("incoming", "backups"), (place,))

    manifest = export_everything(filled, to)

    assert restore(empty_url, to).rows == sum(file.rows for file in manifest.files)


def test_a_file_is_sent_to_a_signed_address(azure: NewCloud) -> None:
    place = azure().place
    address = upload_address(place, "shipments/june-1_a.json", 60)

    assert httpx2.put(address.url, content=b"[]", headers=address.headers).status_code == 201
    version = store_of(place).look("shipments/june-1_a.json")
    assert version is not None and version.size_bytes == 2
    with pytest.raises(UploadAddressError, match="only for names of letters"):
        upload_address(place, "shipments/june 1.json", 60)
