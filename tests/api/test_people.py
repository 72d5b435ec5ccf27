"""People who sign in with an identity provider: what is believed, what is refused, and how sessions end."""

import base64
import gzip
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from joserfc import jws
from joserfc.jwk import OctKey, RSAKey

from logistics_api.openid.provider_requests import MOST_BYTES
from logistics_pipeline.database.connections import Connection, connect
from tests.identity_provider import CLIENT, SECRET, IdentityProvider, respond, run_identity_provider, run_real_provider

BEYOND = {"api_published_at": "192.0.2.1"}
PROTECTED = "/api/system/status"
SESSION = "/api/session"
GROUP_ROLES = json.dumps({"dispatch": "operator", "controllers": "analyst", "admins": "admin"})
OURS = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture(scope="module")
def idp() -> Iterator[IdentityProvider]:
    with run_identity_provider() as provider:
        yield provider


@pytest.fixture(scope="module")
def settings(idp: IdentityProvider) -> Iterator[dict[str, Any]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OIDC_SECRET_OF_TESTS", SECRET)
        yield {
            **BEYOND,
            "oidc_issuer": idp.issuer,
            "oidc_client_id": CLIENT,
            "oidc_client_secret": "env:OIDC_SECRET_OF_TESTS",
            "oidc_signed_out_url": "https://logistics.example.org/signed-out",
            "group_roles": GROUP_ROLES,
            "api_rate": 0,
        }


@pytest.fixture(scope="module")
def served(new_database: Any, serve: Any, settings: dict[str, Any]) -> Iterator[tuple[Any, str]]:
    """An API that others can reach, with an identity provider; and its database."""
    with new_database() as url, serve(url, **settings) as api:
        yield api, url


@pytest.fixture
def api(served: tuple[Any, str], idp: IdentityProvider) -> Any:
    """The API of all tests, which has not asked the identity provider for anything yet."""
    idp.forget()
    provider = served[0].app.state.provider
    provider._keys, provider._metadata_at = None, -1e9
    return served[0]


@pytest.fixture
def connection(served: tuple[Any, str]) -> Iterator[Connection]:
    with connect(served[1]) as opened:
        yield opened


@pytest.fixture
def browser(api: Any) -> Iterator[httpx2.Client]:
    with new_browser(api) as client:
        yield client


def new_browser(api: Any) -> httpx2.Client:
    """A client with an empty jar of cookies."""
    return httpx2.Client(base_url=api.client.base_url, trust_env=False, verify=False, timeout=60)


def begin(browser: httpx2.Client, return_to: str = "/routes", **headers: str) -> str:
    """Presses *Sign in*: the address of the identity provider."""
    start = browser.get("/api/sign-in", params={"return_to": return_to}, headers=headers)
    assert start.status_code == 303, start.text
    assert start.headers["cache-control"] == "no-store"
    return str(start.headers["location"])


def sign_in(browser: httpx2.Client, idp: IdentityProvider, return_to: str = "/routes") -> httpx2.Response:
    """Goes all the way; the answer to coming back."""
    return browser.get(idp.authorise(begin(browser, return_to)))


def problem_of(response: httpx2.Response) -> str | None:
    """What the page is to explain to which the browser is sent; None if it is signed in."""
    assert response.status_code == 303, response.text
    page = urlsplit(response.headers["location"])
    assert page.scheme == page.netloc == "" and page.path.startswith("../")
    return parse_qs(page.query)["problem"][0] if page.path == "../signed-out" else None


# Signing in and out


def test_a_person_signs_in_is_known_by_name_and_roles_and_signs_out(
    browser: httpx2.Client, idp: IdentityProvider, connection: Connection
) -> None:
    assert browser.get(PROTECTED).status_code == 401
    anonymous = browser.get(SESSION).json()
    assert (anonymous["is_anonymous"], anonymous["method"], anonymous["can_sign_in"]) == (True, None, True)
    back = sign_in(browser, idp, "/routes?range=30d")
    assert back.headers["location"] == "../routes?range=30d"
    assert browser.get(PROTECTED).status_code == 200
    session = browser.get(SESSION).json()
    assert session == session | {
        "name": "ada@example.org", "is_anonymous": False, "method": "openid-connect", "roles": ["operator"],
        "groups": ["dispatch"], "scopes": ["read", "export", "ingest", "boards", "alerts"],
    }  # fmt: skip
    assert session["ends_at"] > time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    token = browser.cookies["logistics_session"]
    out = browser.delete(SESSION, headers=OURS)
    assert (out.status_code, out.content) == (204, b"")
    assert "logistics_session" not in browser.cookies
    assert browser.get(SESSION).json()["is_anonymous"]
    browser.cookies.set("logistics_session", token, path="/api")
    kept = browser.get(PROTECTED)
    assert kept.status_code == 401, "who has copied the cookie has nothing"
    assert kept.json()["type"] == "urn:logistics:problem:session-ended"
    rows = connection.execute(
        "SELECT issuer, subject, name, groups, ended_because FROM access.people JOIN access.sessions "
        "USING (person_id) WHERE person_id = %s",
        (session["person_id"],),
    ).fetchall()
    assert rows[-1] == (idp.issuer, "ada", "Ada", ["dispatch"], "signed out")


@pytest.mark.usefixtures("settings")
def test_an_identity_provider_that_others_wrote_signs_people_in(new_database: Any, serve: Any) -> None:
    with (
        run_real_provider({"sub": "grace", "name": "Grace", "groups": ["controllers"]}) as issuer,
        new_database() as url,
        serve(
            url,
            **BEYOND,
            oidc_issuer=issuer,
            oidc_client_id="logistics",
            oidc_client_secret="env:OIDC_SECRET_OF_TESTS",
            group_roles=GROUP_ROLES,
        ) as api,
        new_browser(api) as browser,
    ):
        address = begin(browser, "/costs")
        agreed = httpx2.post(address, data={"sub": "grace"}, trust_env=False, verify=False)
        assert browser.get(agreed.headers["location"]).headers["location"] == "../costs"
        session = browser.get(SESSION).json()
        assert (session["name"], session["roles"]) == ("Grace", ["analyst"])
        assert session["scopes"] == ["read", "export", "boards"]
        refused = httpx2.post(begin(browser), data={"action": "deny"}, trust_env=False, verify=False)
        assert problem_of(browser.get(refused.headers["location"])) in ("refused", "expired")


def test_no_script_and_no_other_site_gets_the_cookies(browser: httpx2.Client, idp: IdentityProvider) -> None:
    start = browser.get("/api/sign-in", headers={"X-Forwarded-Proto": "https", "X-Forwarded-Prefix": "/fleet"})
    (flow,) = SimpleCookie(start.headers["set-cookie"]).values()
    assert flow["httponly"] and flow["secure"] and not flow["domain"]
    assert (flow["samesite"], flow["path"], flow["max-age"]) == ("lax", "/fleet/api", "600")
    wanted = parse_qs(urlsplit(start.headers["location"]).query)["redirect_uri"][0]
    assert wanted == f"https://{browser.base_url.netloc.decode()}/fleet/api/signed-in"
    cookies = SimpleCookie("\r\n".join(sign_in(browser, idp).headers.get_list("set-cookie")))
    made = cookies["logistics_session"]
    assert made["httponly"] and not made["secure"] and not made["domain"] and made["path"] == ""
    assert (made["samesite"], made["max-age"]) == ("strict", str(168 * 3600))
    assert cookies["logistics_sign_in"]["max-age"] == "0"
    assert {(kept.name, kept.path) for kept in browser.cookies.jar} == {
        ("logistics_sign_in", "/fleet/api"),
        ("logistics_session", "/api"),
    }


def test_each_sign_in_makes_a_token_of_its_own_and_forgets_a_key(browser: httpx2.Client, idp: IdentityProvider) -> None:
    for name, planted in (("logistics_session", "A" * 43), ("logistics_key", "lap_planted")):
        browser.cookies.set(name, planted, domain="127.0.0.1", path="/api")
    tokens = set()
    for _ in range(2):
        assert problem_of(sign_in(browser, idp)) is None
        tokens.add(browser.cookies["logistics_session"])
    assert len(tokens) == 2 and "A" * 43 not in tokens
    assert "logistics_key" not in browser.cookies
    (left,) = tokens - {browser.cookies["logistics_session"]}
    for token, status in ((left, 401), (browser.cookies["logistics_session"], 200)):
        sent = httpx2.get(
            f"{browser.base_url}{PROTECTED}", headers={"Cookie": f"logistics_session={token}"}, verify=False
        )
        assert sent.status_code == status, "the session of before has ended"


def test_a_token_is_known_by_its_digest_alone(
    browser: httpx2.Client, idp: IdentityProvider, connection: Connection
) -> None:
    sign_in(browser, idp)
    token = browser.cookies["logistics_session"]
    rows = connection.execute("SELECT s::text FROM access.sessions AS s").fetchall()
    assert rows and all(token not in row[0] and token.encode().hex() not in row[0] for row in rows)


def test_with_a_session_only_our_own_pages_change_something(browser: httpx2.Client, idp: IdentityProvider) -> None:
    sign_in(browser, idp)
    path = "/api/ingestion/files/999/retry"
    assert browser.post(path, headers=OURS).status_code == 404
    for foreign in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        assert browser.post(path, headers=foreign).json()["type"] == "urn:logistics:problem:foreign-origin"
        assert browser.delete(SESSION, headers=foreign).status_code == 403
    assert browser.get(SESSION).json()["person_id"] is not None


def test_a_person_without_a_role_is_told_so_and_may_do_nothing(browser: httpx2.Client, idp: IdentityProvider) -> None:
    idp.person = {"sub": "eve", "name": "Eve", "groups": ["visitors"]}
    assert problem_of(sign_in(browser, idp)) is None
    session = browser.get(SESSION).json()
    assert (session["name"], session["roles"], session["scopes"], session["groups"]) == ("Eve", [], [], ["visitors"])
    refused = browser.get(PROTECTED)
    assert refused.status_code == 403
    assert refused.json()["detail"].startswith("Eve lacks the scope 'read'; their roles: none.")


def test_groups_may_stand_deep_in_the_claims_or_at_the_userinfo_endpoint_alone(
    new_database: Any, serve: Any, idp: IdentityProvider, settings: dict[str, Any]
) -> None:
    idp.forget()
    idp.person = {"sub": "deep"}
    idp.userinfo = {"sub": "deep", "name": "Deep", "realm_access": {"roles": ["admins"]}}
    changed = {"oidc_groups_claim": "realm_access.roles", "default_role": "viewer"}
    with new_database() as url, serve(url, **settings | changed) as api, new_browser(api) as browser:
        sign_in(browser, idp)
        session = browser.get(SESSION).json()
        assert (session["name"], session["roles"]) == ("Deep", ["admin"])
        assert session["scopes"] == ["read", "export", "ingest", "contracts", "boards", "alerts", "audit"]
        idp.userinfo = {"sub": "deep"}
        sign_in(browser, idp)
        assert browser.get(SESSION).json()["roles"] == ["viewer"], "the default"
        idp.userinfo = {"sub": "somebody else", "realm_access": {"roles": ["admins"]}}
        assert problem_of(sign_in(browser, idp)) == "invalid"


# What is not believed


def unsigned(idp: IdentityProvider, claims: dict[str, Any]) -> str:
    def part(document: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'none', 'kid': 'one'})}.{part(claims)}."


def signed_with_what_everybody_knows(idp: IdentityProvider, claims: dict[str, Any]) -> str:
    secret = OctKey.import_key(base64.b64encode(idp.key.as_pem(private=False)).decode())
    algorithms = ["HS256"]
    return jws.serialize_compact(
        {"alg": "HS256", "kid": "one"}, json.dumps(claims), secret, algorithms=algorithms
    )  # fmt: skip


def signed_by_a_key_it_brings_along(idp: IdentityProvider, claims: dict[str, Any]) -> str:
    own = RSAKey.generate_key(2048)
    header = {"alg": "RS256", "kid": "one", "jwk": own.as_dict(private=False), "jku": "http://127.0.0.1:9/jwks"}
    return jws.serialize_compact(header, json.dumps(claims), own)


def signed_by_a_key_of_another_name(idp: IdentityProvider, claims: dict[str, Any]) -> str:
    return jws.serialize_compact({"alg": "RS256", "kid": "two"}, json.dumps(claims), RSAKey.generate_key(2048))


def changed_after_signing(idp: IdentityProvider, claims: dict[str, Any]) -> str:
    header, _, signature = idp.signed(claims).split(".")
    other = base64.urlsafe_b64encode(json.dumps(claims | {"sub": "admin"}).encode()).rstrip(b"=").decode()
    return f"{header}.{other}.{signature}"


def too_long(idp: IdentityProvider, claims: dict[str, Any]) -> str:
    return idp.signed(claims | {"groups": ["g" * 900] * 60})


@pytest.mark.parametrize(
    "token",
    [unsigned, signed_with_what_everybody_knows, signed_by_a_key_it_brings_along, signed_by_a_key_of_another_name,
     changed_after_signing, too_long, lambda *_: "not a token", lambda *_: 7, lambda *_: None, lambda *_: "a.b.c"],
)  # fmt: skip
def test_a_token_that_the_issuer_has_not_signed_signs_nobody_in(
    browser: httpx2.Client, idp: IdentityProvider, token: Callable[[IdentityProvider, dict[str, Any]], str]
) -> None:
    idp.sign = lambda claims: token(idp, claims)
    assert problem_of(sign_in(browser, idp)) == "invalid"
    assert "logistics_session" not in browser.cookies


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example"}, {"iss": None}, {"iss": ["http://127.0.0.1"]},
        {"aud": "another client"}, {"aud": None}, {"aud": []}, {"aud": [CLIENT, "another client"]},
        {"aud": [CLIENT, "another client"], "azp": "another client"}, {"azp": "another client"},
        {"nonce": "of another sign-in"}, {"nonce": None}, {"nonce": ["x"]},
        {"exp": 1_700_000_000}, {"exp": None}, {"exp": "tomorrow"}, {"iat": 9_999_999_999}, {"iat": None},
        {"nbf": 9_999_999_999}, {"sub": None}, {"sub": ""}, {"sub": 7}, {"sub": "a\u0000b"}, {"sub": "s" * 256},
        {"groups": {"admins": True}}, {"groups": [1]}, {"groups": ["a\u0000b"]}, {"groups": ["\ud800"]},
    ],
)  # fmt: skip
def test_a_token_for_somebody_else_or_another_time_signs_nobody_in(
    browser: httpx2.Client, idp: IdentityProvider, claims: dict[str, Any]
) -> None:
    idp.claims = claims
    assert problem_of(sign_in(browser, idp)) == "invalid"
    assert "logistics_session" not in browser.cookies


@pytest.mark.parametrize(
    "claims",
    [{"aud": [CLIENT]}, {"aud": [CLIENT, "other"], "azp": CLIENT}, {"name": "x\u0000"}, {"name": 7, "email": ["a"]},
     {"zoneinfo": "Europe/Berlin", "locale": "de-DE"}, {"zoneinfo": "../../etc/passwd"}, {"groups": None},
     {"groups": "dispatch"}, {"email_verified": False}],
)  # fmt: skip
def test_what_is_only_odd_signs_in_all_the_same(
    browser: httpx2.Client, idp: IdentityProvider, claims: dict[str, Any]
) -> None:
    idp.claims = claims
    assert problem_of(sign_in(browser, idp)) is None
    session = browser.get(SESSION).json()
    assert session["person_id"] is not None
    if "email_verified" in claims:
        assert session["name"] == "Ada", "an address that nobody has confirmed names nobody"


def test_a_clock_that_is_a_little_wrong_is_forgiven(browser: httpx2.Client, idp: IdentityProvider) -> None:
    idp.claims = {"iat": int(time.time()) + 30, "exp": int(time.time()) - 30}
    assert problem_of(sign_in(browser, idp)) is None


@pytest.mark.parametrize(("seconds", "problem"), [(-30, None), (-120, "expired"), (590, None), (610, "expired")])
def test_a_sign_in_may_be_finished_by_a_machine_whose_clock_is_a_little_behind(
    browser: httpx2.Client, idp: IdentityProvider, monkeypatch: pytest.MonkeyPatch, seconds: float, problem: str | None
) -> None:
    address = begin(browser)
    monkeypatch.setattr("logistics_api.openid.flows.time", lambda: time.time() + seconds)
    assert problem_of(browser.get(idp.authorise(address))) == problem


def test_keys_that_were_renewed_are_read_again_and_not_for_every_bad_token(
    browser: httpx2.Client, idp: IdentityProvider, api: Any
) -> None:
    sign_in(browser, idp)
    renewed = RSAKey.generate_key(2048, {"kid": "renewed", "use": "sig"})
    idp.published = [renewed]
    idp.sign = lambda claims: jws.serialize_compact({"alg": "RS256", "kid": "renewed"}, json.dumps(claims), renewed)
    api.app.state.provider._keys_at = time.monotonic() - 11
    assert problem_of(sign_in(browser, idp)) is None
    asked = idp.asked.count("/jwks")
    idp.sign = lambda claims: signed_by_a_key_of_another_name(idp, claims)
    for _ in range(3):
        assert problem_of(sign_in(browser, idp)) == "invalid"
    assert idp.asked.count("/jwks") == asked


def test_a_state_is_good_once_even_if_the_identity_provider_takes_the_code_again(
    api: Any, browser: httpx2.Client, idp: IdentityProvider, connection: Connection
) -> None:
    address = begin(browser)
    cookie = browser.cookies["logistics_sign_in"]
    back = idp.authorise(address)
    assert problem_of(browser.get(back)) is None
    assert problem_of(browser.get(back)) == "expired", "the cookie is gone"
    (before,) = connection.execute("SELECT count(*) FROM access.sessions").fetchone() or (0,)
    again = idp.authorise(address)
    with new_browser(api) as thief:
        thief.cookies.set("logistics_sign_in", cookie, path="/api")
        assert problem_of(thief.get(again)) == "repeated"
        assert "logistics_session" not in thief.cookies
    assert connection.execute("SELECT count(*) FROM access.sessions").fetchone() == (before,)


def test_one_sign_in_that_comes_back_many_times_at_once_makes_one_session(
    api: Any, browser: httpx2.Client, idp: IdentityProvider
) -> None:
    address = begin(browser)
    cookie = browser.cookies["logistics_sign_in"]

    def come_back(back: str) -> str | None:
        with new_browser(api) as client:
            client.cookies.set("logistics_sign_in", cookie, path="/api")
            return problem_of(client.get(back))

    with ThreadPoolExecutor(6) as threads:
        found = list(threads.map(come_back, [idp.authorise(address) for _ in range(6)]))
    assert sorted(map(str, found)) == ["None", *["repeated"] * 5]


def test_a_code_of_another_browser_signs_nobody_in(api: Any, browser: httpx2.Client, idp: IdentityProvider) -> None:
    """Somebody is sent to the end of a sign-in that another person has begun: they would act as that person."""
    back = idp.authorise(begin(browser))
    with new_browser(api) as other:
        assert problem_of(other.get(back)) == "expired"
        begin(other)
        assert problem_of(other.get(back)) == "expired"
    query = parse_qs(urlsplit(idp.authorise(begin(browser))).query)
    own = parse_qs(urlsplit(begin(browser)).query)["state"][0]
    swapped = browser.get("/api/signed-in", params={"code": query["code"][0], "state": own})
    assert problem_of(swapped) == "refused", "the code is of another verifier"


@pytest.mark.parametrize(
    "query",
    ["", "code=x", "state=x", "code=x&state=x.y", "code=x&state=.", "code=x&state=%00.%00", "code=x&state=%ED%A0%80",
     "error=access_denied&state=", "code=x&iss=https%3A%2F%2Fevil.example"],
)  # fmt: skip
def test_what_is_no_answer_of_a_sign_in_is_sent_to_a_page_that_says_so(
    browser: httpx2.Client, idp: IdentityProvider, query: str
) -> None:
    begin(browser)
    assert problem_of(browser.get(f"/api/signed-in?{query}")) == "expired"


def test_an_answer_of_another_issuer_or_without_a_code_is_refused(
    browser: httpx2.Client, idp: IdentityProvider
) -> None:
    back = idp.authorise(begin(browser))
    assert problem_of(browser.get(f"{back}&iss=https%3A%2F%2Fevil.example")) == "invalid"
    state = parse_qs(urlsplit(begin(browser)).query)["state"][0]
    denied = browser.get("/api/signed-in", params={"error": "access_denied", "state": state})
    assert problem_of(denied) == "refused"


@pytest.mark.parametrize(
    "target",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "\\\\evil.example", "javascript:alert(1)",
     "/\t/evil.example", "/ok\r\nSet-Cookie: a=b", "/\u00e4", "", "evil", "/" + "a" * 2000,
     "/../other-app", "/a/.%2E/%2e%2e/x?y"],
)  # fmt: skip
def test_nobody_is_sent_elsewhere(browser: httpx2.Client, idp: IdentityProvider, target: str) -> None:
    back = sign_in(browser, idp, target)
    assert back.headers["location"] == "../"
    assert "a=b" not in str(back.headers)


# An identity provider that does not work


def huge(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    for _ in range(20):
        handler.wfile.write(b" " * (MOST_BYTES // 10))


def expanding(handler: BaseHTTPRequestHandler) -> None:
    body = gzip.compress(b'{"issuer": "' + b"x" * 50_000_000 + b'"}')
    handler.send_response(200)
    handler.send_header("Content-Encoding", "gzip")
    handler.end_headers()
    handler.wfile.write(body)


def elsewhere(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(302)
    handler.send_header("Location", "/jwks")
    handler.end_headers()


def hangs_up(handler: BaseHTTPRequestHandler) -> None:
    handler.connection.close()


def status(code: int, document: Any = None) -> Callable[[BaseHTTPRequestHandler], None]:
    return lambda handler: respond(handler, code, document)


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/token", "/jwks"])
@pytest.mark.parametrize(
    "answer", [huge, expanding, elsewhere, hangs_up, status(500), status(200, []), status(200, "text")]
)  # fmt: skip
def test_an_identity_provider_that_answers_nonsense_is_unavailable(
    browser: httpx2.Client, idp: IdentityProvider, path: str, answer: Callable[[BaseHTTPRequestHandler], None]
) -> None:
    address = begin(browser) if path != "/.well-known/openid-configuration" else None
    idp.answers[path] = answer
    back = browser.get("/api/sign-in") if address is None else browser.get(idp.authorise(address))
    expected = {"refused", "unavailable"} if answer is elsewhere else {"unavailable"}
    assert problem_of(back) in expected


def test_an_identity_provider_that_is_slow_is_given_up(
    browser: httpx2.Client, idp: IdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("logistics_api.openid.provider_requests.REQUEST_SECONDS", 0.3)
    idp.answers["/.well-known/openid-configuration"] = lambda handler: time.sleep(2)
    since = time.monotonic()
    assert problem_of(browser.get("/api/sign-in")) == "unavailable"
    assert time.monotonic() - since < 1.8


def test_people_who_wait_for_a_provider_that_is_slow_are_told_together(
    api: Any, idp: IdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("logistics_api.openid.provider_requests.REQUEST_SECONDS", 0.5)
    idp.answers["/.well-known/openid-configuration"] = lambda handler: time.sleep(1)
    waiting = 8

    def ask() -> httpx2.Response:
        return httpx2.get(f"{api.client.base_url}/api/sign-in", trust_env=False, verify=False)

    with ThreadPoolExecutor(waiting) as pool:
        answers = list(pool.map(lambda _: ask(), range(waiting)))
    assert [problem_of(each) for each in answers] == ["unavailable"] * waiting
    assert len(idp.asked) <= 2, "one reading was under way, and those who came during it shared its failure"
    idp.answers.clear()
    assert ask().headers["location"].startswith(idp.issuer)


@pytest.mark.parametrize(
    "metadata",
    [{"issuer": "https://evil.example"}, {"authorization_endpoint": None}, {"authorization_endpoint": "ftp://x/"},
     {"authorization_endpoint": "https://x/\r\nSet-Cookie: a=b"}, {"authorization_endpoint": 7}],
)  # fmt: skip
def test_metadata_that_is_not_the_issuers_is_not_used(
    browser: httpx2.Client, idp: IdentityProvider, metadata: dict[str, Any]
) -> None:
    idp.metadata = metadata
    assert problem_of(browser.get("/api/sign-in")) == "unavailable"


@pytest.mark.parametrize("keys", [[], None, [1], [{"kty": "oct", "k": "AAAA"}], [{"kty": "RSA"}]])
def test_keys_that_are_none_are_not_used(browser: httpx2.Client, idp: IdentityProvider, keys: Any) -> None:
    idp.answers["/jwks"] = status(200, {"keys": keys})
    assert problem_of(sign_in(browser, idp)) == "unavailable"


def test_who_is_signed_in_stays_so_while_the_identity_provider_is_down(
    browser: httpx2.Client, idp: IdentityProvider
) -> None:
    sign_in(browser, idp)
    idp.answers = {"/.well-known/openid-configuration": hangs_up, "/jwks": hangs_up, "/token": hangs_up}
    assert browser.get(PROTECTED).status_code == 200


def test_who_signs_out_is_sent_to_the_identity_provider_if_it_ends_sessions(
    browser: httpx2.Client, idp: IdentityProvider
) -> None:
    idp.metadata = {"end_session_endpoint": f"{idp.issuer}/logout?realm=fleet"}
    sign_in(browser, idp)
    assert browser.delete(SESSION, headers=OURS).status_code == 204
    elsewhere = browser.get("/api/sign-out")
    address = urlsplit(elsewhere.headers["location"])
    assert (elsewhere.status_code, f"{address.scheme}://{address.netloc}{address.path}") == (
        303,
        f"{idp.issuer}/logout",
    )
    assert parse_qs(address.query) == {
        "realm": ["fleet"],
        "client_id": [CLIENT],
        "post_logout_redirect_uri": ["https://logistics.example.org/signed-out"],
    }
    assert browser.get("/api/sign-out?post_logout_redirect_uri=https://evil.example").status_code == 422


@pytest.mark.parametrize(
    "metadata", [{}, {"end_session_endpoint": "javascript:alert(1)"}, {"end_session_endpoint": 7}, {"issuer": "x"}]
)
def test_who_cannot_sign_out_there_is_signed_out_here(
    browser: httpx2.Client, idp: IdentityProvider, metadata: dict[str, Any]
) -> None:
    idp.metadata = metadata
    assert browser.get("/api/sign-out").headers["location"] == "../signed-out"
    idp.answers["/.well-known/openid-configuration"] = hangs_up
    assert browser.get("/api/sign-out").headers["location"] == "../signed-out"


def test_signing_out_there_as_well_is_asked_for(
    api: Any, browser: httpx2.Client, idp: IdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    idp.metadata = {"end_session_endpoint": f"{idp.issuer}/logout"}
    monkeypatch.setattr(api.app.state.provider, "_signed_out_url", None)
    assert browser.get("/api/sign-out").headers["location"] == "../signed-out"
    assert idp.asked == []


def test_without_an_identity_provider_nobody_is_sent_anywhere(database_url: str, serve: Any) -> None:
    with serve(database_url) as api:
        for path in ("/api/sign-in", "/api/signed-in?code=x&state=y"):
            refused = api.client.get(path)
            assert refused.status_code == 404
            assert refused.json()["type"] == "urn:logistics:problem:no-identity-provider"
        assert api.client.get(SESSION).json()["can_sign_in"] is False
