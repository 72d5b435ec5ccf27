"""The session of a browser: a key kept in a cookie that no script and no other site can use."""

from collections.abc import Iterator
from http.cookies import SimpleCookie
from typing import Any

import httpx2
import pytest

from logistics_api.session.endpoints import MOST_BYTES
from logistics_pipeline.database.api_keys import create_key
from logistics_pipeline.database.connections import connect

BEYOND = {"api_published_at": "192.0.2.1"}
OF_NO_PERSON = {"rows": None, "person_id": None, "roles": [], "groups": [], "ends_at": None, "can_sign_in": False}
SESSION = "/api/session"


@pytest.fixture(scope="module")
def served(new_database: Any, serve: Any) -> Iterator[tuple[Any, str]]:
    """An API that others can reach, and a key that reads and exports."""
    with new_database() as url:
        with connect(url) as connection:
            key, _ = create_key(connection, "dashboard", ["export", "read"])
        with serve(url, **BEYOND) as api:
            yield api, key


@pytest.fixture
def browser(served: tuple[Any, str]) -> Iterator[httpx2.Client]:
    """A client with an empty jar of cookies."""
    with httpx2.Client(base_url=served[0].client.base_url, trust_env=False, verify=False) as client:
        yield client


def test_a_login_gives_a_cookie_that_is_a_key_until_the_logout(browser: httpx2.Client, served: tuple[Any, str]) -> None:
    _, key = served
    assert browser.get("/api/system/status").status_code == 401
    login = browser.post(SESSION, json={"key": key})
    assert login.status_code == 200, login.text
    assert login.json() == {
        "name": "dashboard", "is_anonymous": False, "scopes": ["read", "export"], "method": "key", **OF_NO_PERSON,
    }  # fmt: skip
    assert browser.get("/api/system/status").status_code == 200
    assert browser.get(SESSION).json() == login.json()
    out = browser.delete(SESSION)
    assert (out.status_code, out.content) == (204, b"")
    assert browser.get("/api/system/status").status_code == 401
    assert browser.get(SESSION).json() == {
        "name": "anonymous", "is_anonymous": True, "scopes": [], "method": None, **OF_NO_PERSON,
    }  # fmt: skip


def test_no_script_no_other_site_and_no_other_program_gets_the_cookie(
    browser: httpx2.Client, served: tuple[Any, str]
) -> None:
    _, key = served
    (cookie,) = SimpleCookie(browser.post(SESSION, json={"key": key}).headers["set-cookie"]).values()
    assert cookie["httponly"] and not cookie["secure"] and not cookie["domain"]
    assert (cookie["samesite"], cookie["max-age"]) == ("strict", str(30 * 24 * 3600))
    assert cookie["path"] == "", "without one it is that of the request, /api, behind a proxy below its prefix"
    assert [kept.path for kept in browser.cookies.jar] == ["/api"]
    below = browser.post(SESSION, json={"key": key}, headers={"X-Forwarded-Prefix": "/fleet"})
    assert "Path=/fleet/api;" in below.headers["set-cookie"]
    behind_tls = browser.post(SESSION, json={"key": key}, headers={"X-Forwarded-Proto": "https"})
    (secured,) = SimpleCookie(behind_tls.headers["set-cookie"]).values()
    assert secured["secure"]
    assert behind_tls.headers["cache-control"] == "no-store"


def test_a_key_that_is_none_logs_nobody_in_and_is_not_repeated(browser: httpx2.Client, served: tuple[Any, str]) -> None:
    api, _ = served
    refused = browser.post(SESSION, json={"key": "lap_secret"})
    assert refused.status_code == 401
    api.check_problem(refused)
    assert "set-cookie" not in refused.headers
    assert "lap_secret" not in refused.text


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"[]", b"null", b"{", b'{"key": 1}', b'{"key": ""}', b'{"key": null}', b'{"key": "a", "b": 1}',
     b'{"key": "' + b"x" * 300 + b'"}', b'{"key": "\xff"}', b"key=lap_secret", b"[" * 4000],
)  # fmt: skip
def test_what_is_no_login_is_refused_without_repeating_it(
    browser: httpx2.Client, served: tuple[Any, str], body: bytes
) -> None:
    refused = browser.post(SESSION, content=body, headers={"Content-Type": "application/json"})
    assert refused.status_code == 422, refused.text
    served[0].check_problem(refused)
    assert "lap_secret" not in refused.text


def test_a_body_without_end_is_not_read(browser: httpx2.Client, served: tuple[Any, str]) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(64):
            yield b"x" * MOST_BYTES

    refused = browser.post(SESSION, content=endless())
    assert refused.status_code == 413
    served[0].check_problem(refused)


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
def test_no_other_site_logs_anybody_in_or_out(
    browser: httpx2.Client, served: tuple[Any, str], headers: dict[str, str]
) -> None:
    _, key = served
    assert browser.post(SESSION, json={"key": key}, headers=headers).status_code == 403
    assert browser.delete(SESSION, headers=headers).status_code == 403
    assert not browser.cookies


def test_a_key_in_a_header_counts_more_than_the_cookie(browser: httpx2.Client, served: tuple[Any, str]) -> None:
    _, key = served
    browser.post(SESSION, json={"key": key})
    assert browser.get("/api/system/status", headers={"X-API-Key": "lap_other"}).status_code == 401


def test_with_the_cookie_our_own_page_may_do_what_the_key_may(browser: httpx2.Client, served: tuple[Any, str]) -> None:
    _, key = served
    browser.post(SESSION, json={"key": key})
    ours = {"Sec-Fetch-Site": "same-origin"}
    upload = browser.post("/api/ingestion/uploads", headers=ours)
    assert upload.json()["type"] == "urn:logistics:problem:missing-scope"  # it is the scope that lacks, not the page


def test_on_this_machine_the_dashboard_learns_that_it_needs_no_key(database_url: str, serve: Any) -> None:
    with serve(database_url) as api:
        assert api.client.get(SESSION).json() == {
            "name": "anonymous",
            "is_anonymous": True,
            "scopes": ["read", "export", "ingest", "contracts", "boards", "alerts", "audit"],
            "method": None,
            **OF_NO_PERSON,
        }


def test_a_key_takes_the_place_of_a_session(browser: httpx2.Client, served: tuple[Any, str]) -> None:
    browser.cookies.set("logistics_session", "A" * 43, domain="127.0.0.1", path="/api")
    assert browser.get("/api/system/status").status_code == 401
    browser.post(SESSION, json={"key": served[1]})
    assert "logistics_session" not in browser.cookies
    assert browser.get("/api/system/status").status_code == 200


def test_a_revoked_key_that_a_browser_still_sends_can_be_logged_out(browser: httpx2.Client) -> None:
    browser.cookies.set("logistics_key", "lap_revoked", path="/api")
    assert browser.get(SESSION).status_code == 401
    assert browser.delete(SESSION).status_code == 204
