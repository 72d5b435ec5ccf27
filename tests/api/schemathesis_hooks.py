"""What no schema can say, told to Schemathesis: valid questions that would be refused are made acceptable."""

import os
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import schemathesis
import yaml
from schemathesis.generation import GenerationMode

from logistics_api.alerts.rule_schemas import EXAMPLE
from logistics_api.uploads.names import parse_name
from tests.api.world import BOARD_ID
from tests.contract_texts import FUEL

PROPOSAL_ID = os.environ.get("PROPOSAL_ID")
SIGNED_IN = {"Cookie": f"logistics_session={os.environ.get('SESSION', '')}", "Sec-Fetch-Site": "same-origin"}
"""Without a session, as when run by hand, the operations of people answer that nobody has signed in."""
DATASET = re.compile("[a-z_][a-z0-9_]*")


UNKNOWN_HEADER = "x-schemathesis-unknown-property"


@schemathesis.hook
def filter_case(context: Any, case: Any) -> bool:
    """HTTP has a server pass over headers that it does not know; Schemathesis would have them refused."""
    return UNKNOWN_HEADER not in (case.headers or {})


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Only where everything is meant to be valid: what is meant to be refused stays as it is, but for who asks."""
    _sign_in(case)
    if case.meta is None or case.meta.generation.mode is not GenerationMode.POSITIVE:
        return
    label = case.operation.label
    if label.startswith("POST /api/ingestion/files/"):
        case.path_parameters["file_id"] = 1  # what can be requested about it stands in the database
    for part, ask in _WHAT_TO_ASK.items():
        if part in label:
            ask(case)
    if case.headers:
        case.headers.pop("If-Data-Version", None)  # a precondition: 412 is the right answer to most versions
    if case.query:
        _turn_round(case.query)
        _ask_about_earlier(case)
        if (case.path_parameters or {}).get("format") in ("ndjson", "parquet"):
            case.query.pop("for", None)  # only CSV is written for Excel
        for part, ask in _WHAT_TO_ASK_IN_QUERIES.items():
            if part in label:
                ask(case)


def _sign_in(case: Any) -> None:
    if "/api/me/" in case.operation.label and "SESSION" in os.environ:
        case.headers = {**(case.headers or {}), **SIGNED_IN}


def _ask_about_contracts(case: Any) -> None:
    """Which proposals, requests and files there are stands in the database; a contract is more than any text."""
    parameters = case.path_parameters or {}
    if "proposal_id" in parameters and PROPOSAL_ID is not None:
        parameters["proposal_id"] = PROPOSAL_ID
    if "request_id" in parameters:
        parameters["request_id"] = 1
    if "dataset" in parameters:
        parameters["dataset"] = "shipments" if case.operation.method.upper() == "GET" else "wood"
        case.query.pop("version", None)  # there is only one
    if case.operation.label == "PUT /api/contracts/proposals/{proposal_id}/contract":
        case.body = yaml.safe_load(FUEL)
    if case.operation.label == "POST /api/contracts/proposals":
        for name in ("filename", "folder", "replace"):
            case.query.pop(name, None)
        case.body, case.media_type = {"path": "fuel/2024-06.csv"}, "application/json"


BOARD = {
    "title": "Monday meeting",
    "description": "",
    "panels": [{"question": {"dataset": "shipments", "metrics": "revenue"}}],
}


def _ask_about_boards(case: Any) -> None:
    """Questions are more than any text, and a change names the version that it knows. Nobody deletes the only board."""
    if "board_id" in (case.path_parameters or {}):
        case.path_parameters["board_id"] = BOARD_ID
    if case.operation.method.upper() in ("POST", "PUT"):
        case.body, case.media_type = BOARD, "application/json"
    if case.operation.method.upper() in ("PUT", "DELETE"):
        case.headers["If-Match"] = '"3"' if case.operation.method.upper() == "PUT" else '"2"'


PREFERENCES = {
    "time_zone": "Europe/Berlin",
    "quiet_hours": {"from": "22:00", "until": "06:30"},
    "channels": {"inbox": {"topics": ["*"], "severity": "info"}, "email": None, "push": None},
}
BROWSER = {
    "endpoint": "https://fcm.googleapis.com/fcm/send/of-the-test",
    "keys": {"p256dh": "B" * 87, "auth": "a" * 22},
}


def _ask_about_my_notifications(case: Any) -> None:
    """Time zones and push services are more than any text, and a change names the version that it knows."""
    if case.operation.label.startswith("DELETE /api/me/push-subscriptions/") and "API_URL" in os.environ:
        address = f"{os.environ['API_URL']}/api/me/push-subscriptions"
        added = httpx2.post(address, json=BROWSER, headers=SIGNED_IN, trust_env=False)
        case.path_parameters["subscription_id"] = added.json()["subscription_id"]
    if case.operation.label == "PUT /api/me/notifications":
        case.headers["If-Match"] = '"1"'
        case.body = PREFERENCES
    if case.operation.label == "POST /api/me/push-subscriptions":
        case.body = BROWSER


def _ask_about_templates(case: Any) -> None:
    """Endpoint `desk` has two versions of its templates, and more as soon as somebody goes back to one."""
    parameters = case.path_parameters or {}
    known = {"endpoint": "desk", "version": 1, "preview_id": BOARD_ID}
    parameters.update({name: value for name, value in known.items() if name in parameters})
    if "version" in (case.query or {}):
        case.query["version"] = 1
    (case.query or {}).pop("message", None)  # nobody was told of anything yet


def _ask_about_sources(case: Any) -> None:
    """Which sources, pulls and requests there are stands in the database."""
    known = {"source": "fleet", "pull_id": 1, "request_id": 1}
    case.path_parameters.update({name: value for name, value in known.items() if name in case.path_parameters})
    if "resource" in (case.query or {}):
        case.query["resource"] = "trips"


def _ask_about_identities(case: Any) -> None:
    """Which entities, systems and proposals there are stands in the database."""
    known = {"entity": "vehicles", "key": "TRUCK-07", "proposal_id": 1}
    parameters = case.path_parameters or {}
    parameters.update({name: value for name, value in known.items() if name in parameters})
    query = case.query or {}
    valid = {"entity": "vehicles", "system": "fuelco", "as_of": "2024-06-01T12:00:00Z"}
    query.update({name: value for name, value in valid.items() if name in query})
    if case.operation.label == "POST /api/identities/links" and isinstance(case.body, dict):
        case.body |= {"entity": "vehicles", "system": "fuelco", "external_id": "W-1234", "key": None}


def _ask_about_alerts(case: Any) -> None:
    """Incident 1, silence 1, a rule and a trial are there; a silence ends within a year. Nobody removes the rule."""
    parameters = case.path_parameters or {}
    known = {"incident_id": 1, "silence_id": 1, "window_id": 1, "name": "revenue_fell", "trial_id": BOARD_ID}
    parameters.update({name: value for name, value in known.items() if name in parameters})
    method = case.operation.method.upper()
    if method in ("PUT", "DELETE") and "name" in parameters:
        case.headers["If-Match"] = '"1"' if method == "PUT" else '"999"'
    if isinstance(case.body, dict) and "definition" in case.body:
        case.body["definition"] = EXAMPLE
    if case.operation.label == "POST /api/alerts/silences" and isinstance(case.body, dict):
        case.body |= {
            "rule": "file_failed",
            "starts_at": None,
            "ends_at": _tomorrow(),
            "reason": "a test",
            "labels": {"dataset": "shipments"},
        }
    if case.operation.label == "POST /api/alerts/windows" and isinstance(case.body, dict):
        case.body |= {
            "rule": None,
            "ends_at": _tomorrow(),
            "reason": "a test",
            "labels": {},
            "hours": {"from": "02:00", "to": "04:00"},
        }
    if case.operation.label.endswith("/comment"):
        case.body = {"text": "seen"}
    if case.operation.label.endswith("/acknowledge"):
        case.body = {}


TRIP = {"origin": "Aachen", "destination": "Zug"}


def _ask_about_models(case: Any) -> None:
    """Inputs are those of the model; a moment is one of several forms."""
    case.path_parameters["model"] = "shipments.delivery_time"
    if "version" in case.path_parameters:
        case.path_parameters["version"] = "1"
    if case.operation.method.upper() != "POST":
        return
    if case.operation.label.endswith("/infer"):
        inputs = [{"name": name, "shape": [1], "datatype": "BYTES", "data": [value]} for name, value in TRIP.items()]
        case.body = {"inputs": inputs}
    else:
        case.body = {"rows": [TRIP]}


def _ask_about_changes_of_models(case: Any) -> None:
    case.query.update({name: EARLIER for name in ("at",) if name in case.query})


def _ask_about_changes(case: Any) -> None:
    """Not every text of the form of a moment is one: of February 30 there is none."""
    case.query.update({name: f"{EARLIER}T00:00:00Z" for name in ("since", "until") if name in case.query})


def _tomorrow() -> str:
    return (datetime.now(UTC) + timedelta(days=1)).isoformat()


NAMES = {
    "metrics": "revenue,shipments",
    "by": "origin",
    "filter": '{"origin":"Aachen"}',
    "order": "-revenue",
    "show": "share",
}
"""Valid values of parameters that are any text to a schema: metrics and fields of the dataset `shipments`."""


def _ask_about_metrics(case: Any) -> None:
    if case.operation.label == "GET /api/kpi":
        case.query["metrics"] = "shipments.revenue,vehicle_logs.distance"
        return
    case.path_parameters["dataset"] = "shipments"
    case.query.update({name: value for name, value in NAMES.items() if name in case.query})


EARLIER = "2026-03-01"
"""When every file was registered, see `world`."""


def _ask_about_history(case: Any) -> None:
    """A time is one of several forms, and the metrics are those of a dataset."""
    case.query.update({name: EARLIER for name in ("since", "until") if name in case.query})
    if "figures" in case.operation.label:
        case.path_parameters["dataset"] = "shipments"
        case.query.update({name: value for name, value in NAMES.items() if name in case.query})


def _ask_about_earlier(case: Any) -> None:
    """Rows, exports and metrics as of a time."""
    if "as_of" in case.query and not re.search("forecasts|identities", case.operation.label):
        case.query["as_of"] = EARLIER


def _ask_about_forecasts(case: Any) -> None:
    """What is forecast stands in the contract; filters and probabilities are more than any text."""
    known = {"metric": "revenue", "by": "origin", "grain": "day", "filter": NAMES["filter"], "probabilities": "0.1,0.9"}
    case.query.update({name: value for name, value in (known | {"as_of": EARLIER}).items() if name in case.query})


def _turn_round(query: dict[str, Any]) -> None:
    """A range that ends before it starts is refused."""
    start, end = query.get("start"), query.get("end")
    if isinstance(start, str) and isinstance(end, str) and start > end:
        query["start"], query["end"] = end, start


def _choose_place(case: Any) -> None:
    """Which datasets there are stands in the database, and the pattern of names is one Schemathesis cannot follow."""
    query = case.query
    dataset, name = str(query.get("dataset")), str(query.get("filename"))
    if DATASET.fullmatch(dataset):
        query["dataset"] = "shipments"
        query.pop("folder", None)  # a dataset has its own
    if not _is_good(name):
        query["filename"] = f"{len(name)}.json"


def _is_good(name: str) -> bool:
    try:
        return bool(parse_name(name))
    except ValueError:
        return False


_WHAT_TO_ASK = {
    "/api/contracts": _ask_about_contracts,
    "/api/alerts": _ask_about_alerts,
    "/api/audit": _ask_about_changes,
    "/api/models/{model}": _ask_about_models,
    "/v2/models/{model}": _ask_about_models,
    "/api/boards": _ask_about_boards,
    "/api/me/": _ask_about_my_notifications,
    "/api/notifications/endpoints/": _ask_about_templates,
    "/api/sources/": _ask_about_sources,
    "/api/identities": _ask_about_identities,
}
"""By a part of the label of an operation."""
_WHAT_TO_ASK_IN_QUERIES = {
    "/api/history": _ask_about_history,
    "/api/models/": _ask_about_changes_of_models,
    "/api/metrics/": _ask_about_metrics,
    "GET /api/kpi": _ask_about_metrics,
    "/api/forecasts": _ask_about_forecasts,
    "POST /api/ingestion/upload": _choose_place,
}
"""The same, for those that have a query."""
