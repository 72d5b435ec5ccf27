"""Files of web servers: listed, read by parts of one version, and never mixed."""

import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from logistics_core.places.definition import PlaceDefinition
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.errors import FileChangedError, FileError, TransientError
from logistics_pipeline.files.http_files import HttpStore
from logistics_pipeline.files.places import Place
from logistics_pipeline.files.remote_file import store_of
from logistics_pipeline.files.stores import PlaceError
from logistics_pipeline.loading.loader import load_file
from logistics_pipeline.loading.options import LoadOptions
from tests.ports import free_port
from tests.stores.conftest import opened, shipments
from tests.stores.web import Web, serving

pytestmark = pytest.mark.usefixtures("no_pauses")


@pytest.fixture
def web() -> Iterator[Web]:
    with serving() as server:
        yield server


def at(web: Web, path: str = "/in/", **others: Any) -> PlaceDefinition:
    return PlaceDefinition("web", f"{web.url}{path}", private=True, **others)


def listed(place: PlaceDefinition) -> set[str]:
    return {each.key for page in store_of(place).pages() for each in page}


NAMES = ["june.csv", "a b+c%20.csv", "ü/日本語.csv", "q?x=1#y.csv", "deep/er/est.csv", "latin-\udce9.csv"]


def test_a_listing_gives_all_files_below_it_whatever_their_names(web: Web) -> None:
    for name in NAMES:
        web.put(f"/in/{name}", name.encode(errors="surrogateescape"))
    web.put("/elsewhere/x.csv", b"x")
    place = at(web)

    assert listed(place) == set(NAMES)
    for name in NAMES:
        assert opened(place, name).open().read() == name.encode(errors="surrogateescape")
        assert Place(place).raw_key(Place(place).key_of(name)) == name


def test_links_to_other_hosts_and_upwards_are_not_followed(web: Web) -> None:
    web.put("/in/a.csv", b"a")
    web.put("/secret.csv", b"s")
    page = b'<a href="http://169.254.169.254/x.csv">x</a><a href="/secret.csv">s</a><a href="%2e%2e/secret.csv">t</a>'
    page += b'<a href="a.csv">a</a><a href="..%2fsecret.csv">u</a><a href="a.csv?token=1">v</a><a href="#top">w</a>'
    store = store_of(at(web))
    assert isinstance(store, HttpStore)
    store._get = lambda address: (page, "text/html")  # type: ignore[method-assign]

    assert [each.key for each in next(store.pages())] == ["a.csv"]


def test_what_a_listing_shows_unchanged_is_not_asked_about_again(web: Web) -> None:
    for number in range(20):
        web.put(f"/in/{number}.csv", b"1")
    place = at(web)
    listed(place)
    web.asked.clear()
    web.put("/in/7.csv", b"22")

    assert len(listed(place)) == 20
    assert web.asked == ["HEAD /in/7.csv 0"]


def test_a_single_file_and_a_list_of_addresses(web: Web) -> None:
    web.put("/in/a.csv", b"a")
    web.put("/other/b.csv", b"b")
    web.put("/list.txt", f"# all\n/in/a.csv\n{web.url}/other/b.csv\n".encode())

    assert listed(at(web, "/in/a.csv")) == {"a.csv"}
    assert listed(at(web, "/list.txt", options={"list": "urls"})) == {"in/a.csv", "other/b.csv"}
    web.put("/list.txt", b"http://169.254.169.254/x\n")
    with pytest.raises(PlaceError, match="line 1"):
        listed(at(web, "/list.txt", options={"list": "urls"}))


@pytest.mark.parametrize(("has_etags", "obeys"), [(True, True), (True, False), (False, True), (False, False)])
def test_a_file_that_is_replaced_while_it_is_read_is_never_mixed(has_etags: bool, obeys: bool, web: Web) -> None:
    web.has_etags, web.obeys_conditions = has_etags, obeys
    web.put("/in/a.csv", b"1" * (3 << 20), modified=1_700_000_000)
    file = opened(at(web), "a.csv")
    web.on_read = [lambda: None, lambda: web.put("/in/a.csv", b"2" * (3 << 20), modified=1_700_000_060)]

    with file.open() as stream, pytest.raises(FileChangedError):
        while block := stream.read(1 << 16):
            assert set(block) == {ord("1")}


def test_cut_connections_and_short_failures_are_mended(web: Web) -> None:
    content = os.urandom(5 << 20)
    web.put("/in/a.bin", content)
    file = opened(at(web), "a.bin")
    web.cut_after, web.fails = [100, 1 << 20, 0], [503, 429]

    assert sha256(file.open().read()).digest() == sha256(content).digest()


def test_a_server_that_stays_away_is_a_transient_error(web: Web) -> None:
    web.put("/in/a.csv", b"a")
    file = opened(at(web), "a.csv")
    web.fails = [503] * 20

    with pytest.raises(TransientError, match="503"):
        file.open().read()


@pytest.mark.parametrize(("status", "text"), [(401, "access is denied"), (403, "access is denied"), (418, "HTTP 418")])
def test_refusals_say_what_to_do(status: int, text: str, web: Web) -> None:
    web.put("/in/a.csv", b"a")
    file = opened(at(web), "a.csv")
    web.fails = [status]

    with pytest.raises(FileError, match=text):
        file.open().read()


def test_credentials_are_sent_and_never_told(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    web.put("/in/a.csv", b"a")
    web.authorization = "Bearer token-4711"

    assert listed(at(web, credentials={"token": "token-4711"})) == {"a.csv"}
    with pytest.raises(PlaceError) as refused:
        listed(at(web, credentials={"token": "token-0815"}))
    assert "0815" not in str(refused.value)


def test_redirections_lead_nowhere_else(web: Web) -> None:
    web.redirects = {"/in/": "http://169.254.169.254/latest/", "/old/": "/new/"}
    web.put("/new/a.csv", b"a")

    with pytest.raises(PlaceError, match="redirected elsewhere"):
        listed(at(web))


def test_private_addresses_must_be_declared(web: Web) -> None:
    with pytest.raises(PlaceError, match="private: true"):
        HttpStore(replace(at(web), private=False))


def test_a_server_without_parts_needs_land(web: Web) -> None:
    web.has_ranges = False
    web.put("/in/small.csv", b"a" * 1000)
    web.put("/in/large.csv", b"a" * (2 << 20))

    assert len(opened(at(web), "small.csv").open().read()) == 1000
    with pytest.raises(FileError, match="land: true"):
        opened(at(web), "large.csv").open().read()


def test_a_file_is_loaded_with_its_address_as_key(
    web: Web, options: LoadOptions, database_url: str, connection: Connection
) -> None:
    web.put("/in/shipments/june.ndjson", shipments(0, 20))
    place = at(web)
    known = replace(options, places=(place,))
    found = known.folder.look_at_key(f"{web.url}/in/shipments/june.ndjson")
    assert found is not None

    report = load_file(database_url, found, known)

    assert report.is_loaded, report.file.error
    assert report.file.dataset == "shipments"
    assert connection.execute("SELECT count(*) FROM raw.shipments").fetchone() == (20,)


@pytest.mark.skipif("LOGISTICS_TEST_NGINX" not in os.environ, reason="needs nginx")
@pytest.mark.parametrize("listing", ["html", "json"])
def test_the_listings_of_nginx(listing: str, tmp_path: Path) -> None:
    root = tmp_path / "root" / "in"
    (root / "deep").mkdir(parents=True)
    names = ["a b+c%20.csv", "ü日本語.csv", "deep/x.csv", "q?x#y.csv", "long-" + "n" * 100 + ".csv"]
    for name in names:
        (root / name).write_bytes(name.encode())
    port = free_port()
    config = tmp_path / "nginx.conf"
    config.write_text(
        f"user root; daemon off; pid {tmp_path}/pid; error_log {tmp_path}/error; events {{}}\n"
        f"http {{ access_log off; client_body_temp_path {tmp_path}/b; proxy_temp_path {tmp_path}/p;\n"
        f"fastcgi_temp_path {tmp_path}/f; uwsgi_temp_path {tmp_path}/u; scgi_temp_path {tmp_path}/s;\n"
        f"server {{ listen 127.0.0.1:{port}; root {tmp_path}/root; autoindex on; autoindex_format {listing}; }} }}\n"
    )
    with subprocess.Popen(["nginx", "-c", config, "-e", tmp_path / "error"]) as process:
        try:
            place = PlaceDefinition("web", f"http://127.0.0.1:{port}/in/", private=True)
            found = set[str]()
            for _ in range(100):
                try:
                    found = listed(place)
                    break
                except TransientError:
                    time.sleep(0.05)
            assert found == set(names)
            for name in names:
                assert opened(place, name).open().read() == name.encode()
        finally:
            process.terminate()
