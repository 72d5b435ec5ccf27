"""Makes the editions that are due, and publishes each with its event in one transaction: whole, or as a failure."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
from cronsim import CronSimError

from logistics_core.database_contract.notifications import Severity
from logistics_core.editions import encode_edition
from logistics_core.languages.sentences import Sentence, joined
from logistics_core.languages.translating import ENGLISH, language_named
from logistics_core.metrics.periods import DayRange
from logistics_core.settings import Settings
from logistics_core.time_lengths import length_text
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.errors import TransientError
from logistics_pipeline.notifying.publishing import Event, publish_to
from logistics_pipeline.reporting.answers import AnsweredBoard, BoardReader
from logistics_pipeline.reporting.composing import Composed, compose
from logistics_pipeline.reporting.days import days_before
from logistics_pipeline.reporting.declaration import Report
from logistics_pipeline.reporting.editions import (
    OpenEdition,
    ReportInForce,
    end_edition,
    is_told,
    open_editions,
    open_windows,
    put_off,
    reports_in_force,
)
from logistics_pipeline.reporting.faults import ReportFault
from logistics_pipeline.reporting.schedule import windows_between
from logistics_pipeline.reporting.words import range_words

PATIENCE_SECONDS = 1800.0
"""How long an edition is tried that is not whole: the API restarts, a refresh is late."""
PAUSE_SECONDS = 60.0

log = logging.getLogger("logistics.reports")


@dataclass
class ReportRunner:
    """Makes editions as long as its connection lives. Whoever runs it holds the lock of the duty."""

    connection: Connection
    reader: BoardReader
    patience: float = PATIENCE_SECONDS
    pause: float = PAUSE_SECONDS
    compose: Callable[[AnsweredBoard, DayRange | None, Sequence[str]], Composed] = field(default=compose)
    _without_times: set[int] = field(default_factory=set)
    """Reports whose schedule or time zone this machine does not know, such as one stored by another version."""

    def turn(self, now: datetime | None = None) -> int:
        """Opens the windows that have come, and tries each open edition once. Returns how many ended.

        Raises:
            TransientError, psycopg.Error: the database is gone; nothing is lost.
        """
        in_force = reports_in_force(self.connection)
        self._open(in_force, now or self.now())
        ended = 0
        reports = {each.report_id: each.report for each in in_force}
        for edition in open_editions(self.connection, self.patience):
            ended += self._try(reports[edition.report_id], edition)
        return ended

    def make(self, report: Report, window: datetime) -> tuple[AnsweredBoard, Composed, DayRange | None]:
        """An edition, whole. Nothing is stored.

        Raises:
            ReportFault: it cannot be made.
        """
        days = days_before(report.days, window.astimezone(ZoneInfo(report.time_zone)).date())
        self._check_age(report)
        board = self.reader.read(report.board, days)
        return board, self.compose(board, days, self._languages(report)), days

    def now(self) -> datetime:
        """The moment, by the clock of the database."""
        row = self.connection.execute("SELECT clock_timestamp()").fetchone()
        assert row is not None
        now: datetime = row[0]
        return now

    def _open(self, in_force: Sequence[ReportInForce], now: datetime) -> None:
        for each in in_force:
            try:
                windows = windows_between(each.report.schedule, ZoneInfo(each.report.time_zone), each.seen_until, now)
            except (CronSimError, LookupError, OSError, ValueError) as error:
                if each.report_id not in self._without_times:
                    log.error("It is not known when the report %s is due: %s", each.report.name, error)
                self._without_times.add(each.report_id)
                continue
            self._without_times.discard(each.report_id)
            open_windows(self.connection, each.report_id, windows)

    def _try(self, report: Report, edition: OpenEdition) -> bool:
        try:
            board, composed, days = self.make(report, edition.window_at)
            endpoint_ids = self._endpoint_ids(report)
        except ReportFault as fault:
            return self._failed(report, edition, str(fault))
        except (TransientError, psycopg.Error):
            raise
        except Exception as error:  # one report that cannot be made must not end the worker, and all alerts with it
            log.exception("The report %s could not be made.", report.name)
            return self._failed(report, edition, f"It failed because of an error in the program: {error!r}"[:500])
        event = _ready(report, edition, board, composed, days)
        with self.connection.transaction():
            publish_to(self.connection, event, only=endpoint_ids, is_alone=True)
            return end_edition(
                self.connection, edition, "published", data_version=board.data_version,
                content=encode_edition(composed.edition), event_key=event.key,
            )  # fmt: skip

    def _failed(self, report: Report, edition: OpenEdition, reason: str) -> bool:
        log.warning("The report %s could not be made: %s", report.name, reason)
        if not edition.is_last:
            put_off(self.connection, edition, reason, self.pause)
            return False
        if is_told(self.connection, edition.report_id):
            return end_edition(self.connection, edition, "failed", reason=reason)
        event = _failure(report, edition, reason)
        with self.connection.transaction():
            publish_to(self.connection, event, also=list(self._known_endpoints(report).values()))
            return end_edition(self.connection, edition, "failed", reason=reason, event_key=event.key)

    def _check_age(self, report: Report) -> None:
        if report.fresh_within is None:
            return
        row = self.connection.execute(
            "SELECT extract(EPOCH FROM clock_timestamp() - last_calculated_at)::double precision FROM analytics.status"
        ).fetchone()
        age = None if row is None else row[0]
        if age is None:
            raise ReportFault("The figures were never refreshed.")
        if age > report.fresh_within.total_seconds():
            raise ReportFault(
                f"The last refresh was {length_text(timedelta(seconds=int(age)))} ago. The report takes figures of a "
                f"refresh within {length_text(report.fresh_within)}."
            )

    def _languages(self, report: Report) -> list[str]:
        """English, which the dashboard shows, and what the endpoints of the report read."""
        rows = self.connection.execute(
            "SELECT DISTINCT language FROM notify.endpoints WHERE removed_at IS NULL AND name = ANY(%s)",
            (list(report.endpoints),),
        )
        return [ENGLISH, *sorted({language_named(code).code for (code,) in rows} - {ENGLISH})]

    def _known_endpoints(self, report: Report) -> dict[str, int]:
        """Those of the report that are declared, by name."""
        rows: list[Any] = self.connection.execute(
            "SELECT name, endpoint_id FROM notify.endpoints WHERE removed_at IS NULL AND name = ANY(%s) ORDER BY name",
            (list(report.endpoints),),
        ).fetchall()
        return dict(rows)

    def _endpoint_ids(self, report: Report) -> list[int]:
        known = self._known_endpoints(report)
        if missing := sorted(set(report.endpoints) - known.keys()):
            raise ReportFault(f"notifications.yaml declares no endpoint {', '.join(missing)}, which the report is for.")
        return list(known.values())


def _ready(
    report: Report, edition: OpenEdition, board: AnsweredBoard, composed: Composed, days: DayRange | None
) -> Event:
    return Event(
        topic=f"report.{report.name}.ready", key=f"report:{report.name}:{edition.window_at.isoformat()}",
        severity=Severity.INFO, title=Sentence("{title}", title=report.title or board.title),
        text=joined([Sentence("{days}.", days=range_words(days)), Sentence("The board has all figures.")], " "),
        facts=composed.facts,
        labels={"report": report.name}, path=f"/boards/{board.board_id}", occurred_at=edition.window_at,
    )  # fmt: skip


def _failure(report: Report, edition: OpenEdition, reason: str) -> Event:
    return Event(
        topic=f"report.{report.name}.failed", key=f"report:{report.name}:{edition.window_at.isoformat()}:failed",
        severity=Severity.WARNING,
        title=Sentence("The report {report} is not sent this time", report=report.title or report.name),
        text=Sentence(
            "{reason} It was tried {count} time. `logistics reports preview {report}` shows whether it is whole now.",
            "{reason} It was tried {count} times. `logistics reports preview {report}` shows whether it is whole now.",
            reason=reason, count=edition.tries + 1, report=report.name,
        ),
        facts=((Sentence("report"), report.name), (Sentence("board"), report.board)), labels={"report": report.name},
        path="/boards", occurred_at=edition.window_at,
    )  # fmt: skip


def reader_of(settings: Settings) -> BoardReader:
    """What asks the API, as the settings say where it is."""
    return BoardReader(settings.worker_api_address, settings.worker_api_key)
