"""Uploads over real HTTP into a real raw folder: whole or not at all, never anywhere else, up to loaded or failed."""

import base64
import errno
import gzip
import hashlib
import json
import os
import socket
import threading
import time
import tracemalloc
import unicodedata
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter
from pydantic_core import PydanticCustomError

from logistics_api.parameters import cursors
from logistics_api.uploads import incoming, receiving, slots, storage
from logistics_api.uploads.names import PATTERN, parse_name
from logistics_api.uploads.schemas import Upload
from logistics_pipeline import ledger
from logistics_pipeline.database.connections import connect
from logistics_pipeline.files.folder import RawFolder
from logistics_pipeline.loading.loader import load_file
from logistics_pipeline.loading.options import LoadOptions
from tests.datasets import DATASETS

UPLOADS = "/api/ingestion/uploads"
CONTENT = json.dumps([{"vehicle_id": "V1"}]).encode()


@dataclass
class Site:
    """A running API and the raw folder it writes to."""

    api: Any
    url: str
    raw_dir: Path
    options: LoadOptions | None = None

    def send(self, name: str, content: Any = CONTENT, *, dataset: str = "vehicles", **more: Any) -> Any:
        """Uploads a file; keywords are headers, with `replace` as a parameter."""
        query = {"dataset": dataset, "filename": name} | ({"replace": more.pop("replace")} if "replace" in more else {})
        headers = {key.replace("_", "-"): value for key, value in more.items()}
        response = self.api.client.post(UPLOADS, params=query, content=content, headers=headers)
        if response.is_success:
            TypeAdapter(Upload).validate_json(response.content, strict=True)
        else:
            self.api.check_problem(response)
        return response

    def accepted(self, *args: Any, **more: Any) -> Any:
        response = self.send(*args, **more)
        assert response.status_code == 202, response.text
        assert response.headers["location"] == f"{UPLOADS}/{response.json()['upload_id']}"
        return response.json()

    def refused(self, status: int, kind: str, *args: Any, **more: Any) -> Any:
        before = self.files()
        response = self.send(*args, **more)
        assert response.status_code == status, response.text
        assert response.json()["type"] == f"urn:logistics:problem:{kind}"
        assert self.files() == before
        self.check_nothing_left_behind()
        return response.json()

    def state(self, upload: Any) -> Any:
        response = self.api.request(f"{UPLOADS}/{upload['upload_id']}")
        assert response.status_code == 200, response.text
        TypeAdapter(Upload).validate_json(response.content, strict=True)
        assert ("retry-after" in response.headers) == (not response.json()["is_final"])
        return response.json()

    def files(self) -> dict[str, bytes]:
        """What the pipeline finds: path and content."""
        return {found.key: found.path.read_bytes() for found in RawFolder(self.raw_dir).find_files()}

    def check_nothing_left_behind(self) -> None:
        hidden = self.raw_dir / incoming.HIDDEN_FOLDER
        assert not hidden.exists() or list(hidden.iterdir()) == []

    def load(self, path: str) -> None:
        found = RawFolder(self.raw_dir).look_at(self.raw_dir / path)
        assert found is not None and self.options is not None
        load_file(self.url, found, self.options)


@pytest.fixture(scope="module")
def refusing(serve: Any, new_database: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One for all tests that leave nothing in it."""
    raw_dir = tmp_path_factory.mktemp("refusing") / "data" / "raw"
    raw_dir.mkdir(parents=True)
    with new_database() as url, serve(url, data_dir=raw_dir.parent) as api:
        yield Site(api, url, raw_dir)


@pytest.fixture
def site(serve: Any, database_url: str, options: LoadOptions) -> Iterator[Site]:
    with serve(database_url, data_dir=options.raw_dir.parent) as api:
        yield Site(api, database_url, options.raw_dir, options)


def test_an_upload_is_followed_until_it_is_loaded(site: Site) -> None:
    upload = site.accepted("fleet 1.json")

    assert upload["path"] == "vehicles/fleet 1.json" and upload["size_bytes"] == len(CONTENT)
    assert upload["sha256"] == hashlib.sha256(CONTENT).hexdigest()
    assert site.files() == {upload["path"]: CONTENT}
    assert upload["state"] == "waiting" and not upload["is_final"] and upload["file"] is None
    found = RawFolder(site.raw_dir).look_at(site.raw_dir / upload["path"])
    assert found is not None and found.dataset == "vehicles"
    with connect(site.url) as connection:
        registered = ledger.register(connection, found)
        assert site.state(upload)["state"] == "registered"
        ledger.begin(connection, registered.file_id, "run 1")
        assert site.state(upload)["state"] == "loading"
    site.load(upload["path"])

    ended = site.state(upload)
    assert ended["state"] == "loaded" and ended["is_final"]
    assert ended["file"]["file_id"] == registered.file_id and ended["file"]["records"]["loaded"] == 1
    site.check_nothing_left_behind()


def test_an_upload_that_is_at_fault_ends_in_failed_and_says_why(site: Site) -> None:
    upload = site.accepted("fleet.json", b'[{"vehicle_id": ')
    site.load(upload["path"])
    ended = site.state(upload)
    assert ended["state"] == "failed" and ended["is_final"]
    assert "ends in the middle" in ended["detail"] == ended["file"]["error"]


def test_compressed_files_are_uploaded_as_they_are(site: Site) -> None:
    upload = site.accepted("fleet.json.gz", gzip.compress(CONTENT))
    site.load(upload["path"])
    assert site.state(upload)["file"]["records"]["loaded"] == 1


@pytest.mark.parametrize("dataset", sorted(DATASETS))
def test_every_dataset_takes_uploads(site: Site, dataset: str) -> None:
    upload = site.accepted("a.json", dataset=dataset)
    found = RawFolder(site.raw_dir).look_at(site.raw_dir / upload["path"])
    assert found is not None and found.dataset == dataset


def test_an_unknown_dataset_is_refused_with_those_there_are(refusing: Site) -> None:
    problem = refusing.refused(422, "invalid-parameters", "a.json", dataset="invoices")
    assert problem["errors"][0]["expected"] == "one of shipments, vehicle_logs, vehicles"


@pytest.mark.parametrize("name", ["shipment", "shipmets", "vehicle_log"])
def test_a_misspelt_dataset_or_folder_is_refused_with_the_nearest(refusing: Site, name: str) -> None:
    nearest = "vehicle_logs" if name.startswith("vehicle") else "shipments"
    problem = refusing.refused(422, "invalid-parameters", "a.json", dataset=name)
    assert problem["errors"][0]["expected"].endswith(f"; the nearest name is {nearest}")
    assert f"Is {nearest} meant?" in problem["detail"] and "leave out `dataset`" in problem["detail"]
    for place in ({"folder": name, "filename": "a.json"}, {"filename": f"{name}.json.gz"}):
        response = refusing.api.client.post(UPLOADS, params=place, content=CONTENT)
        assert response.status_code == 422, response.text
        assert f"send `dataset={nearest}`" in response.json()["detail"]
    assert refusing.files() == {}


def test_a_folder_beside_a_dataset_is_refused(refusing: Site) -> None:
    query = {"dataset": "vehicles", "folder": "fuel", "filename": "a.json"}
    response = refusing.api.client.post(UPLOADS, params=query, content=CONTENT)
    assert response.status_code == 422 and response.json()["errors"][0]["parameter"] == "folder"


HOSTILE = [
    "",
    ".",
    "..",
    "../a.json",
    "..\\a.json",
    "/etc/passwd",
    "a/b.json",
    "a\\b.json",
    "C:\\a.json",
    ".hidden.json",
    "  ",
    " a.json",
    "\u3000a.json",
    "a\0.json",
    "a\r\nSet-Cookie: x=1.json",
    "a\n.json",
    "a\u0085.json",
    "a\u2028.json",
    "a\u202egnp.json",
    "a%2f..json",
    "%2e%2e",
    "a...b.json",
    "a.json.tmp",
    "a.json.PART",
    "a.json~",
    "\ufffd.json",
    "x" * 201,
    "é" * 128,
    "🚚" * 64,
]


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_names_are_refused_and_write_nothing_anywhere(refusing: Site, name: str) -> None:
    everything = sorted(refusing.raw_dir.parent.parent.rglob("*"))
    problem = refusing.refused(422, "invalid-parameters", name)
    assert problem["errors"][0]["parameter"] == "filename"
    assert sorted(refusing.raw_dir.parent.parent.rglob("*")) == everything


@pytest.mark.parametrize(
    "dataset", ["", "..", "../raw", "vehicles/..", "Vehicles", ".uploads", "a\0", "vehicles\r\nX: y"]
)
def test_hostile_datasets_are_refused(refusing: Site, dataset: str) -> None:
    refusing.refused(422, "invalid-parameters", "a.json", dataset=dataset)


@pytest.mark.parametrize(
    "name", ["a b.json", "Ünï 東京.csv", "a'b\"c;$(rm).json", "-rf", "x" * 200, "😀&#[1]?.json", "CON"]
)
def test_odd_but_harmless_names_are_taken_as_they_are(site: Site, name: str) -> None:
    assert site.accepted(name)["path"] == f"vehicles/{name}"
    assert site.files().keys() == {f"vehicles/{name}"}


def test_a_name_is_made_composed_unicode(site: Site) -> None:
    assert site.accepted("cafe\u0301.json")["path"] == "vehicles/caf\u00e9.json"
    assert site.send("caf\u00e9.json").status_code == 200


@settings(max_examples=500, deadline=None)
@given(st.text(min_size=1, max_size=40) | st.from_regex(r"[.a~/\\%]{1,6}(\.tmp|\.json)?", fullmatch=True))
@example("a\u037e")
def test_an_accepted_name_is_one_file_in_its_folder_that_the_pipeline_finds_under_it(
    tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    try:
        accepted = parse_name(name)
    except PydanticCustomError:
        return
    assert accepted == unicodedata.normalize("NFC", name)
    raw_dir = tmp_path_factory.getbasetemp() / "names"
    target = raw_dir / "vehicles" / accepted
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(b"x")
    try:
        (found,) = RawFolder(raw_dir).find_files()
        assert (found.key, found.dataset) == (f"vehicles/{accepted}", "vehicles")
    finally:
        target.unlink()


@settings(max_examples=200, deadline=None)
@given(st.from_regex(PATTERN))
def test_names_that_the_openapi_allows_are_accepted(name: str) -> None:
    if len(name) <= 63 and not name.endswith("\n"):
        parse_name(name)


def test_a_failed_file_is_replaced_by_another_of_its_name(site: Site) -> None:
    site.accepted("a.json", b"[{")
    site.refused(409, "file-exists", "a.json")  # it is not known yet that it will fail
    site.load("vehicles/a.json")

    upload = site.accepted("a.json")
    site.load("vehicles/a.json")

    assert site.files() == {"vehicles/a.json": CONTENT}
    assert site.state(upload)["state"] == "loaded"
    site.refused(409, "file-exists", "a.json", b"[]")


def test_a_name_that_is_taken_is_refused_unless_it_is_to_be_replaced(site: Site) -> None:
    first = site.accepted("a.json")
    other = CONTENT.replace(b"V1", b"V2")
    for content in (other, other + b" "):  # the same size, and another
        problem = site.refused(409, "file-exists", "a.json", content)
        assert "replace=true" in problem["detail"]
    assert site.files() == {"vehicles/a.json": CONTENT}

    second = site.accepted("a.json", other, replace="true")
    assert site.files() == {"vehicles/a.json": other}
    assert site.state(first)["state"] == "replaced" and site.state(second)["state"] == "waiting"


def test_sending_the_same_file_again_changes_nothing_and_tells_what_became_of_it(site: Site) -> None:
    upload = site.accepted("a.json")
    before = (site.raw_dir / "vehicles/a.json").stat()
    site.load("vehicles/a.json")
    for more in ({}, {"replace": "true"}):
        response = site.send("a.json", **more)
        assert response.status_code == 200
        assert response.json()["upload_id"] == upload["upload_id"]
        assert response.json()["state"] == "loaded"
    after = (site.raw_dir / "vehicles/a.json").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_content_that_is_loaded_under_another_name_is_told(site: Site) -> None:
    site.accepted("a.json")
    site.load("vehicles/a.json")
    assert site.accepted("b.json")["same_content"] == {"file_id": 1, "path": "vehicles/a.json"}
    assert site.accepted("c.json", CONTENT + b"\n")["same_content"] is None
    assert site.accepted("a.json", dataset="shipments")["same_content"] is None


def test_an_upload_that_vanished_or_was_replaced_before_it_was_seen_says_so(site: Site) -> None:
    upload = site.accepted("a.json")
    path = site.raw_dir / "vehicles/a.json"
    path.write_bytes(b"something else")
    assert site.state(upload)["state"] == "replaced"
    path.unlink()
    ended = site.state(upload)
    assert ended["state"] == "missing" and ended["is_final"]


def test_an_upload_keeps_its_state_when_newer_content_came_after_it(site: Site) -> None:
    upload = site.accepted("a.json")
    site.load("vehicles/a.json")
    newer = site.accepted("a.json", CONTENT.replace(b"V1", b"V22"), replace="true")
    site.load("vehicles/a.json")
    assert site.state(upload)["file"]["version"] == 1 and site.state(newer)["file"]["version"] == 2
    assert not site.state(upload)["file"]["is_current"]


def test_content_that_comes_back_is_loaded_when_it_is_loaded_again(site: Site) -> None:
    other = CONTENT.replace(b"V1", b"V2")
    for content in (CONTENT, other):
        site.accepted("a.json", content, replace="true")
        site.load("vehicles/a.json")
    back = site.accepted("a.json", CONTENT, replace="true")
    assert (back["state"], back["is_final"], back["file"]) == ("waiting", False, None)
    site.load("vehicles/a.json")
    ended = site.state(back)
    assert (ended["state"], ended["file"]["version"], ended["file"]["is_current"]) == ("loaded", 3, True)


def test_an_upload_that_was_only_touched_stays_loaded(site: Site) -> None:
    upload = site.accepted("a.json")
    site.load("vehicles/a.json")
    os.utime(site.raw_dir / "vehicles/a.json", ns=(1, 1))
    site.load("vehicles/a.json")
    assert site.state(upload)["state"] == "loaded" and site.state(upload)["file"]["version"] == 1


@pytest.mark.parametrize(
    "path", ["vehicles/../../secret", "/secret", "../secret", "vehicles/", "vehicles/.hidden", "a/b/c", "secret", ""]
)
def test_made_up_ids_lead_nowhere(refusing: Site, path: str) -> None:
    made_up = cursors.encode("upload", [path, "0" * 64, 1, 1])
    assert refusing.api.refused(404, f"{UPLOADS}/{made_up}")["type"] == "urn:logistics:problem:unknown-upload"


@pytest.mark.parametrize(
    "path", ["fuel/../../secret", "/secret", "../secret", "fuel/", ".hidden", "a/b/c", "a.tmp", ""]
)
def test_made_up_ids_of_files_of_unknown_shape_lead_nowhere(refusing: Site, path: str) -> None:
    made_up = cursors.encode("upload of unknown shape", [path, "0" * 64, 1, 1, 1])
    assert refusing.api.refused(404, f"{UPLOADS}/{made_up}")["type"] == "urn:logistics:problem:unknown-upload"


@pytest.mark.parametrize("upload_id", ["x", "..", "%2e%2e%2fsecret", "A" * 5000, "Qo3rYw9m3mlbIjE3Il0"])
def test_unknown_ids_are_not_found(refusing: Site, upload_id: str) -> None:
    refusing.api.refused(404, f"{UPLOADS}/{upload_id}")


def test_a_form_is_refused_with_what_to_send_instead(refusing: Site) -> None:
    problem = refusing.refused(415, "multipart-form", "a.json", content_type="multipart/form-data; boundary=x")
    assert "--data-binary" in problem["detail"]


def test_what_curl_calls_a_form_by_default_is_a_file(site: Site) -> None:
    site.accepted("a.json", content_type="application/x-www-form-urlencoded")
    assert site.files() == {"vehicles/a.json": CONTENT}


def small_limit(serve: Any, site: Site, most: int) -> Any:
    return serve(site.url, data_dir=site.raw_dir.parent, upload_max_bytes=most)


def test_a_file_that_is_too_large_is_refused_announced_or_not(serve: Any, site: Site) -> None:
    with small_limit(serve, site, 100) as api:
        small = Site(api, site.url, site.raw_dir, site.options)
        small.accepted("a.json", b"x" * 100)
        small.refused(413, "upload-too-large", "b.json", b"x" * 101)
        small.refused(413, "upload-too-large", "b.json", iter([b"x" * 60, b"x" * 41]))


def test_what_is_announced_as_too_large_is_refused_before_it_is_sent(serve: Any, site: Site) -> None:
    with small_limit(serve, site, 1 << 20) as api, connection_to(api) as client:
        client.sendall(head(api, "a.json", "Content-Length: 99999999999", "Expect: 100-continue"))
        answer = client.recv(65536)
    assert answer.startswith(b"HTTP/1.1 413"), answer


def connection_to(api: Any) -> socket.socket:
    return socket.create_connection((api.client.base_url.host, api.client.base_url.port), timeout=10)


def head(api: Any, name: str, *headers: str) -> bytes:
    lines = [
        f"POST {UPLOADS}?dataset=vehicles&filename={name} HTTP/1.1",
        f"Host: {api.client.base_url.host}:{api.client.base_url.port}",
        *headers,
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def hidden_files(site: Site) -> list[Path]:
    folder = site.raw_dir / incoming.HIDDEN_FOLDER
    return list(folder.iterdir()) if folder.exists() else []


@pytest.mark.parametrize("sent", [1, 3 << 20])
def test_a_client_that_goes_leaves_nothing_behind(site: Site, wait_until: Callable[..., None], sent: int) -> None:
    with connection_to(site.api) as client:
        client.sendall(head(site.api, "a.json", "Content-Length: 5000000"))
        client.sendall(b"x" * sent)
        wait_until(lambda: hidden_files(site))
    wait_until(lambda: not hidden_files(site))
    assert site.files() == {}
    assert site.accepted("a.json")


def test_a_client_that_sends_nothing_is_not_waited_for_for_ever(
    site: Site, monkeypatch: pytest.MonkeyPatch, wait_until: Callable[..., None]
) -> None:
    monkeypatch.setattr(receiving, "STALL_SECONDS", 0.2)
    with connection_to(site.api) as client:
        client.sendall(head(site.api, "a.json", "Content-Length: 10") + b"x")
        assert client.recv(65536).startswith(b"HTTP/1.1 408")
    site.check_nothing_left_behind()


def test_a_server_that_stops_leaves_nothing_behind(
    serve: Any, database_url: str, options: LoadOptions, wait_until: Callable[..., None]
) -> None:
    with serve(database_url, data_dir=options.raw_dir.parent) as api:
        site = Site(api, database_url, options.raw_dir, options)
        client = connection_to(api)
        client.sendall(head(api, "a.json", "Content-Length: 5000000") + b"x" * (2 << 20))
        wait_until(lambda: hidden_files(site))
    client.close()
    assert hidden_files(site) == [] and site.files() == {}


def test_what_a_killed_process_left_behind_is_cleared_away_by_a_later_upload(site: Site) -> None:
    folder = site.raw_dir / incoming.HIDDEN_FOLDER
    folder.mkdir()
    old, young = folder / "old", folder / "young"
    for path in (old, young):
        path.write_bytes(b"x")
    long_ago = time.time() - incoming.LEFTOVER_SECONDS - 1
    os.utime(old, (long_ago, long_ago))
    site.accepted("a.json")
    assert hidden_files(site) == [young]
    assert site.files().keys() == {"vehicles/a.json"}


def test_a_disk_without_room_is_refused(refusing: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "RESERVE_BYTES", 1 << 62)
    refusing.refused(507, "insufficient-storage", "a.json")


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        (errno.ENOSPC, 507, "insufficient-storage"),
        (errno.EDQUOT, 507, "insufficient-storage"),
        (errno.EROFS, 501, "uploads-not-possible"),
    ],
)
@pytest.mark.parametrize("where", ["_store", "_sync"])
def test_a_disk_that_fills_up_amid_a_file_leaves_nothing_of_it(
    refusing: Site, monkeypatch: pytest.MonkeyPatch, where: str, code: int, status: int, kind: str
) -> None:
    stores = iter([None, OSError(code, os.strerror(code))])
    original = getattr(incoming.IncomingFile, where)

    def fail_the_second_time(self: Any, *args: Any) -> None:
        trouble = next(stores) if where == "_store" else OSError(code, os.strerror(code))
        if trouble is not None:
            raise trouble
        original(self, *args)

    monkeypatch.setattr(incoming.IncomingFile, where, fail_the_second_time)
    refusing.refused(status, kind, "a.json", b"x" * (3 << 20))


def test_without_a_raw_folder_uploads_are_not_possible(serve: Any, database_url: str, tmp_path: Path) -> None:
    (tmp_path / "file").mkdir()
    (tmp_path / "file/raw").write_bytes(b"")
    for folder in ("nowhere", "file"):
        with serve(database_url, data_dir=tmp_path / folder) as api:
            response = api.client.post(UPLOADS, params={"dataset": "vehicles", "filename": "a.json"}, content=b"x")
        assert response.status_code == 501
        assert "LOGISTICS_DATA_DIR" in response.json()["detail"]
    assert not (tmp_path / "nowhere").exists()


def test_an_empty_body_is_refused_announced_or_not(refusing: Site) -> None:
    refusing.refused(422, "empty-upload", "a.json", b"")
    refusing.refused(422, "empty-upload", "a.json", iter([]))


def digest(content: bytes, algorithm: str = "sha-256") -> str:
    return f"{algorithm}=:{base64.b64encode(hashlib.sha256(content).digest()).decode()}:"


def test_a_file_that_arrives_as_its_digest_says_is_taken_and_another_is_not(site: Site) -> None:
    for number, headers in enumerate(
        [
            {"Repr_Digest": digest(CONTENT)},
            {"Content_Digest": f"sha-512=:abc:, {digest(CONTENT)}"},
            {"X_Checksum_SHA256": hashlib.sha256(CONTENT).hexdigest().upper()},
            {"Repr_Digest": digest(CONTENT), "X_Checksum_SHA256": hashlib.sha256(CONTENT).hexdigest()},
            {"Repr_Digest": "md5=:abc:"},
        ]
    ):
        site.accepted(f"{number}.json", **headers)
    site.refused(422, "digest-mismatch", "a.json", CONTENT[:-1], Repr_Digest=digest(CONTENT))
    site.refused(422, "digest-mismatch", "a.json", X_Checksum_SHA256="0" * 64)


@pytest.mark.parametrize(
    "headers",
    [
        {"Repr_Digest": "sha-256=abc"},
        {"Repr_Digest": "sha-256=:abc:"},
        {"Repr_Digest": "sha-256=:YWJj:"},
        {"X_Checksum_SHA256": "xyz"},
        {"X_Checksum_SHA256": ""},
        {"X_Checksum_SHA256": "0" * 64, "Repr_Digest": digest(b"x")},
    ],
)
def test_a_digest_that_is_none_is_refused(refusing: Site, headers: dict[str, str]) -> None:
    refusing.refused(400, "malformed-digest", "a.json", **headers)


def test_a_body_that_was_encoded_on_its_way_is_refused(site: Site) -> None:
    site.refused(415, "content-encoding", "a.json", gzip.compress(CONTENT), Content_Encoding="gzip")
    site.accepted("a.json", Content_Encoding="identity")


def test_of_many_uploads_of_one_name_one_wins_and_the_others_are_told(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slots, "MAX_CONCURRENT", 100)
    contents = [json.dumps([{"vehicle_id": f"V{number}"}]).encode() for number in range(8)]
    together = threading.Barrier(len(contents))

    def send(content: bytes) -> int:
        def body() -> Iterator[bytes]:
            yield content[:5]
            together.wait(timeout=60)
            yield content[5:]

        return int(site.send("a.json", body()).status_code)

    with ThreadPoolExecutor(len(contents)) as pool:
        different = list(pool.map(send, contents))
    assert sorted(different) == [202, *[409] * 7]
    assert site.files()["vehicles/a.json"] == contents[different.index(202)]
    with ThreadPoolExecutor(len(contents)) as pool:
        same = list(pool.map(send, [contents[different.index(202)]] * 8))
    assert same == [200] * 8
    site.check_nothing_left_behind()


def test_a_file_system_without_links_still_never_overwrites(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(storage.os, "link", refuse)
    site.accepted("a.json")
    site.refused(409, "file-exists", "a.json", CONTENT.replace(b"V1", b"V2"))
    assert site.files() == {"vehicles/a.json": CONTENT}


def test_more_uploads_at_once_than_are_taken_are_told_to_come_back(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots, "MAX_CONCURRENT", 0)
    site.refused(503, "too-many-uploads", "a.json")
    monkeypatch.setattr(slots, "MAX_CONCURRENT", 1)
    for number in range(3):
        site.accepted(f"{number}.json")


def test_a_large_file_takes_no_memory_to_speak_of(site: Site) -> None:
    block, blocks = b"x" * (64 << 10), 512

    def body() -> Iterator[bytes]:
        for _ in range(blocks):
            yield block

    tracemalloc.start()
    try:
        upload = site.accepted("large.json", body())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert upload["size_bytes"] == 32 << 20
    assert peak < 12 << 20


def test_a_page_of_another_site_uploads_nothing(refusing: Site) -> None:
    for headers in ({"Sec_Fetch_Site": "cross-site"}, {"Origin": "https://evil.example"}):
        refusing.refused(403, "foreign-origin", "a.json", **headers)


def test_unknown_parameters_and_other_methods_are_refused(site: Site) -> None:
    response = site.api.client.post(UPLOADS, params={"dataset": "vehicles", "filename": "a", "x": 1}, content=b"x")
    assert response.status_code == 422
    assert site.send("a.json", replace="1").status_code == 422
    assert site.api.client.get(UPLOADS).status_code == 405
    assert site.files() == {}


@pytest.mark.slow
def test_the_openapi_says_what_an_upload_is(refusing: Site) -> None:
    operation = refusing.api.get("/openapi.json")["paths"][UPLOADS]["post"]
    assert operation["requestBody"]["required"]
    assert operation["requestBody"]["content"].keys() == {"application/octet-stream"}
    assert {"200", "202", "400", "408", "409", "413", "415", "422", "501", "503", "507"} <= operation[
        "responses"
    ].keys()
    assert "Location" in operation["responses"]["202"]["headers"]
    assert {parameter["name"] for parameter in operation["parameters"]} == {"dataset", "filename", "folder", "replace"}
