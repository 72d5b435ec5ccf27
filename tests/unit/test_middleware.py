"""The middleware by itself: around an application of the test's own, without a server or database."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Any

import brotli
import httpx2
import pytest
from starlette.types import Message, Receive, Scope, Send

from logistics_api.database.freshness import Freshness, Published
from logistics_api.errors import Problem
from logistics_api.http import stack
from logistics_api.http.auth.authentication import Authenticator
from logistics_api.http.cache import ResponseCache
from logistics_api.http.negotiation import acceptable_codings, matches
from logistics_core import zstd
from logistics_core.settings import Settings

BODY = b'{"figures": [' + b", ".join(b'{"route": %d}' % number for number in range(500)) + b"]}"
FIGURE = "/api/figure?start=2024-01-01"


class Application:
    """Stands for FastAPI: answers as it is told, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.status = 200
        self.body = BODY
        self.version: int | None = 1
        self.media_type = b"application/json"
        self.caching: bytes | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.fails: BaseException | None = None
        self.pieces = 1
        self.before_answer: Callable[[], None] = lambda: None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["method"] != "HEAD"
        self.asked += 1
        status, body, version, fails = self.status, self.body, self.version, self.fails
        await self.gate.wait()
        if fails is not None:
            raise fails
        self.before_answer()
        headers = [(b"content-type", self.media_type)]
        if version is not None and status == 200:
            headers.append((b"data-version", str(version).encode()))
        if self.caching is not None:
            headers.append((b"cache-control", self.caching))
        if self.pieces == 1:
            headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        for number in range(self.pieces):
            more = number < self.pieces - 1
            await send({"type": "http.response.body", "body": body, "more_body": more})


class Noted:
    """Metrics and log of requests."""

    def __init__(self) -> None:
        self.observed: list[tuple[str, str, int, str]] = []
        self.sent_bytes: list[int] = []

    def observe(self, method: str, template: str, status: int, seconds: float, cache: str) -> None:
        assert 0 <= seconds < 60
        self.observed.append((method, template, status, cache))

    def write(self, scope: Scope, template: str, status: int, seconds: float, sent_bytes: int, cache: str) -> None:
        assert scope["state"]["request_id"]
        self.sent_bytes.append(sent_bytes)


class Bench:
    """The middleware with what it needs."""

    def __init__(self, *, max_bytes: int = 1 << 20, wait_seconds: float = 5.0, **settings: Any) -> None:
        self.freshness = Freshness()
        self.freshness.confirm(Published(1, None))
        self.freshness.reachable = True
        self.app = Application()
        self.noted = Noted()
        self.cache = ResponseCache(self.freshness, max_bytes)
        self.authenticator = Authenticator(Settings(**settings))
        self.stack = stack.wrap(
            self.app,
            authenticator=self.authenticator,
            cache=self.cache,
            metrics=self.noted,
            log=self.noted,
            template_of=lambda _: None,
            wait_seconds=wait_seconds,
        )
        transport = httpx2.ASGITransport(self.stack, raise_app_exceptions=False)
        self.client = httpx2.AsyncClient(
            transport=transport, base_url="http://localhost", headers={"Accept-Encoding": ""}
        )

    async def get(self, path: str = FIGURE, **headers: str) -> httpx2.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.get(path, headers={"Accept-Encoding": "identity"} | named)

    def publish(self, version: int, calculated_at: float | None = None) -> None:
        self.freshness.confirm(Published(version, calculated_at))
        self.app.version = version


Test = Callable[[Bench], Coroutine[Any, Any, None]]


def edged(**options: Any) -> Callable[[Test], Callable[[], None]]:
    """Runs a coroutine as a test, with a bench of its own."""

    def decorate(test: Test) -> Callable[[], None]:
        async def run() -> None:
            bench = Bench(**options)
            async with bench.client:
                await test(bench)

        def synchronous() -> None:
            asyncio.run(run())

        synchronous.__name__ = test.__name__
        return synchronous

    return decorate


def with_bench(test: Test) -> Callable[[], None]:
    return edged()(test)


# What is kept


@with_bench
async def test_a_figure_is_asked_for_once_per_version(bench: Bench) -> None:
    first, second = await bench.get(), await bench.get()
    assert bench.app.asked == 1
    assert first.content == second.content == BODY
    assert first.headers["etag"] == second.headers["etag"]
    assert "cache;desc=miss" in first.headers["server-timing"]
    assert "cache;desc=hit" in second.headers["server-timing"]
    bench.publish(2)
    assert (await bench.get()).headers["data-version"] == "2"
    assert bench.app.asked == 2


@with_bench
async def test_another_query_string_is_another_answer(bench: Bench) -> None:
    await bench.get(FIGURE)
    await bench.get(FIGURE + "&end=2024-02-01")
    await bench.get("/api/other?start=2024-01-01")
    assert bench.app.asked == 3


@pytest.mark.parametrize("status", [201, 204, 302, 404, 422, 500, 503, 504])
def test_only_successes_are_kept(status: int) -> None:
    @with_bench
    async def test(bench: Bench) -> None:
        bench.app.status = status
        for _ in range(2):
            assert (await bench.get()).status_code == status
        assert bench.app.asked == 2
        assert len(bench.cache) == 0

    test()


@with_bench
async def test_answers_without_a_data_version_pass_and_are_not_to_be_stored_anywhere(bench: Bench) -> None:
    bench.app.version = None
    for _ in range(2):
        response = await bench.get()
        assert response.content == BODY
        assert response.headers["cache-control"] == "no-store"
        assert "etag" not in response.headers
        assert "cache" not in response.headers["server-timing"]
    assert bench.app.asked == 2
    assert len(bench.cache) == 0


@with_bench
async def test_a_stream_passes_in_its_pieces_even_with_a_data_version(bench: Bench) -> None:
    bench.app.pieces = 3
    assert (await bench.get()).content == BODY * 3
    assert len(bench.cache) == 0


@pytest.mark.parametrize("version", [1, 3])
def test_an_answer_of_another_version_than_the_newest_known_is_not_kept(version: int) -> None:
    @with_bench
    async def test(bench: Bench) -> None:
        bench.publish(2)
        bench.app.version = version
        for _ in range(2):
            assert (await bench.get()).headers["data-version"] == str(version)
        assert bench.app.asked == 2

    test()


@with_bench
async def test_an_answer_that_a_refresh_overtakes_is_not_kept(bench: Bench) -> None:
    bench.app.before_answer = lambda: bench.publish(2)
    assert (await bench.get()).headers["data-version"] == "1"
    assert len(bench.cache) == 0
    assert (await bench.get()).headers["data-version"] == "2"


@with_bench
async def test_the_same_number_of_another_refresh_is_another_version(bench: Bench) -> None:
    await bench.get()
    bench.publish(1, calculated_at=1704067200.0)
    await bench.get()
    assert bench.app.asked == 2


@with_bench
async def test_nothing_is_kept_before_a_version_is_known(bench: Bench) -> None:
    bench.freshness.confirm(None)
    await bench.get()
    await bench.get()
    assert bench.app.asked == 2


@with_bench
async def test_outside_of_the_api_nobody_waits_for_another_and_nothing_is_kept(bench: Bench) -> None:
    bench.app.gate.clear()
    both = asyncio.gather(bench.get("/assets/a.js"), bench.get("/assets/a.js"))
    async with asyncio.timeout(10):
        while bench.app.asked < 2:
            await asyncio.sleep(0)
    bench.app.gate.set()
    await both
    assert len(bench.cache) == 0


@edged(max_bytes=200_000)
async def test_memory_is_bounded_in_bytes_and_the_longest_unused_goes_first(bench: Bench) -> None:
    bench.app.body = BODY[:5000]
    await bench.get("/api/first")
    for number in range(200):
        await bench.get(f"/api/{number}", Accept_Encoding="br")
        await bench.get("/api/first")
        assert bench.cache.bytes <= 200_000
    assert bench.app.asked == 201
    assert 10 < len(bench.cache) < 50


@edged(max_bytes=200_000)
async def test_an_answer_that_would_push_out_many_others_is_not_kept(bench: Bench) -> None:
    bench.app.body = b"x" * 100_000
    for _ in range(2):
        assert (await bench.get()).status_code == 200
    assert bench.app.asked == 2


# Conditions


@pytest.mark.parametrize(
    "sent",
    ["{etag}", "{strong}", '"a", {etag}', '"a,b" , W/"c", {strong},"d"', "*", " * "],
)
def test_what_the_client_has_already_is_not_sent_again(sent: str) -> None:
    @with_bench
    async def test(bench: Bench) -> None:
        full = await bench.get()
        etag = full.headers["etag"]
        assert etag.startswith('W/"')
        condition = sent.format(etag=etag, strong=etag.removeprefix("W/"))
        response = await bench.get(If_None_Match=condition)
        assert response.status_code == 304
        assert response.content == b""
        for name in ("etag", "vary", "cache-control", "data-version", "x-request-id", "server-timing"):
            assert name in response.headers
        assert "content-length" not in response.headers
        assert "content-type" not in response.headers

    test()


@pytest.mark.parametrize("sent", ['"other"', 'W/"other", "more"', "", "etag", '"*"'])
def test_what_the_client_does_not_have_is_sent(sent: str) -> None:
    @with_bench
    async def test(bench: Bench) -> None:
        await bench.get()
        assert (await bench.get(If_None_Match=sent)).content == BODY

    test()


@with_bench
async def test_several_headers_are_one_list(bench: Bench) -> None:
    etag = (await bench.get()).headers["etag"]
    headers = [("If-None-Match", '"a"'), ("If-None-Match", etag)]
    assert (await bench.client.get(FIGURE, headers=headers)).status_code == 304


@with_bench
async def test_a_refresh_that_left_the_figure_as_it_was_leaves_its_etag(bench: Bench) -> None:
    etag = (await bench.get()).headers["etag"]
    bench.publish(2)
    response = await bench.get(If_None_Match=etag)
    assert (response.status_code, response.headers["data-version"]) == (304, "2")
    bench.publish(3)
    bench.app.body = BODY + b" "
    assert (await bench.get(If_None_Match=etag)).status_code == 200


@with_bench
async def test_head_is_answered_like_get_and_fills_the_cache(bench: Bench) -> None:
    head = await bench.client.head(FIGURE, headers={"Accept-Encoding": "identity"})
    get = await bench.get()
    assert bench.app.asked == 1
    for name in ("content-length", "content-type", "etag", "vary"):
        assert head.headers[name] == get.headers[name]
    assert [(method, cache) for method, _, _, cache in bench.noted.observed] == [("HEAD", "miss"), ("GET", "hit")]


@with_bench
async def test_other_methods_are_never_answered_from_memory(bench: Bench) -> None:
    await bench.get()
    await bench.client.post(FIGURE)
    assert bench.app.asked == 2


# Codings

UNPACK: dict[str, Callable[[bytes], bytes]] = {
    "zstd": zstd.decompress,
    "br": brotli.decompress,
    "gzip": gzip.decompress,
}


async def raw(bench: Bench, path: str, accept: str | None) -> tuple[httpx2.Response, bytes]:
    """An answer and its body as it was on the wire."""
    request = bench.client.build_request("GET", path)
    del request.headers["accept-encoding"]
    if accept is not None:
        request.headers["accept-encoding"] = accept
    response = await bench.client.send(request, stream=True)
    return response, b"".join([piece async for piece in response.aiter_raw()])


@pytest.mark.parametrize(
    ("accept", "coding"),
    [
        (None, None),
        ("", None),
        ("identity", None),
        ("compress", None),
        ("gzip", "gzip"),
        ("x-gzip", "gzip"),
        ("gzip, deflate", "gzip"),
        ("gzip, deflate, br", "br"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("GZIP;Q=1", "gzip"),
        ("zstd;q=0.1, br;q=0.2", "br"),
        ("zstd;q=0, br;q=0, *", "gzip"),
        ("*", "zstd"),
        ("*;q=0, br", "br"),
        ("identity;q=0, gzip;q=0.01", "gzip"),
        ("identity, gzip;q=0.5", None),
        ("br;q=oops", None),
        ("br;q=2", None),
        ("br ; q=0.8 , gzip ; q=0.9", "gzip"),
    ],
)
def test_the_coding_is_the_one_the_client_likes_best(accept: str | None, coding: str | None) -> None:
    @with_bench
    async def test(bench: Bench) -> None:
        for _ in range(2):
            response, body = await raw(bench, FIGURE, accept)
            assert response.status_code == 200
            assert response.headers.get("content-encoding") == coding
            assert response.headers["content-length"] == str(len(body))
            assert response.headers["vary"] == "Accept-Encoding"
            assert (UNPACK[coding](body) if coding else body) == BODY
        assert bench.app.asked == 1

    test()


@pytest.mark.parametrize("accept", ["identity;q=0", "*;q=0", "identity;q=0, compress"])
def test_a_client_that_takes_nothing_is_told_so(accept: str) -> None:
    @with_bench
    async def test(bench: Bench) -> None:
        response, _ = await raw(bench, FIGURE, accept)
        assert response.status_code == 406
        assert response.headers["content-type"] == "application/problem+json"

    test()


@with_bench
async def test_small_answers_are_not_compressed_unless_they_must_be(bench: Bench) -> None:
    bench.app.body = b'{"total": 1}'
    assert "content-encoding" not in (await raw(bench, FIGURE, "br"))[0].headers
    response, body = await raw(bench, FIGURE, "br, identity;q=0")
    assert brotli.decompress(body) == b'{"total": 1}'
    assert response.headers["content-encoding"] == "br"


@with_bench
async def test_one_entity_tag_for_all_codings(bench: Bench) -> None:
    tags = {(await raw(bench, FIGURE, accept))[0].headers["etag"] for accept in ("identity", "br", "zstd", "gzip")}
    assert len(tags) == 1


@with_bench
async def test_a_coding_is_made_once_however_many_ask_for_it(bench: Bench) -> None:
    await bench.get()
    (entry,) = (bench.cache.find(("/api/figure", b"start=2024-01-01")),)
    assert entry is not None
    made = await asyncio.gather(*(entry.compressed("br") for _ in range(20)))
    assert len({id(each) for each in made}) == 1


@pytest.mark.parametrize(
    ("path", "accept", "coding"),
    [
        ("/api/shipments", "gzip, br", None),  # rows: compressed anew each time, so only where that is cheap
        ("/api/shipments", "gzip, br, zstd", "zstd"),
        ("/openapi.json", "gzip, br", "br"),
        ("/openapi.json", None, None),
    ],
)
def test_what_is_not_kept_is_compressed_where_that_is_cheap(path: str, accept: str | None, coding: str | None) -> None:
    @with_bench
    async def test(bench: Bench) -> None:
        bench.app.version = None
        response, body = await raw(bench, path, accept)
        assert response.headers.get("content-encoding") == coding
        assert response.headers["content-length"] == str(len(body))
        assert response.headers["vary"] == "Accept-Encoding"
        assert (UNPACK[coding](body) if coding else body) == BODY

    test()


@with_bench
async def test_what_is_packed_already_is_left_alone(bench: Bench) -> None:
    bench.app.version = None
    bench.app.media_type = b"application/vnd.apache.parquet"
    response, body = await raw(bench, "/api/exports/shipments.parquet", "zstd")
    assert "content-encoding" not in response.headers
    assert body == BODY


# One question at a time


@asynccontextmanager
async def asked_by(bench: Bench, clients: int) -> AsyncIterator[list[asyncio.Task[httpx2.Response]]]:
    """Clients that all wait for the same answer."""
    bench.app.gate.clear()
    tasks = [asyncio.create_task(bench.get()) for _ in range(clients)]
    await settled()
    yield tasks


async def settled() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


@with_bench
async def test_the_same_question_is_asked_once_at_a_time(bench: Bench) -> None:
    async with asked_by(bench, 20) as tasks:
        bench.app.gate.set()
    answers = await asyncio.gather(*tasks)
    assert bench.app.asked == 1
    assert {answer.content for answer in answers} == {BODY}
    assert len({answer.headers["x-request-id"] for answer in answers}) == 20


@with_bench
async def test_who_asks_after_a_refresh_does_not_get_an_answer_from_before(bench: Bench) -> None:
    async with asked_by(bench, 3) as before:
        bench.publish(2)
        after = [asyncio.create_task(bench.get()) for _ in range(3)]
        await settled()
        bench.app.gate.set()
    assert {answer.headers["data-version"] for answer in await asyncio.gather(*before)} == {"1"}
    assert {answer.headers["data-version"] for answer in await asyncio.gather(*after)} == {"2"}
    assert bench.app.asked == 2


@pytest.mark.parametrize("failure", [RuntimeError("a bug"), Problem(503, "database-busy", "Busy", "Busy")])
def test_a_failure_is_that_of_who_asked_and_the_others_ask_for_themselves(failure: Exception) -> None:
    @with_bench
    async def test(bench: Bench) -> None:
        bench.app.fails = failure
        async with asked_by(bench, 4) as tasks:
            bench.app.fails = None
            bench.app.gate.set()
        statuses = sorted(answer.status_code for answer in await asyncio.gather(*tasks))
        assert statuses == [200, 200, 200, 503 if isinstance(failure, Problem) else 500]
        assert (await bench.get()).status_code == 200

    test()


@with_bench
async def test_one_that_is_cancelled_leaves_nobody_hanging(bench: Bench) -> None:
    async with asked_by(bench, 4) as tasks:
        tasks[0].cancel()
        await settled()
        bench.app.gate.set()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(answers[0], asyncio.CancelledError)
    assert [answer.status_code for answer in answers[1:] if isinstance(answer, httpx2.Response)] == [200] * 3


@with_bench
async def test_one_of_those_who_wait_may_go(bench: Bench) -> None:
    async with asked_by(bench, 3) as tasks:
        tasks[2].cancel()
        await settled()
        bench.app.gate.set()
    assert [(await task).status_code for task in tasks[:2]] == [200, 200]
    assert bench.app.asked == 1


@edged(wait_seconds=0.05)
async def test_waiting_is_bounded(bench: Bench) -> None:
    async with asked_by(bench, 1) as tasks:
        refused = await bench.get()
        assert refused.status_code == 503
        assert refused.headers["retry-after"] == "1"
        assert refused.json()["type"] == "urn:logistics:problem:database-busy"
        bench.app.gate.set()
    assert (await tasks[0]).status_code == 200


@with_bench
async def test_nobody_waits_for_another_where_answers_are_not_kept(bench: Bench) -> None:
    bench.app.version = None
    await bench.get()
    async with asked_by(bench, 3) as tasks:
        assert bench.app.asked == 4
        bench.app.gate.set()
    assert {answer.status_code for answer in await asyncio.gather(*tasks)} == {200}


# While the database is away


@with_bench
async def test_what_is_kept_is_answered_while_the_database_is_away_and_marked(bench: Bench) -> None:
    fresh = await bench.get()
    assert "age" not in fresh.headers and "warning" not in fresh.headers
    bench.freshness.reachable = False
    bench.freshness.confirmed_at -= 42
    stale = await bench.get()
    assert stale.content == BODY
    assert stale.headers["age"] == "42"
    assert stale.headers["warning"] == '110 - "Response is Stale"'
    unmodified = await bench.get(If_None_Match=fresh.headers["etag"])
    assert unmodified.status_code == 304
    assert unmodified.headers["age"] == "42"
    bench.freshness.reachable = True
    again = await bench.get()
    assert "age" not in again.headers and "warning" not in again.headers
    assert bench.app.asked == 1


@with_bench
async def test_an_older_version_is_better_than_nothing(bench: Bench) -> None:
    await bench.get()
    bench.publish(2)
    bench.freshness.reachable = False
    stale = await bench.get()
    assert stale.headers["data-version"] == "1"
    assert "warning" in stale.headers


@with_bench
async def test_a_database_that_refuses_is_one_that_is_away(bench: Bench) -> None:
    await bench.get()
    bench.publish(2)
    bench.app.status, bench.app.body = 503, b"{}"
    stale = await bench.get()
    assert (stale.status_code, stale.headers["data-version"]) == (200, "1")
    assert "warning" in stale.headers
    assert (await bench.get("/api/never-asked")).status_code == 503


@with_bench
async def test_a_stale_answer_is_not_to_be_stored_or_its_marks_would_outlive_the_outage(bench: Bench) -> None:
    fresh = await bench.get()
    assert fresh.headers["cache-control"] == "no-cache"
    bench.freshness.reachable = False
    for stale in (await bench.get(), await bench.get(If_None_Match=fresh.headers["etag"])):
        assert stale.headers["cache-control"] == "no-store"
    bench.freshness.reachable = True
    assert (await bench.get()).headers["cache-control"] == "no-cache"


@with_bench
async def test_what_changes_within_a_version_is_computed_each_time_and_answered_while_the_database_is_away(
    bench: Bench,
) -> None:
    bench.app.caching = b"no-store"
    first = await bench.get()
    assert first.headers["cache-control"] == "no-store"
    bench.app.body = BODY + b" "
    assert (await bench.get()).content == BODY + b" "
    assert bench.app.asked == 2
    bench.freshness.reachable = False
    stale = await bench.get()
    assert (stale.content, stale.headers["data-version"]) == (BODY + b" ", "1")
    assert "warning" in stale.headers and "age" in stale.headers
    assert bench.app.asked == 2


@with_bench
async def test_nobody_joins_an_answer_that_may_be_older_than_the_question(bench: Bench) -> None:
    bench.app.caching = b"no-store"
    await bench.get()
    bench.app.gate.clear()
    tasks = [asyncio.create_task(bench.get()) for _ in range(3)]
    await asyncio.sleep(0.01)
    assert bench.app.asked == 4
    bench.app.gate.set()
    await asyncio.gather(*tasks)


# One data version


@with_bench
async def test_the_figures_of_one_version_are_answered_or_none(bench: Bench) -> None:
    await bench.get()
    assert (await bench.get(If_Data_Version="1")).headers["data-version"] == "1"
    bench.publish(2)
    bench.app.body = BODY + b" "
    await bench.get()
    older = await bench.get(If_Data_Version="1")
    assert (older.content, older.headers["data-version"]) == (BODY, "1")
    assert "warning" in older.headers, "it is not the newest"
    newest = await bench.get(If_Data_Version="2")
    assert (newest.content, newest.headers["data-version"]) == (BODY + b" ", "2")
    assert "warning" not in newest.headers
    assert bench.app.asked == 2
    refused = await bench.get(If_Data_Version="3")
    assert (refused.status_code, refused.headers["data-version"]) == (412, "2")
    assert refused.json()["type"] == "urn:logistics:problem:data-version-unavailable"


@with_bench
async def test_one_version_is_asked_for_while_the_database_is_away(bench: Bench) -> None:
    for version in (1, 2):
        bench.publish(version)
        await bench.get()
    bench.freshness.reachable = False
    for pinned in ("1", "2"):
        stale = await bench.get(If_Data_Version=pinned)
        assert (stale.status_code, stale.headers["data-version"]) == (200, pinned)
        assert "warning" in stale.headers
    assert (await bench.get(If_Data_Version="3")).status_code == 412
    assert (await bench.get(If_Data_Version="02")).status_code == 200


@with_bench
async def test_a_version_that_nobody_asked_for_yet_is_computed_if_it_is_the_newest(bench: Bench) -> None:
    assert (await bench.get(If_Data_Version="1")).status_code == 200
    assert (await bench.get()).status_code == 200
    assert bench.app.asked == 1
    assert (await bench.get("/api/other", If_Data_Version="7")).status_code == 412


@pytest.mark.parametrize("sent", ["", "x", "-1", "1.0", "1, 2", "9" * 19])
def test_what_is_no_version_is_refused(sent: str) -> None:
    async def test(bench: Bench) -> None:
        refused = await bench.get(If_Data_Version=sent)
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["parameter"] == "If-Data-Version"
        assert bench.app.asked == 0

    with_bench(test)()


@with_bench
async def test_older_versions_are_few_and_make_room_first(bench: Bench) -> None:
    for version in range(1, 6):
        bench.publish(version)
        await bench.get()
    known = [(await bench.get(If_Data_Version=str(version))).status_code for version in range(1, 6)]
    assert known == [412, 412, 200, 200, 200]
    assert bench.cache.bytes < 5 * len(BODY)


@edged(max_bytes=8 * 2 * (len(BODY) + 2_000))
async def test_older_versions_go_before_an_answer_is_not_kept_for_its_size(bench: Bench) -> None:
    for version in range(1, 4):
        bench.publish(version)
        await bench.get()
    assert len(bench.cache) == 1
    assert (await bench.get(If_Data_Version="1")).status_code == 412
    assert "cache;desc=hit" in (await bench.get()).headers["server-timing"]


@with_bench
async def test_after_a_restore_a_number_means_the_figures_of_now(bench: Bench) -> None:
    for version in (6, 7):
        bench.publish(version, 1.0)
        await bench.get()
    bench.app.body = b"restored"
    bench.publish(6, 2.0)
    await bench.get()
    assert (await bench.get(If_Data_Version="6")).content == b"restored"
    assert (await bench.get(If_Data_Version="7")).status_code == 412


# Around it


class KeysTable:
    """A connection to a database that has one API key."""

    async def execute(self, _query: bytes) -> "KeysTable":
        return self

    async def fetchall(self) -> list[tuple[Any, ...]]:
        return [(sha256(b"good").digest(), "reader", ["read"], None, None, None)]


@edged(api_anonymous="none")
async def test_a_cached_response_needs_authorisation_too(bench: Bench) -> None:
    await bench.authenticator.keyring.reload(KeysTable())  # type: ignore[arg-type]
    admitted = await bench.get(X_API_Key="good")
    assert admitted.headers["cache-control"] == "private, no-cache"
    refused = await bench.get(If_None_Match=admitted.headers["etag"])
    assert refused.status_code == 401
    assert refused.headers["x-request-id"] == refused.json()["request_id"]
    assert bench.app.asked == 1


@with_bench
async def test_every_answer_is_counted_and_logged_once(bench: Bench) -> None:
    await bench.get()
    await bench.get()
    await bench.get(If_None_Match="*")
    bench.app.status = 404
    await bench.get("/elsewhere")
    bench.app.fails = RuntimeError("a bug")
    await bench.get("/broken")
    assert [(status, cache) for _, _, status, cache in bench.noted.observed] == [
        (200, "miss"),
        (200, "hit"),
        (304, "hit"),
        (404, "none"),
        (500, "none"),
    ]
    assert bench.noted.sent_bytes[:3] == [len(BODY), len(BODY), 0]


@with_bench
async def test_headers_of_one_answer_do_not_leak_into_another(bench: Bench) -> None:
    """CORSMiddleware changes the message it is given: what is kept must be out of its reach."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)
        message.get("headers", []).append((b"access-control-allow-origin", b"https://a.example"))

    async def receive() -> Message:
        return {"type": "http.request"}

    scope = {"type": "http", "method": "GET", "path": "/api/figure", "query_string": b""}
    scope["headers"] = [(b"host", b"localhost")]
    for _ in range(3):
        await bench.stack(dict(scope), receive, send)
    starts = [message for message in sent if message["type"] == "http.response.start"]
    for start in starts:
        assert [name for name, _ in start["headers"]].count(b"access-control-allow-origin") == 1


def test_codings_are_ranked_by_weight_and_then_by_our_preference() -> None:
    assert acceptable_codings(b"gzip, br;q=0.9, *;q=0.1") == ("gzip", "br", "zstd", "identity")
    assert acceptable_codings(b"*;q=0") == ()
    assert acceptable_codings(b"identity;q=0") == ()
    assert acceptable_codings(None) == ("identity",)


@pytest.mark.parametrize(
    ("accepted", "expected"),
    [
        (b"gzip;q=1.0, br;q=0.5", ("gzip", "br", "identity")),
        (b"br;q=0.5, gzip;q=0.501", ("gzip", "br", "identity")),
        (b"br, gzip", ("br", "gzip", "identity")),
        (b"identity;q=1, br;q=0.9, gzip;q=0.8", ("identity", "br", "gzip")),
        (b"br;q=0, gzip;q=0.5", ("gzip", "identity")),
        (b"br;q=0.000, gzip; q=0", ("identity",)),
        (b"*;q=0, gzip", ("gzip",)),
        (b";;,q=,", ("identity",)),
    ],
)
def test_weights_rank_the_codings_that_are_offered(accepted: bytes, expected: tuple[str, ...]) -> None:
    assert acceptable_codings(accepted, ("br", "gzip")) == expected


def test_entity_tags_may_hold_commas() -> None:
    assert matches(b'"a,b", W/"x"', b'W/"x"')
    assert not matches(b'"a,W/\\"x"', b'W/"y"')
