"""Sessions of people: how they end, in every process and at once; and people whom a trusted proxy names."""

import asyncio
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Any

import psycopg
import pytest

from logistics_api.app import create_app
from logistics_api.errors import ConfigurationError
from logistics_api.events import endpoints as events
from logistics_api.http.auth.sessions import Sessions, digest_of
from logistics_core.catalogue import built_in_catalogue
from logistics_core.row_access.rule_texts import read_rules
from logistics_core.settings import Settings
from logistics_pipeline.database.api_keys import create_key, revoke_key
from logistics_pipeline.database.connections import Connection, connect
from logistics_pipeline.database.people import (
    disable_person,
    enable_person,
    end_session,
    list_people,
    list_sessions,
    restrict_group,
    restricted_groups,
    unrestrict_group,
)
from logistics_pipeline.errors import PipelineError

BEYOND = {"api_published_at": "192.0.2.1", "api_rate": 0}
PROTECTED = "/api/system/status"
GROUP_ROLES = '{"dispatch": "operator", "readers": "viewer"}'
PROXY_SECRET = "a secret that only the proxy knows"


@pytest.fixture(scope="module")
def two(new_database: Any, serve: Any) -> Iterator[tuple[Any, Any, str]]:
    """Two processes' worth of the API on one database, which look at it only when it tells of a change; its address."""
    settings: dict[str, Any] = {**BEYOND, "group_roles": GROUP_ROLES}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("logistics_api.database.watcher.POLL_SECONDS", 600.0)
        with new_database() as url, serve(url, **settings) as one, serve(url, **settings) as other:
            yield one, other, url


@pytest.fixture
def connection(two: tuple[Any, Any, str]) -> Iterator[Connection]:
    with connect(two[2]) as opened:
        yield opened


_numbers = iter(range(1_000_000))


def start(connection: Connection, subject: str = "", *, groups: str = "{dispatch}", **ends: str) -> str:
    """Starts a session as the API does; its token."""
    token = f"{next(_numbers):043}"
    idle, longest = ends.get("idle", "1 hour"), ends.get("longest", "1 day")
    outcome = connection.execute(
        "SELECT outcome FROM access.sign_in('https://idp', %s, 'Ada', NULL, %s, NULL, NULL, %s, 'openid-connect', "
        "NULL, %s::interval, %s::interval)",
        (subject or f"person {token}", groups, sha256(token.encode()).digest(), idle, longest),
    ).fetchone()
    assert outcome == ("started",)
    return token


def status(api: Any, token: str) -> int:
    response = api.client.get(PROTECTED, headers={"Cookie": f"logistics_session={token}"})
    if response.status_code != 200:
        api.check_problem(response)
    return int(response.status_code)


def test_every_process_knows_a_session_from_its_first_moment(two: tuple[Any, Any, str], connection: Connection) -> None:
    for _ in range(5):
        token = start(connection)
        assert [status(api, token) for api in two[:2]] == [200, 200]


@pytest.mark.parametrize("how", ["sign out", "end session", "disable", "by hand", "delete"])
def test_an_ended_session_is_refused_everywhere_at_once(
    two: tuple[Any, Any, str], connection: Connection, wait_until: Callable[..., None], how: str
) -> None:
    one, other, _ = two
    token = start(connection, how)
    assert [status(one, token), status(other, token)] == [200, 200]
    if how == "sign out":
        ours = {"Cookie": f"logistics_session={token}", "Sec-Fetch-Site": "same-origin"}
        assert one.client.delete("/api/session", headers=ours).status_code == 204
        assert status(one, token) == 401
    elif how == "end session":
        (found,) = list_sessions(connection, how)
        end_session(connection, found.session_id)
    elif how == "disable":
        assert disable_person(connection, how) == ("Ada", 1)
    elif how == "by hand":
        connection.execute("UPDATE access.people SET disabled_at = now() WHERE subject = %s", (how,))
    else:
        connection.execute("DELETE FROM access.people WHERE subject = %s", (how,))
    wait_until(lambda: status(other, token) == status(one, token) == 401, 20)


def test_signing_in_and_out_is_logged_in_the_name_of_the_person(
    two: tuple[Any, Any, str], connection: Connection
) -> None:
    token = start(connection, "logged")
    assert status(two[0], token) == 200
    ours = {"Cookie": f"logistics_session={token}", "Sec-Fetch-Site": "same-origin"}
    assert two[0].client.delete("/api/session", headers=ours).status_code == 204
    added, signed_in, ended = connection.execute(
        "SELECT actor_kind, actor, person_id, object_kind, action, coalesce(after, before)::text FROM access.audit "
        "ORDER BY entry_id DESC LIMIT 3"
    ).fetchall()[::-1]
    assert [each[3:5] for each in (added, signed_in, ended)] == [
        ("person", "added"),
        ("session", "signed_in"),
        ("session", "ended"),
    ]
    assert ended[:2] == ("person", "Ada") and ended[2] is not None
    assert all("digest" not in each[5] and token not in each[5] for each in (added, signed_in, ended))


def test_a_disabled_person_cannot_sign_in_until_enabled(connection: Connection) -> None:
    start(connection, "zoe")
    disable_person(connection, "zoe")
    refused = connection.execute(
        "SELECT outcome FROM access.sign_in('https://idp', 'zoe', 'Ada', NULL, '{}', NULL, NULL, %s, 'openid-connect', "
        "NULL, '1 hour', '1 hour')",
        (bytes(32),),
    ).fetchone()
    assert refused == ("disabled",)
    enable_person(connection, "zoe")
    assert start(connection, "zoe")
    (zoe,) = [person for person in list_people(connection) if person.subject == "zoe"]
    assert (zoe.sessions, zoe.disabled_at) == (1, None)


def test_new_groups_give_new_scopes_to_the_sessions_there_are(
    two: tuple[Any, Any, str], connection: Connection, wait_until: Callable[..., None]
) -> None:
    token = start(connection, "mover", groups="{dispatch}")
    cookie = {"Cookie": f"logistics_session={token}"}
    assert two[0].client.get("/api/session", headers=cookie).json()["roles"] == ["operator"]
    start(connection, "mover", groups="{readers}")
    wait_until(lambda: two[0].client.get("/api/session", headers=cookie).json()["roles"] == ["viewer"])
    start(connection, "mover", groups="{}")
    wait_until(lambda: two[0].client.get("/api/session", headers=cookie).json()["scopes"] == [])
    assert status(two[0], token) == 403


def test_people_of_a_restricted_group_see_its_rows_alone_from_that_moment(
    two: tuple[Any, Any, str], connection: Connection, wait_until: Callable[..., None]
) -> None:
    """Also if another of their groups is not restricted; in several such groups, they see the rows of each."""
    token = start(connection, "depot", groups="{dispatch, berlin, ulm}")
    cookie = {"Cookie": f"logistics_session={token}"}

    def session(api: Any) -> Any:
        return api.client.get("/api/session", headers=cookie).json()

    def shipments(api: Any) -> int:
        return int(api.client.get("/api/shipments", headers=cookie).status_code)

    assert session(two[0])["rows"] is None and shipments(two[0]) == 200
    catalogue = built_in_catalogue()
    restrict_group(connection, "berlin", read_rules(["vehicles"], catalogue))
    for api in two[:2]:
        wait_until(lambda api=api: session(api)["rows"] == ["vehicles"])
        assert session(api)["scopes"] == ["read", "export", "boards"], "`ingest` and `alerts` are about all rows"
        assert (shipments(api), status(api, token)) == (403, 403)
    restrict_group(connection, "ulm", read_rules(["shipments: origin = Ulm"], catalogue))
    wait_until(lambda: session(two[0])["rows"] == ["shipments: origin = Ulm", "vehicles"])
    assert shipments(two[0]) == 200
    assert [group for group, _ in restricted_groups(connection)] == ["berlin", "ulm"]
    for group in ("berlin", "ulm"):
        unrestrict_group(connection, group)
    wait_until(lambda: session(two[0])["rows"] is None)
    assert session(two[0])["scopes"] == ["read", "export", "ingest", "boards", "alerts"]
    with pytest.raises(PipelineError, match="is not restricted"):
        unrestrict_group(connection, "berlin")
    with pytest.raises(PipelineError, match="cannot be the name of a group"):
        restrict_group(connection, "", read_rules(["vehicles"], catalogue))
    found = connection.execute(
        "SELECT object, action FROM access.audit WHERE object_kind = 'group' ORDER BY entry_id"
    ).fetchall()
    assert found == [("berlin", "added"), ("ulm", "added"), ("berlin", "deleted"), ("ulm", "deleted")]


@pytest.mark.parametrize("end", ["ends_at", "idle_ends_at"])
def test_a_session_ends_when_its_time_is_over_or_when_it_is_not_used(
    two: tuple[Any, Any, str], connection: Connection, end: str
) -> None:
    token = start(connection)
    connection.execute(
        f"UPDATE access.sessions SET {end} = now() WHERE digest = %s".encode(), (digest_of(token.encode()),)
    )
    assert [status(api, token) for api in two[:2]] == [401, 401]
    assert connection.execute("SELECT access.extend_sessions(ARRAY[%s::bytea], '1 day')", (digest_of(token.encode()),))
    assert status(two[0], token) == 401, "it does not come back to life"


def test_in_memory_a_session_ends_at_the_same_moments(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1_000.0]
    monkeypatch.setattr("logistics_api.http.auth.sessions.time", lambda: clock[0])
    sessions = Sessions(Settings(session_idle_hours=1.0), None)
    row = (1, "Ada", ["dispatch"], None, "openid-connect")
    sessions._know(b"idle", *row, 100_000.0, 1_500.0)
    sessions._know(b"old", *row, 5_000.0, 1_500.0)
    clock[0] = 1_499.0
    held = sessions.find(b"idle")
    assert held is not None and sessions.find(b"old") is not None
    asyncio.run(sessions.extend())
    clock[0] = 4_999.0
    assert sessions.find(b"idle") is not None and sessions.find(b"old") is not None
    clock[0] = 5_000.0
    assert sessions.find(b"old") is None
    clock[0] = 5_100.0
    assert sessions.find(b"idle") is None and held.expires_at == 0
    assert len(sessions) == 0


def test_only_so_many_sessions_are_held_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("logistics_api.http.auth.sessions.MOST_SESSIONS", 3)
    sessions = Sessions(Settings(), None)
    for number in range(5):
        sessions._know(b"%d" % number, 1, "Ada", [], None, "openid-connect", time.time() + 60, time.time() + 60)
    assert len(sessions) == 3 and sessions.find(b"0") is None and sessions.find(b"4") is not None


def test_use_is_noted_in_the_database(
    new_database: Any, serve: Any, monkeypatch: pytest.MonkeyPatch, wait_until: Callable[..., None]
) -> None:
    monkeypatch.setattr("logistics_api.http.auth.sessions.EXTEND_SECONDS", 0.05)
    with (
        new_database() as url,
        serve(url, **BEYOND, default_role="viewer", session_idle_hours=500.0) as api,
        connect(url) as connection,
    ):
        used, unused = start(connection), start(connection)
        assert status(api, used) == 200
        far = "SELECT idle_ends_at > now() + '2 hours' FROM access.sessions WHERE digest = %s"
        wait_until(lambda: connection.execute(far, (digest_of(used.encode()),)).fetchone() == (True,))
        assert connection.execute(far, (digest_of(unused.encode()),)).fetchone() == (False,)


@pytest.mark.parametrize("token", ["", "x", "A" * 43, "A" * 44, "\u00e4" * 43, "' OR 1=1 --", "x" * 5000])
def test_what_is_no_session_is_refused(two: tuple[Any, Any, str], token: str) -> None:
    raw = b"logistics_session=" + token.encode("latin-1")
    refused = two[0].client.get(PROTECTED, headers={b"Cookie": raw})
    assert refused.status_code == 401
    assert refused.json()["type"] == "urn:logistics:problem:session-ended"
    assert two[0].client.delete("/api/session", headers={b"Cookie": raw}).status_code == 204


def test_guesses_at_sessions_are_counted_by_address(database_url: str, serve: Any) -> None:
    with serve(database_url, **(BEYOND | {"api_rate": 0.01, "api_burst": 3})) as api:
        statuses = [status(api, f"{number:043}") for number in range(5)]
        assert statuses == [401, 401, 401, 429, 429]


def test_known_sessions_stay_valid_while_the_database_is_away(
    two: tuple[Any, Any, str], connection: Connection
) -> None:
    one = two[0]
    known, unknown = start(connection, "known"), start(connection, "unknown")
    assert status(one, known) == 200
    freshness = one.app.state.database.freshness
    freshness.reachable = False
    try:
        assert one.client.get("/api/session", headers={"Cookie": f"logistics_session={known}"}).status_code == 200
        assert status(one, unknown) == 503, "it may be one: nobody can say"
    finally:
        freshness.reachable = True
    assert status(one, unknown) == 200


@pytest.mark.parametrize("who", ["session", "key"])
def test_a_stream_ends_with_the_session_or_key_of_whoever_follows_it(
    new_database: Any, serve: Any, monkeypatch: pytest.MonkeyPatch, wait_until: Callable[..., None], who: str
) -> None:
    monkeypatch.setattr(events.stream, "__defaults__", (0.05,))
    with new_database() as url, serve(url, **BEYOND, default_role="viewer") as api, connect(url) as connection:
        if who == "session":
            headers = {"Cookie": f"logistics_session={start(connection, 'follower')}"}
        else:
            headers = {"X-API-Key": create_key(connection, "follower", ["read"])[0]}
            wait_until(lambda: api.client.get(PROTECTED, headers=headers).status_code == 200)
        with api.client.stream("GET", "/api/events", headers=headers) as response:
            assert response.status_code == 200
            pieces = response.iter_raw()
            assert b"retry" in next(pieces)
            if who == "session":
                disable_person(connection, "follower")
            else:
                revoke_key(connection, "follower")
            for _ in pieces:  # ends by itself
                pass
        assert api.client.get(PROTECTED, headers=headers).status_code == 401


# Behind a proxy


@pytest.fixture(scope="module")
def proxied(new_database: Any, serve: Any) -> Iterator[tuple[Any, str]]:
    """An API behind a proxy that it trusts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PROXY_SECRET_OF_TESTS", PROXY_SECRET)
        settings: dict[str, Any] = {**BEYOND, "group_roles": GROUP_ROLES, "proxy_secret": "env:PROXY_SECRET_OF_TESTS"}
        with new_database() as url, serve(url, **settings) as api:
            yield api, url


def named(user: str = "ada", groups: str = "dispatch", **headers: str) -> dict[str, str]:
    """The headers of the proxy."""
    sent = {"X-Forwarded-User": user, "X-Forwarded-Email": "ada@example.org", "X-Forwarded-Groups": groups}
    return {"X-Proxy-Secret": PROXY_SECRET, **sent, **headers}


def test_a_trusted_proxy_says_who_the_person_is(proxied: tuple[Any, str]) -> None:
    api, url = proxied
    session = api.client.get("/api/session", headers=named()).json()
    assert (session["name"], session["method"], session["roles"]) == ("ada@example.org", "proxy", ["operator"])
    assert api.client.get(PROTECTED, headers=named()).status_code == 200
    fewer = api.client.get("/api/session", headers=named(groups="readers, visitors")).json()
    assert (fewer["roles"], fewer["person_id"]) == (["viewer"], session["person_id"])
    with connect(url) as connection:
        (person,) = [each for each in list_people(connection) if each.subject == "ada"]
        assert (person.issuer, person.groups) == ("proxy", ["readers", "visitors"])
        for each in list_sessions(connection, "ada"):
            end_session(connection, each.session_id)
    assert api.client.get(PROTECTED, headers=named()).status_code == 200, "the proxy still says so"


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-User": "ada"},
        {"X-Forwarded-User": ""},
        {"X-Forwarded-User": "ada", "X-Proxy-Secret": "wrong"},
        {"X-Forwarded-User": "ada", "X-Proxy-Secret": ""},
        {"X-Forwarded-User": "ada", "X-Proxy-Secret": PROXY_SECRET + "x"},
        {"X-Proxy-Secret": "wrong"},
    ],
)
def test_without_the_secret_the_headers_are_an_attempt_to_be_somebody_else(
    proxied: tuple[Any, str], headers: dict[str, str]
) -> None:
    refused = proxied[0].client.get(PROTECTED, headers=headers)
    assert refused.status_code == 401
    assert refused.json()["type"] == "urn:logistics:problem:proxy-not-trusted"
    proxied[0].check_problem(refused)
    assert PROXY_SECRET not in refused.text


@pytest.mark.parametrize(
    "headers",
    [
        [*named().items(), ("X-Forwarded-User", "admin")],
        [*named().items(), ("X-Forwarded-Groups", "admins")],
        [*named().items(), ("X-Proxy-Secret", PROXY_SECRET)],
        [*named("\x01ada").items()],
        [*named("a" * 256).items()],
        [(b"X-Proxy-Secret", PROXY_SECRET.encode()), (b"X-Forwarded-User", b"\xff\xfe")],
    ],
)
def test_headers_that_a_client_may_have_slipped_in_or_that_name_nobody_are_refused(
    proxied: tuple[Any, str], headers: Any
) -> None:
    for known in (named(), named(groups="admins"), named("admin")):  # a session that there is already is no way in
        assert proxied[0].client.get("/api/session", headers=known).status_code == 200
    refused = proxied[0].client.get(PROTECTED, headers=headers)
    assert refused.status_code in (400, 401), refused.text
    if refused.status_code == 401:
        assert refused.json()["type"] == "urn:logistics:problem:proxy-person-invalid"


def test_groups_in_another_order_are_the_same_session(proxied: tuple[Any, str]) -> None:
    for groups in ("readers,dispatch", "dispatch, readers", "dispatch,readers"):
        assert proxied[0].client.get(PROTECTED, headers=named("lin", groups)).status_code == 200
    with connect(proxied[1]) as connection:
        assert len(list_sessions(connection, "lin")) == 1
        assert connection.execute(
            "SELECT count(*) FROM access.sessions JOIN access.people USING (person_id) WHERE subject = 'lin'"
        ).fetchone() == (1,)


def test_a_group_that_the_proxy_takes_away_again_is_gone(
    proxied: tuple[Any, str], wait_until: Callable[..., None]
) -> None:
    def roles(groups: str) -> list[str]:
        found: list[str] = proxied[0].client.get("/api/session", headers=named("grace", groups)).json()["roles"]
        return found

    before, for_a_while = "readers", "readers,dispatch"
    assert roles(before) == ["viewer"]
    assert roles(for_a_while) == ["viewer", "operator"]
    with connect(proxied[1]) as connection:

        def groups() -> list[str]:
            (found,) = [each.groups for each in list_people(connection) if each.subject == "grace"]
            return found

        wait_until(lambda: roles(before) == ["viewer"] and groups() == ["readers"])
        (session,) = list_sessions(connection, "grace")
        row = connection.execute(
            "SELECT ended_because FROM access.sessions WHERE person_id = %s AND ended_at IS NOT NULL",
            (session.person_id,),
        ).fetchone()
    assert row == ("the proxy describes the person otherwise",)


def test_a_proxied_page_of_another_site_changes_nothing_and_a_key_counts_more(proxied: tuple[Any, str]) -> None:
    path = "/api/ingestion/files/999/retry"
    foreign = proxied[0].client.post(path, headers=named(**{"Sec-Fetch-Site": "cross-site"}))
    assert foreign.json()["type"] == "urn:logistics:problem:foreign-origin"
    ours = named(**{"Sec-Fetch-Site": "same-origin"})
    assert proxied[0].client.post(path, headers=ours).status_code == 404
    assert proxied[0].client.get(PROTECTED, headers=named(**{"X-API-Key": "lap_x"})).status_code == 401


def test_a_disabled_person_does_not_come_back_by_the_proxy(
    proxied: tuple[Any, str], wait_until: Callable[..., None]
) -> None:
    api, url = proxied
    assert api.client.get(PROTECTED, headers=named("mallory")).status_code == 200
    with connect(url) as connection:
        disable_person(connection, "mallory")
    wait_until(lambda: api.client.get(PROTECTED, headers=named("mallory")).status_code == 403)
    refused = api.client.get(PROTECTED, headers=named("mallory"))
    assert refused.json()["type"] == "urn:logistics:problem:person-disabled"


def test_where_no_proxy_is_configured_its_headers_mean_nothing(database_url: str, serve: Any) -> None:
    with serve(database_url, **BEYOND) as api:
        refused = api.client.get(PROTECTED, headers=named())
        assert refused.json()["type"] == "urn:logistics:problem:key-needed"
    with serve(database_url) as api:
        assert api.client.get("/api/session", headers={"X-Forwarded-User": "ada"}).json()["name"] == "anonymous"


# Settings


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"oidc_issuer": "https://idp"}, "LOGISTICS_OIDC_CLIENT_ID"),
        ({"oidc_issuer": "https://idp", "oidc_client_id": "x", "oidc_scopes": "profile"}, "`openid`"),
        (
            {"oidc_issuer": "https://idp", "oidc_client_id": "x", "oidc_client_secret": "env:NOT_SET_ANYWHERE"},
            "NOT_SET_ANYWHERE is not set",
        ),
        (
            {"proxy_secret": "env:NOT_SET_ANYWHERE"},
            "LOGISTICS_PROXY_SECRET: The secret env:NOT_SET_ANYWHERE is missing",
        ),
        ({"proxy_secret": "env:SHORT_SECRET_OF_TESTS"}, "has 5 characters; it needs 16"),
    ],
)
def test_settings_that_cannot_work_are_a_sentence_at_the_start(
    database_url: str, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], says: str
) -> None:
    monkeypatch.setenv("SHORT_SECRET_OF_TESTS", "short")
    with pytest.raises(ConfigurationError, match=says):
        create_app(Settings(database_url=database_url, **settings))


# What the role of the API may do


def test_the_reader_writes_sessions_by_functions_alone(connection: Connection) -> None:
    start(connection, "row")
    connection.execute("SET ROLE logistics_reader")
    for statement in (
        "DELETE FROM access.people",
        "INSERT INTO access.people (issuer, subject, name) VALUES ('a', 'b', 'c')",
        "UPDATE access.sessions SET ended_at = NULL, ended_because = NULL",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement)


def test_a_session_that_ends_while_it_is_read_does_not_come_back(
    two: tuple[Any, Any, str], connection: Connection
) -> None:
    """The answer to a look at known sessions may be older than a sign-out that was served meanwhile."""
    sessions = two[0].app.state.authenticator.sessions
    token = start(connection, "racing")
    digest = sha256(token.encode()).digest()
    assert status(two[0], token) == 200

    class Slow:
        async def execute(self, *_: object) -> "Slow":
            return self

        async def fetchall(self) -> list[tuple[Any, ...]]:
            sessions._drop(digest)
            return [(digest, 1, "Ada", ["dispatch"], "openid-connect", time.time() + 60, time.time() + 60)]

    asyncio.run(sessions.reload(Slow()))
    assert sessions.find(digest) is None
