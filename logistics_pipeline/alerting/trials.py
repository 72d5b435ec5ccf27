"""Serves the trials of rules that people ask for through the API. One that ends its worker is tried twice more."""

import logging
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from psycopg.rows import class_row

from logistics_core.alert_rules.reading import rule_of_document
from logistics_core.catalogue.contract_shapes import ShapeFault
from logistics_core.sql_files import read_sql
from logistics_pipeline.alerting.observing.model import CannotEvaluate
from logistics_pipeline.alerting.trying import Trial, try_rule
from logistics_pipeline.database.connections import TRANSIENT, Connection, reason_line_of
from logistics_pipeline.database.contracts import catalogue_in_force

TRIAL_SECONDS = 60
LEASE_SECONDS = 120.0
"""Longer than a trial may take with its last statement."""
MOST_ATTEMPTS = 3
MOST_FIRINGS = 1_000
"""That are stored, the first ones; how many there were is stored beside them."""

log = logging.getLogger("logistics.worker")


@dataclass(frozen=True)
class _Request:
    trial_id: UUID
    name: str
    definition: dict[str, Any]
    days: int
    attempts: int


def serve_next_trial(connection: Connection) -> bool:
    """Serves the trial that has waited longest, or whose worker has died; False if there is none.

    Raises:
        psycopg.Error: the database went away; the trial is served again when its lease ends.
    """
    with connection.cursor(row_factory=class_row(_Request)) as cursor:
        request = cursor.execute(read_sql("alerting/lease_trial").encode(), {"seconds": LEASE_SECONDS}).fetchone()
    if request is None:
        return False
    result, error = _try(connection, request)
    parameters = {"trial_id": request.trial_id, "attempts": request.attempts, "result": result, "error": error}
    connection.execute(read_sql("alerting/end_trial").encode(), parameters)
    return True


def _try(connection: Connection, request: _Request) -> tuple[str | None, str | None]:
    """The result as JSON, or why there is none."""
    if request.attempts > MOST_ATTEMPTS:
        return None, f"It has ended its worker {MOST_ATTEMPTS} times, and is not tried again."
    try:
        rule = rule_of_document(request.definition, request.name)
        found = try_rule(connection, catalogue_in_force(connection), rule, request.days, seconds=TRIAL_SECONDS)
        return _as_json(found), None
    except (CannotEvaluate, ShapeFault) as error:
        return None, str(error)
    except psycopg.errors.QueryCanceled:
        return None, f"One day took longer than {TRIAL_SECONDS} s. Name fewer fields in `by`."
    except TRANSIENT:
        raise
    except psycopg.Error as error:
        return None, f"PostgreSQL refused to look: {reason_line_of(error)}."
    except Exception:
        log.exception("The trial %s of the rule %s has failed.", request.trial_id, request.name)
        return None, "It failed because of an error in the program: the log of the worker has the details."


def _as_json(found: Trial) -> str:
    kept = {**asdict(found), "firings": found.firings[:MOST_FIRINGS], "times": len(found.firings)}
    return msgspec.json.encode(kept).decode()
