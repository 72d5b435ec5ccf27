"""Requests against real servers: hosts, addresses, certificates, credentials, time, size, limits, and secrets."""

import gzip
import ssl
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import httpcore2
import pytest

from logistics_core.database_contract.pull_states import PullState
from logistics_core.zstd import decompress
from logistics_pipeline.database.connections import Connection, connect
from logistics_pipeline.sources.requests.addresses import is_allowed
from logistics_pipeline.sources.requests.rate_limits import wait_wanted
from tests.checkout import PROJECT_ROOT
from tests.sources.conftest import SourceUnderTest
from tests.sources.server import Answer, Asked, Fleet, once, trip

ONCE = "retries: {attempts: 1}\n"
SECRET = "s3cr3t-k3y+/="

# -- hosts and addresses ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "public", "private"),
    [
        ("93.184.216.34", True, True), ("2606:4700::1111", True, True),
        ("10.1.2.3", False, True), ("127.0.0.1", False, True), ("::1", False, True), ("192.168.0.9", False, True),
        ("fd00::1", False, True), ("::ffff:127.0.0.1", False, True), ("64:ff9b::7f00:1", False, True),
        ("2002:7f00:1::", False, True), ("::127.0.0.1", False, True), ("::a9fe:a9fe", False, False),
        ("64:ff9b:1::7f00:1", False, True), ("169.254.169.254", False, False), ("fe80::1%eth0", False, False),
        ("0.0.0.0", False, False), ("::", False, False), ("224.0.0.1", False, False), ("100.64.0.1", False, False),
        ("::ffff:169.254.169.254", False, False), ("64:ff9b::a9fe:a9fe", False, False),
    ],
)  # fmt: skip
def test_addresses_of_private_networks_are_asked_only_if_declared(address: str, public: bool, private: bool) -> None:
    assert (is_allowed(address, private=False), is_allowed(address, private=True)) == (public, private)


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "0x7f.1", "2130706433", "127.1"])
def test_no_name_of_this_machine_is_connected_to(source: SourceUnderTest, name: str) -> None:
    source.define_trips("cursor", top=ONCE)
    source.definition = source.definition.replace("private: true\n", "").replace("127.0.0.1", name)
    report = source.pull()
    assert report.pull.error_kind in ("host", "connection") and source.fleet.asked == []


@pytest.mark.parametrize(
    "link", ["{other}/nexturl?cursor=T1", "//evil.example/x", "http://user:pw@127.0.0.1/x", "ftp://x/y"]
)
def test_a_next_address_elsewhere_is_refused_and_nothing_is_sent_to_it(source: SourceUnderTest, link: str) -> None:
    with Fleet().served() as other:
        source.define_trips("nextUrl", top=ONCE)
        url = link.format(other=other.url)
        source.fleet.faults = [once(Answer({"items": [trip(1)], "next": url}))]
        report = source.pull()
        assert report.pull.error_kind == "host", report.pull.error
        assert other.asked == [] and len(source.fleet.asked) == 1
        assert "pw@" not in (report.pull.error or "")


class _Proxy(BaseHTTPRequestHandler):
    """Passes requests on, as proxies do for http."""

    protocol_version = "HTTP/1.1"
    passed: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.passed.append(self.path)
        sent = [(name, value) for name, value in self.headers.items() if name.lower() != "host"]
        response = httpcore2.request("GET", self.path, headers=sent)
        self.send_response(response.status)
        for name, value in response.headers:
            self.send_header(name.decode(), value.decode())
        self.end_headers()
        self.wfile.write(response.content)

    def log_message(self, format: str, *arguments: object) -> None:
        """Says nothing."""


def test_a_proxy_is_asked_in_place_of_the_source(source: SourceUnderTest) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Proxy) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        source.define_trips("cursor", top=ONCE + f"proxy: http://127.0.0.1:{proxy.server_port}\n")
        report = source.pull()
        proxy.shutdown()
    assert (report.pull.error, report.pull.records) == (None, 25)
    assert len(_Proxy.passed) == len(source.fleet.asked) == report.pull.pages
    assert all(each.startswith(source.fleet.url) for each in _Proxy.passed)


# -- certificates ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority, a server's certificate and a client's, made by openssl."""
    folder = tmp_path_factory.mktemp("certificates")

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-subj",
            "/CN=Test CA",
            "-days", "2")  # fmt: skip
    for name in ("server", "client"):
        openssl(
            "req",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-keyout",
            f"{name}.key",
            "-out",
            f"{name}.csr",
            "-subj",
            f"/CN={name}",
        )
        (folder / f"{name}.ext").write_text("subjectAltName=IP:127.0.0.1")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                "-days", "2",
                "-extfile", f"{name}.ext", "-out", f"{name}.pem")  # fmt: skip
    return folder


def test_certificates_are_checked_unless_a_reason_is_given(source: SourceUnderTest, certificates: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "server.pem", certificates / "server.key")
    with Fleet().served(lambda sock: context.wrap_socket(sock, server_side=True), "https") as fleet:
        source.fleet = fleet
        source.define_trips("cursor", top=ONCE)
        refused = source.pull()
        assert refused.pull.error_kind == "tls" and "tls.caFile" in (refused.pull.advice or ""), refused.pull.error
        source.define_trips("cursor", top=f"{ONCE}tls: {{caFile: {certificates / 'ca.pem'}}}\n")
        assert source.pull().pull.state is PullState.COMPLETE
        source.define_trips("cursor", top=f"{ONCE}tls: {{unverified: the device signs its own certificate}}\n")
        report = source.pull()
        assert report.pull.state.is_done and "the device signs its own" in report.pull.warnings[0]


def test_a_client_certificate_proves_who_asks(source: SourceUnderTest, certificates: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "server.pem", certificates / "server.key")
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(certificates / "ca.pem")
    with Fleet().served(lambda sock: context.wrap_socket(sock, server_side=True), "https") as fleet:
        source.fleet = fleet
        authority = f"caFile: {certificates / 'ca.pem'}"
        source.define_trips("cursor", top=f"{ONCE}tls: {{{authority}}}\n")
        assert source.pull().pull.state is PullState.FAILED
        own = f"certificate: {certificates / 'client.pem'}, key: {certificates / 'client.key'}"
        source.define_trips("cursor", top=f"{ONCE}tls: {{{authority}, {own}}}\n")
        assert source.pull().pull.state is PullState.COMPLETE


# -- time and size ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [
    Answer({"items": [trip(1)]}, drip=0.05), Answer({"items": []}, drip_head=0.05),
])  # fmt: skip
def test_a_slow_drip_cannot_hold_a_pull(source: SourceUnderTest, answer: Answer) -> None:
    source.define_trips("cursor", top=f"{ONCE}timeout: {{page: 1s, read: 500ms}}\n".replace("500ms", "0.5s"))
    source.fleet.faults = [once(answer)]
    began = time.monotonic()
    report = source.pull()
    assert report.pull.error_kind == "timeout" and time.monotonic() - began < 4


@pytest.mark.parametrize("compress", [False, True])
def test_a_page_beyond_the_limit_is_refused_before_it_is_held(source: SourceUnderTest, compress: bool) -> None:
    source.define_trips("cursor", top=f"{ONCE}maxPage: 1 MiB\n")
    content = b'{"items": "' + b"x" * (20 << 20) + b'"}'
    headers = {"Content-Encoding": "gzip"} if compress else {}
    source.fleet.faults = [once(Answer(raw=gzip.compress(content) if compress else content, headers=headers))]
    report = source.pull()
    assert report.pull.error_kind == "size" and "raise `maxPage`" in (report.pull.advice or "")
    assert not list(source.options.archive_dir.rglob("*.zst")) and not list(source.options.archive_dir.rglob(".*"))


def test_a_page_that_is_too_large_for_memory_is_read_record_by_record(source: SourceUnderTest) -> None:
    source.fleet.records = [trip(number, note="n" * 1000, big=10**30 + number, part=0.1) for number in range(6_000)]
    source.define_trips("none", "    total: total\n")
    report = source.pull()
    assert report.pull.state is PullState.COMPLETE, report.pull.error
    assert report.pull.bytes_received > 6 << 20 and source.landed() == source.fleet.records
    source.fleet.faults = [once(Answer({"message": "x" * (5 << 20)}))]
    assert "no list of records at items" in (source.pull().pull.error or "")


@pytest.mark.slow
def test_a_page_of_200_megabytes_is_read_in_less_than_192(source: SourceUnderTest, tmp_path: Path) -> None:
    record = b'{"id": "T%07d", "note": "' + b"n" * 1000 + b'"}'
    content = b'{"items": [' + b",".join(record % number for number in range(200_000)) + b"]}"
    source.fleet.faults = [once(Answer(raw=content))]
    source.define_trips("none", top=f"{ONCE}maxPage: 1 GiB\n")
    definition = tmp_path / "fleet.yaml"
    definition.write_text(source.definition)
    script = (
        "import re, sys; from tests.sources.pulling_process import main; main(*sys.argv[1:]); "
        "print(re.search('VmHWM: *\\t*([0-9]+)', open('/proc/self/status').read().replace(' ', ''))[1])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, source.url, str(definition), str(source.folder)],
        cwd=PROJECT_ROOT, capture_output=True, text=True, check=True, timeout=400,
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert lines[1].startswith("complete"), done.stdout
    assert int(lines[2]) < 192 << 10, "kilobytes"


# -- credentials -----------------------------------------------------------------------------------------------------


def refuse_unless(check: Any) -> Any:
    """A server that answers 401 to requests that do not pass."""

    def before(answer: Any) -> Any:
        return lambda asked: answer(asked) if asked.path == "/token" or check(asked) else Answer({"error": "who?"}, 401)

    return before


@pytest.mark.parametrize(
    ("how", "check"),
    [
        ("{type: apiKey, token: env:FLEET_KEY}", lambda asked: asked.headers.get("x-api-key") == SECRET),
        ("{type: apiKey, token: env:FLEET_KEY, in: query, name: api_key}", lambda asked: asked.at("api_key") == SECRET),
        ("{type: apiKey, token: env:FLEET_KEY, name: Authorization, prefix: Token}",
         lambda asked: asked.headers.get("authorization") == f"Token {SECRET}"),
        ("{type: bearer, token: env:FLEET_KEY}",
         lambda asked: asked.headers.get("authorization") == f"Bearer {SECRET}"),
        ("{type: basic, username: fleet, password: env:FLEET_KEY}",
         lambda asked: asked.headers.get("authorization", "") == "Basic ZmxlZXQ6czNjcjN0LWszeSsvPQ=="),
        ("{type: oauth2ClientCredentials, tokenUrl: URL/token, clientId: me, clientSecret: env:FLEET_KEY, scope: read}",
         lambda asked: asked.headers.get("authorization", "").startswith("Bearer token-")),
        ("{type: oauth2Refresh, tokenUrl: URL/token, clientId: me, refreshToken: env:FLEET_KEY, clientIn: header}",
         lambda asked: asked.headers.get("authorization", "").startswith("Bearer token-")),
    ],
)  # fmt: skip
@pytest.mark.parametrize("pagination", ["cursor", "nextUrl"])
def test_every_authentication_is_accepted_and_no_secret_is_left_anywhere(
    source: SourceUnderTest,
    connection: Connection,
    monkeypatch: pytest.MonkeyPatch,
    how: str,
    check: Any,
    pagination: str,
) -> None:
    monkeypatch.setenv("FLEET_KEY", SECRET)
    source.fleet.answer = refuse_unless(check)(source.fleet.answer)  # type: ignore[method-assign]
    how = how.replace("URL", source.fleet.url)
    source.define_trips(pagination, top=f"{ONCE}authentication: {how}\n")
    report = source.pull()
    assert report.pull.state is PullState.COMPLETE and len(source.landed()) == 25, report.pull.error
    monkeypatch.setenv("FLEET_KEY", f"{SECRET}-wrong")
    echo = lambda asked: Answer({"error": f"{asked.headers} {asked.query} is wrong"}, 403)  # noqa: E731
    source.fleet.faults = [echo, echo]
    refused = source.pull()
    assert refused.pull.error_kind == "authentication" and refused.pull.advice, refused.pull.error
    assert_no_secret(source, connection)


def assert_no_secret(source: SourceUnderTest, connection: Connection) -> None:
    """Not in the database, the archive or the raw folder; tokens that a server issues neither."""
    stored = connection.execute(
        "SELECT to_json(p)::text FROM source.pulls p UNION SELECT to_json(p)::text FROM source.pages p"
    )
    texts = [row[0] for row in stored.fetchall()]
    for path in source.folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            texts.append((decompress(content) if path.suffix == ".zst" else content).decode())
    assert len(texts) > 5
    for text in texts:
        for secret in (SECRET, "s3cr3t-k3y", "czNjcjN0", "-abcdef"):
            assert secret not in text


def test_a_token_that_ends_in_the_middle_is_renewed_once(
    source: SourceUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEET_KEY", SECRET)
    fleet, good = source.fleet, {"token": ""}

    def answer(asked: Asked) -> Answer:
        if asked.path == "/token":
            good["token"] = f"token-{len(fleet.asked)}-abcdef"
            return Answer({"access_token": good["token"], "expires_in": 3600})
        if len(fleet.requests_to("/cursor")) == 2:
            good["token"] = "ended"
        is_good = asked.headers.get("authorization") == f"Bearer {good['token']}"
        return Fleet.answer(fleet, asked) if is_good else Answer({"error": "expired"}, 401)

    fleet.answer = answer  # type: ignore[method-assign]
    how = f"{{type: oauth2ClientCredentials, tokenUrl: {fleet.url}/token, clientId: me, clientSecret: env:FLEET_KEY}}"
    source.define_trips("cursor", top=f"{ONCE}authentication: {how}\n")
    report = source.pull()
    assert report.pull.state is PullState.COMPLETE, report.pull.error
    assert len(fleet.requests_to("/token")) == 2 and report.pull.requests == len(fleet.asked)


def test_a_token_that_is_about_to_end_is_renewed_before(
    source: SourceUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEET_KEY", SECRET)
    token = Answer({"access_token": "token-short", "expires_in": 0.01})
    source.fleet.on_token = lambda asked: token  # type: ignore[method-assign]
    source.fleet.before = lambda asked: time.sleep(0.02)
    url = f"{source.fleet.url}/token"
    how = f"{{type: oauth2ClientCredentials, tokenUrl: {url}, clientId: me, clientSecret: env:FLEET_KEY}}"
    source.define_trips("cursor", top=f"{ONCE}authentication: {how}\n")
    assert source.pull().pull.state is PullState.COMPLETE
    assert len(source.fleet.requests_to("/token")) == 3


@pytest.mark.parametrize(
    "top",
    ["authentication: {type: bearer, token: env:NO_SUCH_VARIABLE}", "headers: {X-Fleet: env:NO_SUCH_VARIABLE}"],
)
def test_a_missing_secret_is_named_and_nothing_is_sent_nor_counted(source: SourceUnderTest, top: str) -> None:
    source.define_trips("cursor", top=f"{ONCE}limits: {{perDay: 100}}\n{top}\n")
    report = source.pull()
    assert report.pull.error_kind == "configuration" and "NO_SUCH_VARIABLE" in (report.pull.error or "")
    assert source.fleet.asked == [] and report.pull.requests == 0
    with connect(source.url) as connection:
        day = connection.execute("SELECT sum(requests) FROM source.rate_limits").fetchone()
    assert day == (None,), "a request of the day is one that was sent"


# -- limits ----------------------------------------------------------------------------------------------------------


def test_requests_keep_to_the_rate(source: SourceUnderTest) -> None:
    source.fleet.records = [trip(number) for number in range(60)]
    source.define_trips("cursor", top="limits: {perSecond: 4, burst: 3}\n")
    began = time.monotonic()
    report = source.pull()
    assert report.pull.requests == 6 and time.monotonic() - began >= 3 / 4
    assert report.pull.seconds_waited > 0


def test_a_day_has_its_requests(source: SourceUnderTest) -> None:
    source.define_trips("cursor", top="limits: {perDay: 2}\n")
    report = source.pull()
    assert report.pull.state is PullState.PAUSED and report.pull.pages == 2
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date()
    assert report.pull.paused_until is not None and report.pull.paused_until.date() == tomorrow


def test_limits_that_responses_tell_are_obeyed_before_a_refusal(source: SourceUnderTest) -> None:
    source.define_trips("cursor", top="limits: {longestWait: 5s}\n")
    source.fleet.faults = [
        once(
            Answer({"items": [trip(1)], "next": "T1"}, headers={"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1"})
        )
    ]
    began = time.monotonic()
    assert source.pull().pull.state is PullState.COMPLETE and time.monotonic() - began >= 0.9


NOW = datetime(2024, 5, 1, 10, tzinfo=UTC)
DATE = format_datetime(NOW, usegmt=True)


@pytest.mark.parametrize(
    ("headers", "refused", "seconds"),
    [
        ({"retry-after": "7"}, True, 7),
        ({"retry-after": format_datetime(NOW + timedelta(seconds=90), usegmt=True)}, True, 90),
        ({"retry-after": format_datetime(NOW - timedelta(seconds=90), usegmt=True)}, True, 0),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "12"}, False, 12),
        ({"x-ratelimit-remaining": "3", "x-ratelimit-reset": "12"}, False, None),
        ({"x-ratelimit-reset": str(int(NOW.timestamp()) + 30)}, True, 30),
        ({"x-ratelimit-reset": str((int(NOW.timestamp()) + 30) * 1000)}, True, 30),
        ({"ratelimit-remaining": "0", "ratelimit-reset": "5"}, False, 5),
        ({"ratelimit": '"default";r=0;t=9'}, False, 9), ({"ratelimit": "limit=10, remaining=0, reset=4"}, False, 4),
        ({}, True, None), ({"retry-after": "soon"}, True, None), ({"x-ratelimit-reset": "5"}, False, None),
    ],
)  # fmt: skip
def test_what_headers_say_about_limits(headers: dict[str, str], refused: bool, seconds: float | None) -> None:
    assert wait_wanted({"date": DATE, **headers}, is_refused=refused) == seconds
