"""Where one answer leads: OpenAPI links, for clients that follow them and for tests that do.

A cursor belongs to the question it came with, so the link to the next page repeats that question's parameters.
"""

from typing import Any

PAGES = ("read_vehicles", "read_vehicle_logs", "read_shipments", "list_files", "list_batches", "list_rejects")
"""Operations whose answer holds `next_cursor`."""

SPAN = {"start": "$request.query.start", "end": "$request.query.end"}

LINKS: dict[str, dict[str, tuple[str, dict[str, str]]]] = {
    "read_vehicles": {"vehicle": ("read_vehicle", {"vehicle_id": "$response.body#/data/0/vehicle_id"})},
    "read_vehicle_logs": {
        "log": ("read_vehicle_log", {"log_id": "$response.body#/data/0/log_id"}),
        "vehicle": ("read_vehicle", {"vehicle_id": "$response.body#/data/0/vehicle_id"}),
    },
    "read_shipments": {
        "shipment": ("read_shipment", {"shipment_id": "$response.body#/data/0/shipment_id"}),
        "log": ("read_vehicle_log", {"log_id": "$response.body#/data/0/log_id"}),
    },
    "read_vehicle_metrics": {
        "vehicle": ("read_vehicle_details", {"vehicle_id": "$response.body#/0/vehicle_id", **SPAN}),
    },
    "read_route_matrix": {
        "route": (
            "read_route_details",
            {
                "origin": "$response.body#/data/0/origin",
                "destination": "$response.body#/data/0/destination",
                **SPAN,
            },
        ),
    },
    "list_files": {
        "file": ("read_file", {"file_id": "$response.body#/items/0/file_id"}),
        "batches": ("list_batches", {"file_id": "$response.body#/items/0/file_id"}),
    },
    "list_rejects": {"file": ("read_file", {"file_id": "$response.body#/items/0/file_id"})},
    "upload_file": {"upload": ("read_upload", {"upload_id": "$response.body#/upload_id"})},
}
"""Operation → name of a link → the operation it leads to, and that one's parameters."""


def add_links(document: dict[str, Any]) -> None:
    """Adds them to every successful answer of these operations."""
    for item in document["paths"].values():
        for operation in item.values():
            links = _links(operation)
            for status, response in operation["responses"].items():
                if links and status in ("200", "202"):
                    response["links"] = links


def _links(operation: dict[str, Any]) -> dict[str, Any]:
    name = operation["operationId"]
    found = dict(LINKS.get(name, {}))
    if name in PAGES:
        found["next_page"] = name, _next_page(operation)
    return {link: {"operationId": target, "parameters": parameters} for link, (target, parameters) in found.items()}


def _next_page(operation: dict[str, Any]) -> dict[str, str]:
    parameters = {
        f"{each['in']}.{each['name']}": f"$request.{each['in']}.{each['name']}" for each in operation["parameters"]
    }
    return parameters | {"query.cursor": "$response.body#/next_cursor"}
