"""Answers that are odd, legal or hostile: a pull reads them rightly or fails with a reason, and it ends."""

from collections.abc import Callable
from itertools import count
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from logistics_core.database_contract.pull_states import PullState
from logistics_core.zstd import decompress
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.sources.pages.page_content import whole_number
from logistics_pipeline.sources.pulls import walks
from logistics_pipeline.sources.requests.rate_limits import wait_wanted
from tests.sources.conftest import SourceUnderTest
from tests.sources.server import Answer, Asked, once, trip

ONCE = "retries: {attempts: 1}\n"
TRIPS = "  - name: trips\n    dataset: trips\n    path: /all\n    key: [id]\n"


def answering(source: SourceUnderTest, *answers: Answer) -> None:
    source.fleet.faults = [once(each) for each in answers]


def page(number: int, **headers: str) -> Answer:
    return Answer({"items": [trip(number)]}, headers=headers)


# -- addresses of next pages -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("link", "asked"),
    [
        ('</link?p=2>; rel="next"\r\nLink: </link?p=9>; rel="last"', "2"),  # a list may stand on several lines
        ('</link?p=3>; title="; rel=next, <x>; rel=next", </link?p=2>; REL=next', "2"),
        ('</link?p=2>; title="a \\"quoted\\", b"; rel="last  Next"', "2"),
        ("<?p=2>;rel='next'", "2"),
        ("</link?p=2 3>; rel=next; rel=prev", "2 3"),
        ("<?p=%C3%A4%20#there>; rel=next", "ä "),
    ],
)
def test_the_next_page_is_found_in_every_legal_link_header(source: SourceUnderTest, link: str, asked: str) -> None:
    source.define_trips("linkHeader", top=ONCE)
    answering(source, page(1, Link=link), page(2))
    assert source.pull().pull.state == PullState.COMPLETE
    assert [each.at("p") for each in source.fleet.asked] == ["", asked] and len(source.landed()) == 2


def test_an_address_of_a_next_page_may_hold_blanks_and_umlauts(source: SourceUnderTest) -> None:
    source.define_trips("nextUrl", top=ONCE)
    answering(source, Answer({"items": [trip(1)], "next": "?p=Zürich West&q=a%26b"}), page(2))
    assert source.pull().pull.state == PullState.COMPLETE
    assert source.fleet.asked[1].query == {"p": "Zürich West", "q": "a&b"}


# -- walks without an end --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("records", [[], [trip(1), trip(2)]])
def test_new_cursors_for_ever_that_bring_nothing_new_are_a_loop(
    source: SourceUnderTest, monkeypatch: pytest.MonkeyPatch, records: list[Any]
) -> None:
    monkeypatch.setattr(walks, "MOST_USELESS_PAGES", 20)
    numbers = count()

    def answer(asked: Asked) -> Answer:
        return Answer({"items": records, "next": f"cursor {next(numbers)}"})

    source.fleet.faults = [answer] * 100
    source.define_trips("cursor", top=ONCE)
    pull = source.pull().pull
    assert (pull.state, pull.error_kind) == (PullState.FAILED, "loop")
    assert "have no records, or the same ones" in str(pull.error)
    assert len(source.fleet.asked) < 30


# -- numbers and texts -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (25, 25), ("25", 25), (0, 0), (-1, None), (True, None), ("many", None), ("nan", None), ("1e999999999", None),
        (None, None), ([], None), (10**15, None),
    ],
)  # fmt: skip
def test_a_total_is_a_whole_number_or_none(value: object, number: int | None) -> None:
    assert whole_number(value) == number


def test_a_total_of_a_billion_digits_does_not_stop_the_process(source: SourceUnderTest) -> None:
    source.define(f"{TRIPS}    records: items\n    total: total\n")
    answering(source, Answer(raw=b'{"items": [{"id": 1}], "total": 1e999999999}'))
    assert source.pull().pull.state == PullState.COMPLETE and source.landed() == [{"id": 1}]


@pytest.mark.parametrize(
    "headers",
    [
        {"retry-after": "9" * 30}, {"retry-after": "Wed, 21 Oct 9999 07:28:00 GMT"}, {"x-ratelimit-reset": "inf"},
        {"x-ratelimit-reset": "1e300"}, {"x-ratelimit-reset": "1" + "0" * 18},
    ],
)  # fmt: skip
def test_nobody_waits_for_years(headers: dict[str, str]) -> None:
    assert wait_wanted(headers, is_refused=True) == 10 * 86400


def test_a_pull_that_is_told_to_wait_for_ever_is_paused(source: SourceUnderTest) -> None:
    source.define_trips("cursor", top=ONCE)
    answering(source, Answer({}, 429, {"Retry-After": "9" * 30}))
    assert source.pull().pull.state == PullState.PAUSED


def test_what_a_source_says_may_hold_nul(source: SourceUnderTest) -> None:
    source.define(f"{TRIPS}    records: items\n    error: error\n", ONCE)
    answering(source, Answer({"items": [], "error": "no\0 such table"}))
    pull = source.pull().pull
    assert pull.state == PullState.FAILED and "no\\0 such table" in str(pull.error)


def test_keys_of_a_snapshot_may_hold_nul(source: SourceUnderTest) -> None:
    source.define(f"{TRIPS}    records: items\n    mode: snapshot\n")
    answering(source, Answer({"items": [{"id": "a\0"}, {"id": "b"}]}), Answer({"items": [{"id": "b"}]}))
    assert source.pull().pull.state == PullState.COMPLETE
    assert source.pull().pull.records_vanished == 1


# -- formats ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("format_", "content", "message"),
    [
        ("csv", b'{"error": "expired"}', "the response is JSON. Expected: CSV"),
        ("csv", "id,name\n1,Zürich\n".encode("latin-1"), "it is not text in utf-8"),
        ("ndjson", b'{"error": "expired"}\n', "the response is an error (error): expired"),
    ],
)
def test_a_page_of_another_format_is_no_page_without_records(
    source: SourceUnderTest, format_: str, content: bytes, message: str
) -> None:
    source.define(f"{TRIPS}    format: {format_}\n    error: error\n", ONCE)
    answering(source, Answer(raw=content))
    pull = source.pull().pull
    assert (pull.state, pull.error_kind) == (PullState.FAILED, "response") and message in str(pull.error)


def test_a_cell_of_csv_may_be_long(source: SourceUnderTest) -> None:
    source.define(f"{TRIPS}    format: csv\n")
    answering(source, Answer(raw=b"id,note\n1," + b"a" * 200_000 + b"\n"))
    assert source.pull().pull.state == PullState.COMPLETE and len(source.landed()[0]["note"]) == 200_000


# -- secrets ---------------------------------------------------------------------------------------------------------

SECRET = "s3cr3t/k3y+'=&x"
WITH_KEY = f"{ONCE}authentication: {{type: apiKey, in: query, name: api_key, token: env:ODD_KEY}}\n"


def everything_kept(source: SourceUnderTest, connection: Connection) -> str:
    """What the database, the archive and the landed files hold."""
    files = [path for path in source.folder.rglob("*") if path.is_file()]
    texts = [decompress(path.read_bytes()) if path.suffix == ".zst" else path.read_bytes() for path in files]
    rows = connection.execute("SELECT pulls::text FROM source.pulls UNION SELECT pages::text FROM source.pages")
    return "\n".join([*(text.decode() for text in texts), *(row[0] for row in rows.fetchall())])


@pytest.mark.parametrize("encode", [quote, quote_plus, lambda text: quote(text, safe="").lower()])
def test_a_link_that_repeats_the_key_is_followed_and_not_kept(
    source: SourceUnderTest, connection: Connection, monkeypatch: pytest.MonkeyPatch, encode: Callable[[str], str]
) -> None:
    monkeypatch.setenv("ODD_KEY", SECRET)
    source.define_trips("linkHeader", top=WITH_KEY)
    answering(source, page(1, Link=f"</link?p=2&api_key={encode(SECRET)}>; rel=next"), page(2))
    assert source.pull().pull.state == PullState.COMPLETE
    assert [each.query for each in source.fleet.asked] == [{"api_key": SECRET}, {"p": "2", "api_key": SECRET}]
    assert "s3cr3t" not in everything_kept(source, connection)


@pytest.mark.parametrize(
    "written", [SECRET.replace("/", "\\/"), "s3cr3t/k3y\\u002B\\u0027=\\u0026x", "s3cr3t/k3y\\u002b\\u0027=\\u0026x"]
)
def test_a_key_is_removed_however_json_writes_it(
    source: SourceUnderTest, connection: Connection, monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    monkeypatch.setenv("ODD_KEY", SECRET)
    source.define(f"{TRIPS}    records: items\n", WITH_KEY)
    answering(source, Answer(raw=f'{{"items": [{{"id": 1, "key": "{written}"}}]}}'.encode()))
    assert source.pull().pull.state == PullState.COMPLETE and source.landed()[0]["key"] == "***"
    assert "s3cr3t" not in everything_kept(source, connection)


def test_a_redirection_that_repeats_the_request_tells_no_key(
    source: SourceUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ODD_KEY", SECRET)
    source.define(TRIPS, WITH_KEY)
    asked = quote(f"/all?api_key={quote(SECRET, safe='')}", safe="")
    answering(source, Answer({}, 302, {"Location": f"https://login.example/?next={asked}"}))
    pull = source.pull().pull
    assert pull.error_kind == "host" and "s3cr3t" not in str(pull.error)


# -- pages that are read piece by piece ------------------------------------------------------------------------------

PADDED = b'"pad": "' + b"x" * (5 << 20) + b'", '


def pulled_large(source: SourceUnderTest, rest: bytes, records: str = "items", begin: bytes = b"{") -> Any:
    source.define(f"{TRIPS}    records: '{records}'\n", ONCE)
    answering(source, Answer(raw=begin + PADDED + rest))
    return source.pull().pull


def test_a_number_of_thousands_of_digits_does_not_crash_the_process(source: SourceUnderTest) -> None:
    pull = pulled_large(source, b'"items": [{"id": 1, "x": ' + b"9" * 6_000 + b"}]}")
    assert pull.error_kind == "response" and "more than 4,300 digits" in str(pull.error)


def test_a_large_page_may_begin_with_a_byte_order_mark(source: SourceUnderTest) -> None:
    pull = pulled_large(source, b'"items": [{"id": 1}]}', begin=b"\xef\xbb\xbf{")
    assert pull.state == PullState.COMPLETE and source.landed() == [{"id": 1}]


def test_a_name_with_a_dot_is_not_taken_for_two_names(source: SourceUnderTest) -> None:
    pull = pulled_large(source, b'"a.b": [{"id": 1}], "a": {"b": [{"id": 2}]}}', '"a.b"')
    assert pull.error_kind == "size" and "holds a dot" in str(pull.error)


def test_what_is_nested_too_deeply_is_not_mapped(source: SourceUnderTest) -> None:
    deep = b"[" * 5_000 + b"]" * 5_000
    pull = pulled_large(source, b'"items": [{"id": 1}, {"id": 2, "x": ' + deep + b"}, [" + deep + b"]]}")
    assert pull.state == PullState.COMPLETE and (pull.records_landed, pull.records_unmapped) == (1, 2)


def test_the_path_of_a_resource_may_hold_umlauts(source: SourceUnderTest) -> None:
    source.define(TRIPS.replace("/all", "/größe"), ONCE)
    pull = source.pull().pull
    assert pull.error_kind == "status" and source.fleet.asked[0].path == "/gr%C3%B6%C3%9Fe"
