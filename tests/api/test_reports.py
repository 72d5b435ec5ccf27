"""Boards by e-mail: asked of a running API, drawn, sent through a real SMTP server; whole, or told as a failure."""

import csv
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from logistics_core.database_contract.notifications import EndpointChannel
from logistics_core.editions import page_of
from logistics_core.settings import Settings
from logistics_core.sql_files import read_sql
from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.cli.reports import preview
from logistics_pipeline.database.connections import Connection, connect
from logistics_pipeline.errors import ConfigurationError
from logistics_pipeline.notifying import ledger
from logistics_pipeline.notifying.declaring.declaration import Endpoint, Subscription
from logistics_pipeline.notifying.delivery import Delivery
from logistics_pipeline.reporting import drawing, running
from logistics_pipeline.reporting.answers import AnsweredBoard, BoardReader
from logistics_pipeline.reporting.charts import Chart
from logistics_pipeline.reporting.composing import Composed, compose
from logistics_pipeline.reporting.declaration import Report
from logistics_pipeline.reporting.declaring import store_reports
from logistics_pipeline.reporting.drawing import draw
from logistics_pipeline.reporting.editions import list_editions
from logistics_pipeline.reporting.faults import ReportFault
from logistics_pipeline.reporting.previews import make_previews
from logistics_pipeline.reporting.running import ReportRunner
from tests.api.conftest import Api, Serve
from tests.notifying.events import declare
from tests.notifying.mail_server import Mailbox, mail_server

FIRST = date(2024, 1, 1)
PNG = b"\x89PNG\r\n\x1a\n"
SHIPMENTS: dict[str, Any] = {"dataset": "shipments", "metrics": "shipments,revenue"}
BOARD: dict[str, Any] = {
    "title": "Monday <meeting>",
    "description": "What happened",
    "panels": [
        {"title": "All", "question": SHIPMENTS | {"compare": "previous"}, "chart": "number"},
        {"title": "By day", "question": SHIPMENTS | {"grain": "day", "compare": "previous"}},
        {"title": "By day and origin", "question": SHIPMENTS | {"metrics": "revenue", "grain": "day", "by": "origin"}},
        {"question": SHIPMENTS | {"metrics": "revenue", "by": "origin"}, "chart": "bars"},
        {"title": "Line", "question": SHIPMENTS | {"metrics": "revenue", "grain": "week"}, "chart": "lines"},
        {"title": "Nothing", "question": SHIPMENTS | {"by": "origin", "filter": '{"origin":{"eq":"Nowhere"}}'}},
    ],
}
TOTALS: dict[str, Any] = {
    "title": "Totals",
    "panels": [
        {"question": SHIPMENTS | {"filter": '{"origin":{"eq":"Nowhere"}}'}, "chart": "number"},
        {"question": SHIPMENTS | {"by": "origin", "filter": '{"origin":{"eq":"Nowhere"}}'}},
    ],
}
WINDOW = datetime(2024, 1, 22, 6, tzinfo=UTC)
REPORT = Report("week", "Monday <meeting>", "0 7 * * 1", ("desk",), time_zone="Europe/Berlin", days="week")


@pytest.fixture(scope="module")
def url(new_database: Callable[[], AbstractContextManager[str]], store: Callable[..., None]) -> Iterator[str]:
    logs = [(f"L{n}", f"V{n % 3}", FIRST + timedelta(n // 4), 100 + n, 10) for n in range(100)]
    shipments = [(f"S{n}", ["=Aachen", "Zug"][n % 2], "Ulm", 5, 10 + n, 3, f"L{n % 100}") for n in range(200)]
    with new_database() as url:
        store(url, vehicles=[(f"V{n}", "Truck", 1000) for n in range(3)], vehicle_logs=logs, shipments=shipments)
        with psycopg.connect(url) as connection:
            connection.execute(
                "INSERT INTO ingest.batches (file_id, records, merged) SELECT min(file_id), 1, true FROM ingest.files"
            )
        refresh(url, full=True)
        yield url


@pytest.fixture(scope="module")
def api(url: str, serve: Serve) -> Iterator[Api]:
    with serve(url) as running_api:
        assert running_api.client.post("/api/boards", json=BOARD).status_code == 201
        assert running_api.client.post("/api/boards", json={"title": "Bare", "panels": []}).status_code == 201
        assert running_api.client.post("/api/boards", json=TOTALS).status_code == 201
        yield running_api


@pytest.fixture(scope="module")
def _mailbox() -> Iterator[Mailbox]:
    with mail_server("none") as mailbox:
        yield mailbox


@pytest.fixture
def mailbox(_mailbox: Mailbox) -> Mailbox:
    _mailbox.mails.clear()
    return _mailbox


@pytest.fixture
def connection(url: str, mailbox: Mailbox) -> Iterator[Connection]:
    with connect(url) as opened:
        opened.execute(
            "TRUNCATE notify.events, notify.messages, notify.editions, notify.reports, notify.digests CASCADE"
        )
        server = {
            "server": "localhost",
            "port": mailbox.port,
            "security": "none",
            "private": True,
            "from": "a@x.example",
        }
        declare(
            opened,
            Endpoint(
                "desk", EndpointChannel.EMAIL, recipients=("desk@example.org",), digest="daily", per_hour=1,
                configuration={"mail": server, "dashboard": "https://logistics.example.org"},
                subscriptions=(Subscription("nothing"),),
            ),
            Endpoint("operators", EndpointChannel.INBOX, subscriptions=(Subscription("report.*"),)),
        )  # fmt: skip
        yield opened


def declare_reports(connection: Connection, *reports: Report) -> None:
    """Declares them as if that had been before their window."""
    store_reports(connection, list(reports))
    connection.execute("UPDATE notify.reports SET declared_at = %s", (WINDOW - timedelta(days=3),))


def runner(connection: Connection, api: Api, **changes: Any) -> ReportRunner:
    return ReportRunner(connection, BoardReader(str(api.client.base_url)), **changes)


def no_pictures(charts: Any) -> list[bytes]:
    return [PNG for _ in charts]


def quick(connection: Connection, api: Api, **changes: Any) -> ReportRunner:
    return runner(connection, api, compose=lambda *given: compose(*given, no_pictures), **changes)


def deliver(url: str) -> None:
    with Delivery(url, Settings()) as delivery:
        delivery.run_due()


def outcomes(connection: Connection) -> list[tuple[str, str | None]]:
    return [(each["outcome"], each["reason"]) for each in list_editions(connection)]


def parts(mail: EmailMessage, kind: str) -> list[EmailMessage]:
    return [part for part in mail.walk() if isinstance(part, EmailMessage) and part.get_content_type() == kind]


def test_a_board_arrives_by_mail_with_pictures_figures_and_tables_once(
    url: str, connection: Connection, api: Api, mailbox: Mailbox
) -> None:
    declare_reports(connection, REPORT)
    assert runner(connection, api).turn(WINDOW) == 1
    assert runner(connection, api).turn(WINDOW + timedelta(minutes=1)) == 0
    deliver(url)
    (mail,) = mailbox.mails
    assert mail["Subject"] == "Monday <meeting>" and "Monday &lt;meeting&gt;" in str(parts(mail, "text/html")[0])
    pictures = parts(mail, "image/png")
    assert len(pictures) == 5 and all(each.get_content().startswith(PNG) for each in pictures)
    html = parts(mail, "text/html")[0].get_content()
    for each in pictures:
        assert f'src="cid:{each["Content-ID"][1:-1]}" alt="' in html
    assert "highest" in html and "15 Jan 2024 to 21 Jan 2024" in html and "No records in these days." in html
    text = parts(mail, "text/plain")[0].get_content()
    assert "Shipments 56" in text and "https://logistics.example.org/boards/" in text and "Unsubscribe: " in text
    names = [each.get_filename() for each in parts(mail, "text/csv")]
    assert names == [
        "01-all.csv", "02-by-day.csv", "03-by-day-and-origin.csv", "04-revenue-by-origin.csv", "05-line.csv",
        "06-nothing.csv",
    ]  # fmt: skip
    rows = list(csv.DictReader(parts(mail, "text/csv")[3].get_content().splitlines()))
    assert {row["origin"] for row in rows} == {"'=Aachen", "Zug"}
    (edition,) = list_editions(connection)
    assert (edition["outcome"], edition["messages"], edition["accepted"]) == ("published", 1, 1)
    assert edition["data_version"] is not None and ledger.balances(connection)[0].is_balanced
    (listed,) = api.get("/api/notifications/reports")["reports"]
    assert (listed["name"], listed["endpoints"], listed["editions"][0]["accepted"]) == ("week", ["desk"], 1)
    page = api.client.get(f"/api/notifications/reports/editions/{listed['editions'][0]['edition_id']}")
    assert page.status_code == 200 and page.text.count("data:image/png;base64,") == 5
    assert "<h1>Monday &lt;meeting&gt;</h1>" in page.text and "sandbox" in page.headers["content-security-policy"]
    api.check_problem(api.client.get("/api/notifications/reports/editions/999999"))


def test_a_report_is_in_the_language_of_each_of_its_endpoints(
    url: str, connection: Connection, api: Api, mailbox: Mailbox
) -> None:
    (configuration,) = connection.execute("SELECT configuration FROM notify.endpoints WHERE name = 'desk'").fetchone()
    german = Endpoint(
        "berlin", EndpointChannel.EMAIL, recipients=("berlin@example.org",), language="de",
        configuration=configuration, subscriptions=(Subscription("nothing"),),
    )  # fmt: skip
    english = Endpoint(
        "desk", EndpointChannel.EMAIL, recipients=("desk@example.org",), configuration=configuration,
        subscriptions=(Subscription("nothing"),),
    )  # fmt: skip
    declare(connection, english, german, Endpoint("inbox", EndpointChannel.INBOX, language="de"))
    declare_reports(connection, replace(REPORT, endpoints=("desk", "berlin", "inbox")))
    assert quick(connection, api).turn(WINDOW) == 1
    deliver(url)
    mails = {str(each["To"]): each for each in mailbox.mails}
    of_desk, of_berlin = mails["desk@example.org"], mails["berlin@example.org"]
    assert of_berlin["Subject"] == "Monday <meeting>" and of_berlin["Content-Language"] == "de"
    html, text = (parts(of_berlin, f"text/{kind}")[0].get_content() for kind in ("html", "plain"))
    for said in ("15.01.2024 bis 21.01.2024", "Keine Sätze an diesen Tagen.", "Umsatz nach Startort", "höchster Wert"):
        assert said in html
    assert "<h2" in html and ">By day<" in html, "what people wrote stays"
    assert "Sendungen 56, Umsatz 7.252,00" in text and ">Sendungen davor</th>" in html
    assert "Shipments 56, Revenue 7,252.00" in parts(of_desk, "text/plain")[0].get_content()
    tables = [[part.get_content() for part in parts(mail, "text/csv")] for mail in (of_desk, of_berlin)]
    assert tables[0] == tables[1] and tables[0][1].startswith("period,shipments,")
    assert len(parts(of_berlin, "image/png")) == len(parts(of_desk, "image/png")) == 5
    (listed,) = api.get("/api/notifications/reports")["reports"]
    address = f"/api/notifications/reports/editions/{listed['editions'][0]['edition_id']}"
    assert '<html lang="en">' in api.client.get(address).text
    page = api.client.get(f"{address}?language=de").text
    assert '<html lang="de">' in page and "Keine Sätze" in page
    assert '<html lang="en">' in api.client.get(f"{address}?language=fr").text, "not made in that language"
    api.check_problem(api.client.get(f"{address}?language=Klingon"))


def test_editions_of_a_report_without_its_board_do_not_pile_up_and_that_is_told_once(
    connection: Connection, api: Api, mailbox: Mailbox
) -> None:
    declare_reports(connection, Report("week", "Nowhere", "* * * * *", ("desk",), days="all"))
    often = quick(connection, api)
    for minute in range(6):
        often.turn(WINDOW + timedelta(minutes=minute))
        assert sum(outcome == "trying" for outcome, _ in outcomes(connection)) == 1
    assert [outcome for outcome, _ in outcomes(connection)][1:6] == ["failed"] * 5
    assert connection.execute("SELECT count(*) FROM notify.events").fetchone() == (1,)
    connection.execute("UPDATE notify.editions SET ended_at = ended_at - interval '25 hours' WHERE outcome = 'failed'")
    often.turn(WINDOW + timedelta(minutes=6))
    assert connection.execute("SELECT count(*) FROM notify.events").fetchone() == (2,), "once a day, as it still fails"


def test_old_editions_are_deleted_and_no_window_comes_twice(connection: Connection, api: Api, mailbox: Mailbox) -> None:
    declare_reports(connection, REPORT)
    assert quick(connection, api).turn(WINDOW + timedelta(days=15)) == 1
    connection.execute("DELETE FROM notify.messages")
    connection.execute("DELETE FROM notify.events")
    connection.execute("UPDATE notify.editions SET ended_at = ended_at - interval '400 days'")
    connection.execute(read_sql("housekeeping/delete_old_editions").encode(), {"days": 90})
    assert [outcome for outcome, _ in outcomes(connection)] == ["published"], "the newest, by which others are found"
    assert quick(connection, api).turn(WINDOW + timedelta(days=15)) == 0


def test_a_report_is_never_part_of_a_digest(url: str, connection: Connection, api: Api, mailbox: Mailbox) -> None:
    declare_reports(connection, REPORT, Report("other", "Monday <meeting>", "5 7 * * 1", ("desk",), days="all"))
    assert quick(connection, api).turn(WINDOW + timedelta(hours=2)) == 2
    deliver(url)
    assert [each["Subject"] for each in mailbox.mails] == ["Monday <meeting>"] * 2


def test_what_was_missed_while_nothing_ran_is_told_and_only_the_last_window_is_sent(
    connection: Connection, api: Api, mailbox: Mailbox
) -> None:
    declare_reports(connection, REPORT)
    assert quick(connection, api).turn(WINDOW + timedelta(days=15)) == 1
    assert [outcome for outcome, _ in outcomes(connection)] == ["published", "missed", "missed"]
    assert quick(connection, api).turn(WINDOW + timedelta(days=15)) == 0


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"board": "Nowhere"}, "There is no board 'Nowhere'. There are: 'Bare', 'Monday <meeting>', 'Totals'."),
        ({"board": "Bare"}, "has no panel: an empty report is not sent."),
        ({"board": "Totals"}, "has no records (15 Jan 2024 to 21 Jan 2024): an empty report is not sent."),
        ({"endpoints": ("desk", "nobody")}, "notifications.yaml declares no endpoint nobody"),
        ({"fresh_within": timedelta(0)}, "The report takes figures of a refresh within 0s."),
    ],
)
def test_what_is_not_whole_is_tried_for_a_while_and_then_told_instead_of_sent(
    url: str, connection: Connection, api: Api, mailbox: Mailbox, changes: dict[str, Any], said: str
) -> None:
    declare_reports(connection, Report(**{**REPORT.__dict__, **changes}))
    report_runner = quick(connection, api, pause=0.0)
    assert report_runner.turn(WINDOW) == 0
    ((outcome, reason),) = outcomes(connection)
    assert outcome == "trying" and reason is not None and said in reason
    report_runner.patience = 0.0
    assert report_runner.turn(WINDOW) == 1 and report_runner.turn(WINDOW) == 0
    assert [outcome for outcome, _ in outcomes(connection)] == ["failed"]
    rows = connection.execute("SELECT topic, severity, text FROM notify.events").fetchall()
    assert [row[:2] for row in rows] == [("report.week.failed", "warning")] and said in rows[0][2]
    names = connection.execute(
        "SELECT name FROM notify.messages JOIN notify.endpoints USING (endpoint_id) WHERE event_id IS NOT NULL "
        "ORDER BY name"
    ).fetchall()
    assert names == [("desk",), ("operators",)]
    deliver(url)
    assert mailbox.mails == []


def test_an_api_that_is_down_delays_a_report(url: str, connection: Connection, api: Api, mailbox: Mailbox) -> None:
    declare_reports(connection, REPORT)
    down = ReportRunner(connection, BoardReader("http://127.0.0.1:9"), pause=0.0)
    assert down.turn(WINDOW) == 0 and "The API does not answer at http://127.0.0.1:9" in str(outcomes(connection))
    assert quick(connection, api).turn(WINDOW) == 1
    deliver(url)
    assert len(mailbox.mails) == 1


def test_a_report_that_nothing_can_be_made_of_keeps_no_other_from_being_sent(
    connection: Connection, api: Api, mailbox: Mailbox
) -> None:
    declare_reports(connection, REPORT, *(replace(REPORT, name=name) for name in ("elsewhere", "never", "odd")))
    connection.execute("UPDATE notify.reports SET time_zone = 'Mars/Olympus' WHERE name = 'elsewhere'")
    connection.execute("UPDATE notify.reports SET schedule = 'noon' WHERE name = 'never'")
    connection.execute("UPDATE notify.reports SET board = 'Bare' WHERE name = 'odd'")

    def broken(board: AnsweredBoard, *_: Any) -> Composed:
        if board.title == "Bare":
            raise RecursionError("a program has mistakes")
        return compose(board, None, draw_charts=no_pictures)

    assert runner(connection, api, compose=broken).turn(WINDOW) == 1
    found = {each["report"]: (each["outcome"], each["reason"]) for each in list_editions(connection)}
    assert found == {
        "week": ("published", None),
        "odd": ("trying", "It failed because of an error in the program: RecursionError('a program has mistakes')"),
    }


def test_a_refresh_between_the_answers_of_a_board_delays_it(
    connection: Connection, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare_reports(connection, REPORT)
    original = BoardReader._get

    def torn(self: BoardReader, client: Any, path: str, parameters: Any = None) -> Any:
        found = original(self, client, path, parameters)
        if path.endswith("/answers"):
            found["answers"][0]["answer"]["data_version"] = 1_000
        return found

    with monkeypatch.context() as patch:
        patch.setattr(BoardReader, "_get", torn)
        assert quick(connection, api, pause=0.0).turn(WINDOW) == 0
    assert "its panels are of two refreshes" in str(outcomes(connection))


def test_one_that_dies_before_it_commits_leaves_nothing_and_the_next_one_sends_it_once(
    url: str, connection: Connection, api: Api, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare_reports(connection, REPORT)

    def die(*_: Any, **__: Any) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(running, "end_edition", die)
        with pytest.raises(KeyboardInterrupt):
            quick(connection, api).turn(WINDOW)
    assert connection.execute("SELECT count(*) FROM notify.events").fetchone() == (0,)
    assert quick(connection, api).turn(WINDOW) == 1 and quick(connection, api).turn(WINDOW) == 0
    deliver(url)
    assert len(mailbox.mails) == 1


def test_two_that_make_one_edition_at_once_publish_one(
    url: str, connection: Connection, api: Api, mailbox: Mailbox
) -> None:
    declare_reports(connection, REPORT)

    def overtaken(*given: Any) -> Any:
        with connect(url) as other:
            assert quick(other, api).turn(WINDOW) == 1
        return compose(*given, no_pictures)

    assert runner(connection, api, compose=overtaken).turn(WINDOW) == 0
    assert [outcome for outcome, _ in outcomes(connection)] == ["published"]
    deliver(url)
    assert len(mailbox.mails) == 1


@pytest.mark.slow
def test_a_worker_makes_and_sends_a_report_by_itself(
    url: str, connection: Connection, api: Api, mailbox: Mailbox, tmp_path: Path, wait_until: Callable[..., None]
) -> None:
    (tmp_path / "notifications.yaml").write_text(
        f"mail: {{server: localhost, port: {mailbox.port}, security: none, private: true, from: a@x.example}}\n"
        "endpoints: {desk: {channel: email, to: [desk@example.org], subscriptions: [{topics: [nothing]}]}}\n"
    )
    (tmp_path / "reports.yaml").write_text(
        "reports: {all: {board: Monday <meeting>, schedule: 0 * * * *, days: all, endpoints: [desk]}}\n"
    )
    variables = os.environ | {
        "LOGISTICS_DATABASE_URL": url,
        "LOGISTICS_DATA_DIR": str(tmp_path), "LOGISTICS_WORKER_API_URL": str(api.client.base_url),
    }  # fmt: skip
    with (tmp_path / "log").open("wb") as log:
        worker = subprocess.Popen(
            [sys.executable, "-m", "logistics_pipeline.worker"], env=variables, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        wait_until(lambda: connection.execute("SELECT count(*) FROM notify.reports").fetchone() == (1,), seconds=60)
        connection.execute("UPDATE notify.reports SET declared_at = declared_at - interval '61 minutes'")
        wait_until(lambda: mailbox.mails, seconds=60)
    finally:
        worker.terminate()
        worker.wait(30)
    assert len(mailbox.mails) == 1 and len(parts(mailbox.mails[0], "image/png")) == 5


def test_charts_that_cannot_be_drawn_are_a_fault_and_so_is_one_that_takes_too_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chart = Chart("metric_bars", [{"label": "a", "value": 1.0, "shown": "1"}], "a", "a")
    with pytest.raises(ReportFault, match=r"within 0\.01 s"):
        draw([chart], seconds=0.01)
    monkeypatch.setattr(drawing, "picture", lambda *_, **__: {"mark": 5})
    with pytest.raises(ReportFault, match="could not be drawn: "):
        draw([chart])


def test_a_preview_is_made_by_a_worker_on_request_and_sends_nothing(
    url: str, connection: Connection, api: Api, mailbox: Mailbox
) -> None:
    declare_reports(connection, replace(REPORT, days="all"), replace(REPORT, name="nowhere", board="Nowhere"))
    asked = {name: api.request(f"/api/notifications/reports/{name}/previews", "POST") for name in ("week", "nowhere")}
    assert [each.status_code for each in asked.values()] == [202, 202]
    waiting = asked["week"].json()
    assert (waiting["state"], waiting["page_url"], waiting["requested_by"]) == ("queued", None, "anonymous")
    assert asked["week"].headers["location"] == waiting["status_url"]
    assert api.request(waiting["status_url"]).headers["retry-after"] == "1"
    assert api.request(f"{waiting['status_url']}/page").status_code == 404
    assert make_previews(quick(connection, api)) == 2
    done = api.get(waiting["status_url"])
    page = api.client.get(done["page_url"])
    assert page.text.count("data:image/png;base64,") == 5 and "<h1>Monday &lt;meeting&gt;</h1>" in page.text
    assert "sandbox" in page.headers["content-security-policy"]
    failed = api.get(asked["nowhere"].json()["status_url"])
    assert (failed["state"], failed["page_url"]) == ("failed", None)
    assert "There is no board 'Nowhere'" in failed["problem"]
    assert make_previews(quick(connection, api)) == 0
    deliver(url)
    assert mailbox.mails == [] and list_editions(connection) == []
    for path, method in (
        ("/api/notifications/reports/unknown/previews", "POST"),
        (f"/api/notifications/reports/previews/{uuid4()}", "GET"),
    ):
        assert api.request(path, method).status_code == 404


def test_a_preview_that_ends_its_worker_is_not_made_for_ever(connection: Connection, api: Api) -> None:
    declare_reports(connection, REPORT)
    status = api.request("/api/notifications/reports/week/previews", "POST").json()["status_url"]

    class Killed(BaseException):
        """Ends a process."""

    def die(*_: Any) -> Composed:
        raise Killed

    for _ in range(3):
        with pytest.raises(Killed):
            make_previews(runner(connection, api, compose=die))
    assert make_previews(runner(connection, api, compose=die)) == 1
    assert "has ended its worker 3 times" in api.get(status)["problem"]


def test_few_previews_wait_and_few_are_kept(connection: Connection, api: Api) -> None:
    declare_reports(connection, REPORT)
    connection.execute("TRUNCATE notify.previews")
    connection.execute(
        "INSERT INTO notify.previews (report, requested_by, state) "
        "SELECT 'week', 'ada', 'done' FROM generate_series(1, 60)"
    )
    path = "/api/notifications/reports/week/previews"
    statuses = [api.request(path, "POST").status_code for _ in range(21)]
    assert statuses == [202] * 20 + [503]
    assert connection.execute("SELECT count(*) FROM notify.previews").fetchone() == (49,)
    connection.execute("UPDATE notify.previews SET requested_at = now() - interval '25 hours'")
    assert api.request(path, "POST").status_code == 202
    assert connection.execute("SELECT count(*) FROM notify.previews").fetchone() == (1,)
    connection.execute("TRUNCATE notify.previews")


@pytest.mark.slow
def test_a_preview_is_written_in_a_language_that_an_endpoint_reads(
    url: str, connection: Connection, api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(connection, Endpoint("berlin", EndpointChannel.INBOX, language="de"))
    (tmp_path / "reports.yaml").write_text(
        "reports: {week: {board: Monday <meeting>, schedule: 0 7 * * 1, days: all, endpoints: [berlin]}}\n"
    )
    monkeypatch.setenv("LOGISTICS_DATABASE_URL", url)
    monkeypatch.setenv("LOGISTICS_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("LOGISTICS_WORKER_API_URL", str(api.client.base_url))
    page = tmp_path / "report.html"
    preview("week", page, "de")
    assert '<html lang="de">' in page.read_text() and "Alle Tage" in page.read_text()
    with pytest.raises(ConfigurationError, match=r"is not made in 'fr'\. Its endpoints read: de, en\."):
        preview("week", page, "fr")


def test_a_preview_is_one_page_with_its_pictures(connection: Connection, api: Api) -> None:
    board, composed, days = quick(connection, api).make(REPORT, WINDOW)
    page = page_of(board.title, composed.edition)
    assert "cid:" not in page and page.count("data:image/png;base64,") == 5 and days is not None
    assert connection.execute("SELECT count(*) FROM notify.editions").fetchone() == (0,)
