"""Makes the previews of reports that people ask for through the API: editions as they would be sent now.

One that ends its worker is begun twice more. Whoever makes them holds the lock of the duty, as of `running`.
"""

import logging
from typing import Any
from uuid import UUID

import psycopg

from logistics_core.database_contract.notifications import PreviewState
from logistics_core.editions import encode_edition
from logistics_core.sql_files import read_sql
from logistics_pipeline.errors import TransientError
from logistics_pipeline.reporting.editions import reports_in_force
from logistics_pipeline.reporting.faults import ReportFault
from logistics_pipeline.reporting.running import ReportRunner

MOST_TRIES = 3
MOST_AT_ONCE = 3
"""Then editions have their turn, and the worker says that it lives."""

log = logging.getLogger("logistics.reports")


def make_previews(runner: ReportRunner) -> int:
    """Makes a few of the previews that wait, the one that has waited longest first. Returns how many.

    Raises:
        TransientError, psycopg.Error: the database is gone; what waits is made later.
    """
    for made in range(MOST_AT_ONCE):
        row = runner.connection.execute(read_sql("reporting/begin_preview").encode()).fetchone()
        if row is None:
            return made
        _end(runner, row[0], *_make(runner, row[1], row[2]))
    return MOST_AT_ONCE


def _make(runner: ReportRunner, name: str, tries: int) -> tuple[str | None, bytes | None, str | None]:
    """Title and content, or why there is none."""
    if tries >= MOST_TRIES:
        return None, None, f"It has ended its worker {MOST_TRIES} times, and is not made again."
    try:
        report = {each.report.name: each.report for each in reports_in_force(runner.connection)}.get(name)
        if report is None:
            raise ReportFault(f"The report {name} is not declared any more.")
        board, composed, _ = runner.make(report, runner.now())
    except ReportFault as fault:
        return None, None, str(fault)
    except (TransientError, psycopg.Error):
        raise
    except Exception as error:  # as of editions: nothing here must end the worker
        log.exception("The preview of the report %s could not be made.", name)
        return None, None, f"It failed because of an error in the program: {error!r}"[:500]
    return report.title or board.title, encode_edition(composed.edition), None


def _end(runner: ReportRunner, preview_id: UUID, title: str | None, content: bytes | None, problem: str | None) -> None:
    values: dict[str, Any] = {
        "preview_id": preview_id,
        "state": PreviewState.DONE if problem is None else PreviewState.FAILED,
        "title": title,
        "content": content,
        "problem": problem,
    }
    runner.connection.execute(
        "UPDATE notify.previews SET state = %(state)s, title = %(title)s, content = %(content)s, "
        "problem = %(problem)s, finished_at = clock_timestamp() WHERE preview_id = %(preview_id)s",
        values,
    )
