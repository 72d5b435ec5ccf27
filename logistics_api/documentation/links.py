"""OpenAPI links from responses to other operations, for clients and tests that follow them.

A cursor belongs to the request it came from, so the link to the next page repeats that request's parameters.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from logistics_core.catalogue import Catalogue, Dataset

PAGES = frozenset({"list_files", "list_batches", "list_rejects"})
"""Operations whose response contains `next_cursor`, in addition to the pages of rows."""

SPAN = {"start": "$request.query.start", "end": "$request.query.end"}

Links = Mapping[str, tuple[str, dict[str, str]]]
"""Name of a link → its target operation, and the parameters of that operation."""

LINKS: Mapping[str, Links] = {
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
"""By operation; the links of the pages of rows are derived from the catalogue."""


def add_links(document: dict[str, Any], catalogue: Catalogue) -> None:
    """Adds links to every successful response of these operations."""
    rows = {f"read_{dataset.name}": dict(_links_of_rows(dataset, catalogue)) for dataset in catalogue.values()}
    links, pages = {**LINKS, **rows}, PAGES | rows.keys()
    for item in document["paths"].values():
        for operation in item.values():
            name = operation["operationId"]
            found = dict(links.get(name, {}))
            if name in pages:
                found["next_page"] = name, _next_page(operation)
            _add(operation, found)


def _links_of_rows(dataset: Dataset, catalogue: Catalogue) -> Iterator[tuple[str, tuple[str, dict[str, str]]]]:
    """Links from the first row of a page to that single row, and to the rows it references."""
    if dataset.key:  # otherwise a row does not say what identifies it
        yield _link(dataset.key, dataset)
    for reference in dataset.references:
        yield _link(reference.fields, catalogue[reference.dataset])


def _link(fields: Sequence[str], target: Dataset) -> tuple[str, tuple[str, dict[str, str]]]:
    """The link from fields that hold a key of `target` to its row."""
    parameters = {key: f"$response.body#/data/0/{field}" for key, field in zip(target.key, fields, strict=True)}
    name = fields[0].removesuffix("_id") if len(fields) == 1 else target.singular
    return name, (f"read_{target.singular}", parameters)


def _add(operation: dict[str, Any], links: Links) -> None:
    described = {
        link: {"operationId": target, "parameters": parameters} for link, (target, parameters) in links.items()
    }
    for status, response in operation["responses"].items():
        if described and status in ("200", "202"):
            response["links"] = described


def _next_page(operation: dict[str, Any]) -> dict[str, str]:
    parameters = {
        f"{each['in']}.{each['name']}": f"$request.{each['in']}.{each['name']}" for each in operation["parameters"]
    }
    return parameters | {"query.cursor": "$response.body#/next_cursor"}
