"""Pulls from a real server into a real database: every pagination, windows, resuming, and what goes wrong."""

from datetime import timedelta

import pytest

from logistics_core.database_contract.pull_states import PullState
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.errors import ConfigurationError
from logistics_pipeline.sources.ledger.pulls import pages_of
from tests.sources.conftest import PAGINATIONS, SourceUnderTest, assert_balanced, moment, records_of
from tests.sources.server import EPOCH, Answer, Asked, once, stamp, trip

WINDOW = "    incremental: {parameter: since, field: updated, lookback: 30m}\n"
BOTH = "    incremental: {parameter: since, until: until, field: updated, lookback: 30m}\n"


@pytest.mark.parametrize("pagination", PAGINATIONS)
def test_every_pagination_reads_every_record_once(
    source: SourceUnderTest, connection: Connection, pagination: str
) -> None:
    source.define_trips(pagination, "    total: total\n")
    report = source.pull()
    assert report.pull.state is PullState.COMPLETE, report.pull.error
    assert source.landed() == sorted(source.fleet.records, key=lambda record: record["id"])
    assert report.file is not None and report.pull.path == f"trips/fleet/trips/{report.pull.pull_id:010}.ndjson.zst"
    assert report.pull.expected_records == 25 and report.pull.warnings == []
    assert report.file.stat().st_mtime == pytest.approx(report.pull.started_at.timestamp(), abs=1e-5)
    assert_balanced(connection)


def test_what_has_not_changed_is_not_landed_again(source: SourceUnderTest) -> None:
    source.define_trips()
    assert source.pull().file is not None
    again = source.pull()
    assert again.pull.state is PullState.UNCHANGED and again.file is None
    source.fleet.records.append(trip(99))
    assert source.pull().file is not None
    assert len(source.rows()) == 26


@pytest.mark.parametrize("pagination", PAGINATIONS)
@pytest.mark.parametrize("window", [WINDOW, BOTH], ids=["since", "since and until"])
def test_late_same_second_and_backdated_records_are_found(
    source: SourceUnderTest, connection: Connection, pagination: str, window: str
) -> None:
    fleet = source.fleet
    fleet.now = EPOCH + timedelta(minutes=25)
    source.define_trips(pagination, window)
    source.pull()
    fleet.records += [
        trip(100, updated=stamp(fleet.now)),  # in the second in which the first pull was made
        trip(101, updated=stamp(fleet.now - timedelta(seconds=1))),  # written before, seen after
        trip(102, updated=stamp(fleet.now - timedelta(minutes=29))),  # dated back within the lookback
    ]
    fleet.now += timedelta(minutes=15)
    fleet.records += [trip(103, updated=stamp(fleet.now - timedelta(minutes=1)))]
    source.pull()
    assert source.rows().keys() == {record["id"] for record in fleet.records}
    fleet.records[0] = trip(0, updated=stamp(fleet.now), distance=7)
    fleet.now += timedelta(minutes=15)
    second = source.pull()
    assert source.rows()["T000000"]["distance"] == 7
    assert second.pull.records < len(fleet.records), "only the window was read"
    assert_balanced(connection)


def test_the_window_ends_by_the_clock_of_the_server(source: SourceUnderTest) -> None:
    source.define_trips("cursor", WINDOW)
    source.fleet.now = moment("2001-02-03T04:05:06Z")
    report = source.pull()
    assert report.pull.window_start is None
    assert moment("2001-02-03T04:05:00Z") < report.pull.window_end <= source.fleet.now  # type: ignore[operator]
    again = source.pull()
    assert again.pull.window_start == report.pull.window_end - timedelta(minutes=30)  # type: ignore[operator]
    assert source.fleet.asked[-1].at("since") == stamp(again.pull.window_start)


def test_a_source_without_a_clock_is_read_with_a_margin(source: SourceUnderTest) -> None:
    source.fleet.tells_time = False
    source.define_trips("cursor", WINDOW)
    report = source.pull()
    assert report.pull.window_end is not None
    margin = report.pull.started_at - report.pull.window_end
    assert timedelta(minutes=4, seconds=30) <= margin < timedelta(minutes=6)
    assert "does not tell its time" in report.pull.warnings[0]


def test_a_long_time_is_read_window_by_window(source: SourceUnderTest) -> None:
    source.fleet.now = EPOCH + timedelta(minutes=25)
    source.define_trips(
        "offset",
        "    incremental: {parameter: since, until: until, start: 2024-05-01T09:59:00Z, step: 10m, lookback: 0s}\n",
    )
    report = source.pull()
    assert report.pull.state is PullState.COMPLETE, report.pull.error
    assert source.rows().keys() == {record["id"] for record in source.fleet.records}
    begins = list(dict.fromkeys(each.at("since") for each in source.fleet.asked))
    assert len(begins) >= 3 and begins[0] == "2024-05-01T09:59:00Z"


def test_a_begin_that_leaves_a_gap_is_refused(source: SourceUnderTest) -> None:
    source.define_trips("cursor", WINDOW)
    source.pull(since=moment("2024-05-01T10:05:00Z"))
    assert source.fleet.asked[-1].at("since") == "2024-05-01T10:05:00Z"
    with pytest.raises(ConfigurationError, match="would leave a gap"):
        source.pull(since=source.fleet.now + timedelta(hours=1))
    with pytest.raises(ConfigurationError, match="sends no end of a window"):
        source.pull(since=moment("2024-05-01T09:00:00Z"), until=source.fleet.now, is_backfill=True)
    source.define_trips("cursor")
    with pytest.raises(ConfigurationError, match="has no windows"):
        source.pull(since=source.fleet.now)


def test_a_backfill_leaves_the_next_pull_where_it_was(source: SourceUnderTest) -> None:
    source.define_trips("cursor", BOTH)
    first = source.pull(since=moment("2024-05-01T10:20:00Z"))
    filled = source.pull(since=moment("2024-05-01T09:00:00Z"), until=moment("2024-05-01T10:21:00Z"), is_backfill=True)
    assert filled.pull.state is PullState.COMPLETE and filled.pull.records == 21
    assert source.pull().pull.window_start == first.pull.window_end - timedelta(minutes=30)  # type: ignore[operator]
    assert len(source.rows()) == 25


@pytest.mark.parametrize("pagination", PAGINATIONS)
def test_a_failed_pull_goes_on_at_its_page_where_that_is_safe(
    source: SourceUnderTest, connection: Connection, pagination: str
) -> None:
    definition = source.define_trips(pagination, WINDOW, top="retries: {attempts: 1}\n")
    path = definition.resource("trips").path
    source.fleet.faults = [lambda asked: None, once(Answer({"message": "down"}, 503))]
    source.fleet.before = lambda asked: None
    failed = source.pull()
    if pagination == "none":
        assert failed.pull.state is PullState.COMPLETE, "there is no second page"
        return
    first = failed.pull
    assert first.state is PullState.FAILED, "the first request was answered, the second was not"
    assert first.error is not None and "503" in first.error and "down" in first.error
    again = source.pull()
    assert again.was_resumed and again.pull.pull_id == failed.pull.pull_id and again.pull.attempts == 2
    assert again.pull.state is PullState.COMPLETE and again.pull.error is None
    is_stable = definition.resource("trips").pagination.is_stable
    assert len(source.fleet.requests_to(path)) == (4 if is_stable else 5 + (again.pull.pages - 3)), pagination
    assert source.landed() == sorted(source.fleet.records, key=lambda record: record["id"])
    assert again.pull.requests == len(source.fleet.asked)
    assert_balanced(connection)


def test_a_cursor_that_has_expired_begins_the_walk_anew(source: SourceUnderTest) -> None:
    source.define_trips("cursor", top="retries: {attempts: 1}\n")
    source.fleet.faults = [lambda asked: None, once(Answer({}, 503))]
    assert source.pull().pull.state is PullState.FAILED
    source.fleet.faults = [once(Answer({"message": "cursor expired"}, 410))]
    again = source.pull()
    assert again.pull.state is PullState.COMPLETE and len(source.landed()) == 25


def test_a_pull_with_another_definition_takes_the_place_of_an_open_one(source: SourceUnderTest) -> None:
    source.define_trips("cursor", top="retries: {attempts: 1}\n")
    source.fleet.faults = [lambda asked: None, once(Answer({}, 503))]
    failed = source.pull()
    source.define_trips("keyset", top="retries: {attempts: 1}\n")
    other = source.pull()
    assert not other.was_resumed and other.pull.state is PullState.COMPLETE
    with_state = source.pulls[0].pull.pull_id
    assert failed.pull.pull_id == with_state and other.pull.pull_id > with_state


def test_children_are_asked_for_by_their_parents(source: SourceUnderTest, connection: Connection) -> None:
    source.define(
        "  - {name: vehicles, path: /vehicles, mode: snapshot, key: [id]}\n"
        "  - name: trips\n    dataset: trips\n    path: /vehicles/{vehicle}/trips\n    records: items\n"
        "    total: total\n    parent: {resource: vehicles, field: id}\n"
        "    pagination: {type: offset, parameter: offset, sizeParameter: limit, size: 4}\n"
        "    fields: {id: id, of: {parent: true}}\n"
    )
    missing = source.pull()
    assert missing.pull.state is PullState.FAILED and "sources run fleet vehicles" in (missing.pull.advice or "")
    assert source.pull("vehicles").pull.state is PullState.COMPLETE
    report = source.pull()
    assert report.pull.state is PullState.COMPLETE, report.pull.error
    rows = source.rows()
    assert {key: row["of"] for key, row in rows.items()} == {
        each["id"]: each["vehicle"] for each in source.fleet.records
    }
    assert {page.parent for page in pages_of(connection, report.pull.pull_id)} == {"V0", "V1", "V2"}
    assert_balanced(connection)


def test_a_snapshot_reports_what_has_vanished_and_deletes_nothing(source: SourceUnderTest) -> None:
    source.define_trips("cursor", "    mode: snapshot\n")
    assert source.pull().pull.records_vanished == 0
    gone = source.fleet.records.pop(3)
    report = source.pull()
    assert report.pull.records_vanished == 1 and gone["id"] in source.rows()
    assert source.pull().pull.records_vanished == 0, "it is told once"
    source.fleet.records.insert(3, gone)
    assert source.pull().pull.records_vanished == 0


def test_events_that_are_read_twice_are_landed_once(source: SourceUnderTest, connection: Connection) -> None:
    source.fleet.now = EPOCH + timedelta(minutes=25)
    source.define_trips("cursor", f"    mode: append\n{WINDOW}")
    source.pull()
    source.fleet.records.append(trip(50, updated=stamp(source.fleet.now)))
    source.fleet.now += timedelta(minutes=10)
    report = source.pull()
    assert report.pull.records > 1 and report.pull.records_landed == 1
    assert sum((report.pull.unmapped or {}).values()) == report.pull.records - 1
    assert len(source.landed()) == 26
    assert_balanced(connection)


def test_a_feed_goes_on_at_the_cursor_of_its_last_page(source: SourceUnderTest) -> None:
    source.define(
        "  - name: trips\n    dataset: trips\n    path: /feed\n    records: items\n"
        "    pagination: {type: cursor, parameter: version, next: version, sizeParameter: limit, size: 10}\n"
        "    incremental: {keepsCursor: true}\n"
    )
    assert source.pull().pull.end_cursor == "25"
    assert source.pull().pull.records == 0
    source.fleet.records.append(trip(77))
    report = source.pull()
    assert report.pull.records == 1 and report.pull.end_cursor == "26"
    assert source.fleet.asked[-1].at("version") == "26"
    assert len(source.landed()) == 26


def test_a_search_is_asked_for_by_post(source: SourceUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEET_PASSWORD", "pass-word-1")
    source.define(
        "  - name: trips\n    dataset: trips\n    path: /cursor\n    method: POST\n    records: items\n"
        "    body: {filter: {since: '{since}'}, password: env:FLEET_PASSWORD, page: {}}\n"
        "    pagination: {type: cursor, in: body, parameter: page.after, next: next}\n"
        "    incremental: {in: body, parameter: since}\n"
    )
    report = source.pull()
    assert report.pull.state is PullState.COMPLETE and len(source.landed()) == 25, report.pull.error
    assert source.fleet.asked[1].body["page"]["after"] == "T000009"
    assert source.fleet.asked[0].body["password"] == "pass-word-1"


# -- what goes wrong -------------------------------------------------------------------------------------------------


def test_records_that_come_while_pages_are_read_make_the_walk_anew(source: SourceUnderTest) -> None:
    source.define_trips("offset", "    total: total\n")
    fleet = source.fleet

    def insert(asked: Asked) -> None:
        if asked.at("offset") == "10" and len(fleet.records) == 25:
            fleet.records.insert(0, trip(200))

    fleet.before = insert
    report = source.pull()
    assert report.pull.state is PullState.COMPLETE and report.pull.warnings == []
    assert source.rows().keys() == {record["id"] for record in fleet.records}
    assert report.pull.records == 26, "pages of two walks are not mixed"


@pytest.mark.parametrize("tells_total", [True, False])
def test_records_that_go_while_pages_are_read_are_noticed(source: SourceUnderTest, tells_total: bool) -> None:
    """What is deleted before moves others to a page that was read already: they would be missing, silently."""
    source.fleet.tells_total = tells_total
    source.define_trips("offset with overlap", "    total: total\n" if tells_total else "")
    fleet = source.fleet

    def remove(asked: Asked) -> None:
        if asked.at("offset") == "8" and len(fleet.records) == 25:
            del fleet.records[:3]

    fleet.before = remove
    report = source.pull()
    assert report.pull.state is PullState.COMPLETE
    assert source.rows().keys() == {record["id"] for record in fleet.records}


@pytest.mark.slow
def test_pages_that_shift_all_the_time_are_a_failure_if_records_may_be_missing(source: SourceUnderTest) -> None:
    source.define_trips("offset with overlap", top="retries: {attempts: 1}\n")
    fleet = source.fleet
    fleet.records = [trip(n) for n in range(200)]
    fleet.before = lambda asked: fleet.records.pop(0)  # type: ignore[assignment]
    report = source.pull()
    assert report.pull.state is PullState.FAILED and report.pull.error_kind == "shifted"
    assert source.landed() == []


def test_pages_that_are_dropped_are_noticed_by_the_total(source: SourceUnderTest) -> None:
    source.define_trips("page", "    total: total\n")
    source.fleet.faults = []
    answer = source.fleet.answer

    def without_a_page(asked: Asked) -> Answer:
        if asked.at("page") == "2":
            return answer(Asked("GET", asked.path, {**asked.query, "page": "3"}, {}, None))
        return answer(asked)

    source.fleet.answer = without_a_page  # type: ignore[method-assign]
    report = source.pull()
    assert report.pull.state is PullState.FAILED and report.pull.error_kind in ("incomplete", "loop")
    assert source.landed() == []


def test_a_page_that_comes_again_and_again_ends_the_pull(source: SourceUnderTest) -> None:
    source.define_trips("page until it is empty")
    answer = source.fleet.answer
    source.fleet.answer = lambda asked: answer(Asked("GET", asked.path, {"page": "1"}, {}, None))  # type: ignore[method-assign]
    report = source.pull()
    assert report.pull.error_kind == "loop" and "again, byte for byte" in (report.pull.error or "")
    source.define_trips("cursor")
    source.fleet.answer = lambda asked: Answer({"items": [trip(1, seen=len(source.fleet.asked))], "next": "same"})  # type: ignore[method-assign]
    report = source.pull()
    assert report.pull.error_kind == "loop" and "goes round in circles" in (report.pull.error or "")


def test_a_key_that_is_not_unique_is_told(source: SourceUnderTest) -> None:
    source.fleet.records = [trip(1), trip(1), trip(2)]
    source.define_trips("keyset")
    assert any("have the same id" in each for each in source.pull().pull.warnings)


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (Answer({"message": "no quota", "code": 7}), "response", "no list of records at items; its keys are message"),
        (Answer(raw=b"<html><body>Log in</body></html>"), "response", "an HTML page, perhaps a login"),
        (Answer(raw=b""), "response", "the response is empty"),
        (Answer(raw=b'{"items": [{"id": 1}, '), "response", "not JSON"),
        (Answer({"items": {"id": 1}}), "response", "no list of records at items"),
        (Answer({"items": [], "error": {"code": 5}}), "response", 'the response is an error (error): {"code":5}'),
        (Answer({}, 404), "status", "404"),
        (Answer({}, 403), "authentication", "403"),
        (Answer({"items": [{"id": "A"}]}, cut_at=9), "connection", ""),
        (Answer({"items": [{"id": "A"}]}, compress=True, raw=b"\x1f\x8b\x08\x00"), "response", "compressed content"),
        (Answer({}, 302, {"Location": "http://169.254.169.254/x?token=abcdef"}), "host", "redirects to"),
        (Answer(raw=b"x" * 5000, headers={"Content-Type": "text/plain"}), "response", "It begins with 'xxx"),
        (Answer({"items": []}, headers={"Content-Encoding": "br"}), "response", "compressed by br"),
    ],
)
def test_what_is_not_read_is_no_empty_answer(source: SourceUnderTest, answer: Answer, kind: str, said: str) -> None:
    source.define_trips("cursor", "    error: error\n", top="retries: {attempts: 1}\n")
    source.fleet.faults = [once(answer)]
    report = source.pull()
    assert report.pull.state is PullState.FAILED and report.pull.error_kind == kind, report.pull.error
    assert said in (report.pull.error or "") and "token=abcdef" not in (report.pull.error or "")
    assert source.landed() == []


@pytest.mark.parametrize(
    "answer", [Answer(status=204, raw=b""), Answer({"items": []}), Answer({"items": None}), Answer({}, 404)]
)
def test_an_empty_answer_is_no_records(source: SourceUnderTest, answer: Answer) -> None:
    source.define_trips("cursor", "    nothing: [404]\n")
    source.fleet.faults = [once(answer)]
    report = source.pull()
    assert report.pull.state is PullState.COMPLETE and report.pull.records == 0 and report.file is None
    assert report.pull.pages == 1, "what was said is in the archive"


@pytest.mark.slow
def test_a_passing_trouble_costs_retries_and_nothing_else(source: SourceUnderTest) -> None:
    source.define_trips("cursor")
    source.fleet.faults = [
        once(Answer({}, 429, {"Retry-After": "0.2"})),
        once(Answer({"items": []}, cut_at=3)),
        lambda asked: None,
        once(Answer({}, 502)),
    ]
    report = source.pull()
    assert report.pull.state is PullState.COMPLETE and len(source.landed()) == 25
    assert (report.pull.requests, report.pull.retries, report.pull.rate_limited) == (6, 3, 1)
    assert report.pull.seconds_waited >= 0.2 and report.pull.seconds_retrying > 0


def test_a_long_wait_pauses_the_pull(source: SourceUnderTest) -> None:
    source.define_trips("cursor", top="limits: {longestWait: 1s}\n")
    source.fleet.faults = [lambda asked: None, once(Answer({}, 429, {"Retry-After": "3"}))]
    paused = source.pull()
    assert paused.pull.state is PullState.PAUSED and paused.pull.paused_until is not None
    assert paused.pull.pages == 1
    early = source.pull()
    assert early.pull.state is PullState.PAUSED, "another process waits as well"
    assert len(source.fleet.asked) == 2


def test_records_that_cannot_be_mapped_are_counted_by_reason(source: SourceUnderTest, connection: Connection) -> None:
    source.fleet.records = [
        trip(1), trip(2, state="lost"), trip(3, distance="far"), trip(4, distance=None), trip(5, state=None),
    ]  # fmt: skip
    source.define_trips(
        "cursor",
        "    fields:\n      id: id\n      km: {path: distance, unit: m to km}\n"
        "      state: {path: state, values: {done: finished}, required: true}\n"
        "      at: {path: updated, format: '%Y-%m-%dT%H:%M:%SZ'}\n      system: {constant: fleet}\n",
    )
    report = source.pull()
    assert report.pull.unmapped == {
        'state: "lost" is not in `values`'.replace('"', "'"): 1,
        "km: 'far' at distance is not a number": 1,
        "state: there is nothing at state": 1,
    }
    assert (report.pull.records, report.pull.records_landed, report.pull.records_unmapped) == (5, 2, 3)
    assert report.file is not None and records_of(report.file) == [
        {"id": "T000001", "km": 1.0015, "state": "finished", "at": "2024-05-01T10:01:00Z", "system": "fleet"},
        {"id": "T000004", "km": None, "state": "finished", "at": "2024-05-01T10:04:00Z", "system": "fleet"},
    ]
    assert_balanced(connection)
