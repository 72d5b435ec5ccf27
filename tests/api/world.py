"""A database that real files were loaded into: a few hundred records, some of them rejected, on several pages."""

import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg
from psycopg.types.json import Json, Jsonb

from logistics_api.alerts.rule_schemas import EXAMPLE
from logistics_core.alert_rules.rules import Timing
from logistics_core.catalogue import built_in_catalogue
from logistics_core.database_contract.notifications import EndpointChannel
from logistics_core.editions import Edition, encode_edition
from logistics_core.settings import Settings
from logistics_pipeline.alerting.evaluating import evaluate
from logistics_pipeline.alerting.rules_in_force import rules_in_force, sync_rules
from logistics_pipeline.alerting.trials import serve_next_trial
from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.database.connections import connect
from logistics_pipeline.files.folder import RawFolder
from logistics_pipeline.forecasting.refitting import refit
from logistics_pipeline.loading.loader import load_file
from logistics_pipeline.loading.options import BatchLimits, LoadOptions
from logistics_pipeline.migrations.history_tables import keep_history
from logistics_pipeline.models.jobs import serve_next
from logistics_pipeline.models.updating import update_model
from logistics_pipeline.notifying.declaring.declaration import Endpoint
from logistics_pipeline.notifying.declaring.syncing import store_endpoints
from logistics_pipeline.reporting.declaration import Report
from logistics_pipeline.reporting.declaring import store_reports
from tests.contract_texts import synced_catalogue
from tests.source_pulls import DEPOT, FLEET, complete_pull, define

FIRST = date(2024, 1, 1)
PLACES = ("Aachen", "Zürich", "100% Zug", "A\\B/C", "Σίγμας")


def records() -> dict[str, list[dict[str, Any]]]:
    """Of each dataset. Some vehicles and logs never arrive, and every twentieth shipment breaks a rule."""
    return {
        "vehicles": [{"vehicle_id": f"V-{n:03}", "name": f"Truck {n}", "total_mileage": n * 1000.5} for n in range(15)],
        "vehicle_logs": [
            {
                "log_id": f"LOG-{n:06}",
                "vehicle_id": f"V-{n % 17:03}",
                "trip_date": str(FIRST + timedelta(n % 70)),
                "mileage": n / 2,
                "fuel_used": None if n % 5 == 0 else n / 10,
            }
            for n in range(150)
        ],
        "shipments": [
            {
                "shipment_id": f"SHP-{n:06}",
                "origin": PLACES[n % 5],
                "destination": PLACES[n % 3],
                "weight": n if n % 20 else -1,
                "cost": n * 1.25,
                "delivery_time": n % 48,
                "log_id": f"LOG-{n % 160:06}",
            }
            for n in range(400)
        ],
    }


def world_options(raw_dir: Path) -> LoadOptions:
    """Small batches, so that every file has several."""
    return LoadOptions(
        raw_dir=raw_dir,
        failed_dir=raw_dir.parent / "failed",
        batch=BatchLimits(records=30, bytes=1 << 20),
        max_record_bytes=1 << 20,
        date_order=None,
        retry_seconds=5.0,
        chunk_bytes=2_000,
    )


def load_world(url: str, raw_dir: Path) -> None:
    """Loads two files of every dataset, and calculates the figures."""
    with connect(url) as connection:
        for dataset in built_in_catalogue().values():
            keep_history(connection, dataset)
    for name, all_records in records().items():
        for part in range(2):
            path = raw_dir / name / f"2024-0{part + 1}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(all_records[part::2]))
            found = RawFolder(raw_dir).look_at(path)
            assert found is not None
            load_file(url, found, world_options(raw_dir))
    _load_fuel_cards(url, raw_dir)
    with connect(url) as connection:  # before the day that the OpenAPI document has as an example
        connection.execute("UPDATE ingest.files SET registered_at = '2026-02-01'")
    refresh(url, full=True)
    refit(url, "shipments", most_series=100)
    for name in ("shipments.delivery_time", "shipments.cost", "vehicle_logs.fuel"):
        update_model(url, name, settings=Settings())
    _add_job(url)
    _add_endpoint(url)
    _add_incident(url)
    _add_board(url)
    _add_edition(url)
    _add_source(url, raw_dir.parent / "sources")


CARDS = """\
$schema: https://datapackage.org/profiles/2.0/dataresource.json
name: fuel_cards
path: fuel_cards.json
schema:
  primaryKey: [payment]
  fields:
    - {name: payment, type: string, constraints: {required: true}, example: P-1}
    - {name: paid_on, type: date, constraints: {required: true}, example: "2024-01-01"}
    - {name: card_plate, type: string, example: W-1234}
    - {name: holder, type: string, example: Truck 2}
datedBy: {field: paid_on}
extras: false
history: true
externalIds: [{field: card_plate, entity: vehicles, system: fuelco, attributes: {name: holder}}]
"""


def _load_fuel_cards(url: str, raw_dir: Path) -> None:
    """The examples of the OpenAPI document: `W-1234` is `TRUCK-07`, and proposal 1 waits."""
    contracts = raw_dir.parent / "contracts"
    contracts.mkdir()
    (contracts / "fuel_cards.yaml").write_text(CARDS)
    catalogue = synced_catalogue(url, contracts)
    plates = ("W-1234", "v 002", "X")
    path = raw_dir / "fuel_cards.json"
    path.write_text(
        json.dumps(
            [
                {"payment": f"P-{n}", "paid_on": "2024-01-01", "card_plate": plate, "holder": f"Truck {n}"}
                for n, plate in enumerate(plates)
            ]
        )
    )
    options = replace(world_options(raw_dir), catalogue=catalogue)
    found = options.folder.look_at(path)
    assert found is not None
    load_file(url, found, options)
    with psycopg.connect(url) as connection:
        connection.execute("SELECT identity.make_link('vehicles', 'fuelco', 'W-1234', 'TRUCK-07', 'Ada', 'seen')")


def _add_incident(url: str) -> None:
    """The examples of the OpenAPI document: incident 1 is open, silence 1 in force, window 1 open; a rule was
    made and tried.
    """
    with connect(url) as connection:
        sync_rules(connection, Path("no such folder"))
        rule = rules_in_force(connection).rules["file_unrecognised"]
        connection.execute(
            "INSERT INTO ingest.files (path, version, state, size_bytes, modified_ns) "
            "VALUES ('notes.txt', 1, 'unrecognised', 1, 1)"
        )
        evaluate(connection, built_in_catalogue(), replace(rule, timing=Timing()), lambda *_: None)
        connection.execute(
            "SELECT alert.add_silence('file_failed', '{}', now(), now() + interval '1 day', 'Ada', 'moving')"
        )
        connection.execute("DELETE FROM ingest.files WHERE path = 'notes.txt'")
        connection.execute(
            "SELECT alert.add_window('file_failed', '{}', %s, now() + interval '1 day', 'Ada', 'backups')",
            (Jsonb({"days": ["sun"], "from": "02:00", "to": "04:00", "timeZone": "UTC"}),),
        )
        written = Jsonb(EXAMPLE)
        connection.execute("SELECT alert.add_rule('revenue_fell', %s, 'Ada')", (written,))
        connection.execute("SELECT alert.request_trial('revenue_fell', %s, 30, 'Ada')", (written,))
        connection.execute("UPDATE alert.trials SET trial_id = %s", (BOARD_ID,))
        assert serve_next_trial(connection)


def _add_endpoint(url: str) -> None:
    """An endpoint with two versions of its templates, and a preview of one."""
    with connect(url) as connection:
        for title in ("{{ event.title }}", "Look: {{ event.title }}"):
            chat = {"url": "env:NOWHERE", "titleTemplate": title}
            store_endpoints(connection, [Endpoint("desk", EndpointChannel.SLACK, configuration=chat, subscriptions=())])
        connection.execute(
            "INSERT INTO notify.template_previews (preview_id, endpoint, version, state, requested_by, finished_at) "
            "VALUES (%s, 'desk', 1, 'failed', 'anonymous', now())",
            (BOARD_ID,),
        )


def _add_job(url: str) -> None:
    """The example of the OpenAPI document: a job that is done."""
    with connect(url) as connection:
        connection.execute(
            "INSERT INTO models.jobs (job_id, model, input, rows, requested_by) "
            "VALUES (%s, 'shipments.delivery_time', %s, 1, 'anonymous')",
            (BOARD_ID, Json([{"origin": "Aachen", "destination": "Zug"}])),
        )
        assert serve_next(connection)


def _add_source(url: str, folder: Path) -> None:
    """The examples of the OpenAPI document: the source `fleet` with pull 1 and request 1."""
    assert not define(url, folder, fleet=FLEET, depot=DEPOT)
    with psycopg.connect(url) as connection:
        complete_pull(connection)
        connection.execute("SELECT source.request_pull('fleet', 'trips', 'anonymous')")


def _add_edition(url: str) -> None:
    """The examples of the OpenAPI document: edition 17 was published, and a preview made."""
    with connect(url) as connection:
        store_reports(connection, [Report("monday_figures", "Monday meeting", "0 7 * * 1", ("fleet-desk",))])
        connection.execute(
            "INSERT INTO notify.editions (edition_id, report_id, window_at, outcome, ended_at, content) "
            "OVERRIDING SYSTEM VALUE SELECT 17, report_id, now(), 'published', now(), %s FROM notify.reports",
            (encode_edition(Edition("<p>Figures</p>", "Figures", [], [])),),
        )
        connection.execute(
            "INSERT INTO notify.previews (preview_id, report, state, requested_by, finished_at, title, content) "
            "SELECT %s, 'monday_figures', 'done', 'anonymous', now(), 'Monday meeting', content FROM notify.editions",
            (BOARD_ID,),
        )


BOARD_ID = "0d2b2c5e-6f2d-4b6e-9a43-3a1f3a0f3f52"
"""The example of the OpenAPI document."""


def _add_board(url: str) -> None:
    question = {"dataset": "shipments", "metrics": "revenue", "by": "origin"}
    panels = [{"title": "", "question": question, "chart": "auto", "width": "half"}]
    with psycopg.connect(url) as connection:
        connection.execute(
            "INSERT INTO boards.boards (board_id, version, title, description, panels, owner, changed_by) "
            "VALUES (%s, 3, 'Monday meeting', '', %s, 'anonymous', 'anonymous')",
            (BOARD_ID, Json(panels)),
        )
