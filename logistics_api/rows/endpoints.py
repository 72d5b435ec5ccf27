"""GET /api/vehicles, /api/vehicle-logs, /api/shipments, and one row of each by its id.

Included behind all other subjects: an id may hold any character, `/` too, so `/api/vehicles/{vehicle_id}` would take
`/api/vehicles/metrics` for a vehicle. A vehicle of that name is found with `?vehicle_id=metrics`.
"""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from logistics_api.database.pool import Database, Reader
from logistics_api.errors import Problem
from logistics_api.http.responses import FIGURE_PROBLEMS, Responses, json_response, problem_response
from logistics_api.parameters.path_text import text
from logistics_api.parameters.text_search import KeyText
from logistics_api.rows import queries
from logistics_api.rows.datasets import SHIPMENTS, VEHICLE_LOGS, VEHICLES, Dataset
from logistics_api.rows.filters import LogColumns, ShipmentColumns, VehicleColumns
from logistics_api.rows.pages import read_page
from logistics_api.rows.schemas import (
    LogsQuestion,
    Shipment,
    ShipmentPage,
    ShipmentsQuestion,
    Vehicle,
    VehicleLog,
    VehicleLogPage,
    VehiclePage,
    VehiclesQuestion,
)

PAGE_PROBLEMS: Responses = FIGURE_PROBLEMS | {404: problem_response("The cursor is damaged or of another question")}
ROW_PROBLEMS: Responses = FIGURE_PROBLEMS | {404: problem_response("There is no row with this id")}


router = APIRouter(tags=["rows"])


@router.get("/api/vehicles", response_model=VehiclePage, responses=PAGE_PROBLEMS, summary="Vehicles, page by page")
async def read_vehicles(question: Annotated[VehiclesQuestion, Query()], database: Reader) -> Response:
    """The master data as it was delivered, sorted by id."""
    return json_response(await read_page(database, VEHICLES, question))


@router.get(
    "/api/vehicle-logs", response_model=VehicleLogPage, responses=PAGE_PROBLEMS, summary="Vehicle logs, page by page"
)
async def read_vehicle_logs(question: Annotated[LogsQuestion, Query()], database: Reader) -> Response:
    """The trips as they were delivered, the newest first unless `sort` says otherwise."""
    return json_response(await read_page(database, VEHICLE_LOGS, question))


@router.get("/api/shipments", response_model=ShipmentPage, responses=PAGE_PROBLEMS, summary="Shipments, page by page")
async def read_shipments(question: Annotated[ShipmentsQuestion, Query()], database: Reader) -> Response:
    """The shipments as they were delivered, sorted by id or by the log that carried them."""
    return json_response(await read_page(database, SHIPMENTS, question))


@router.get(
    f"/api/vehicles/{text('vehicle_id')}", response_model=Vehicle, responses=ROW_PROBLEMS, summary="One vehicle"
)
async def read_vehicle(
    vehicle_id: Annotated[KeyText, Path(description="Its key, percent-encoded", examples=["V-017"])],
    question: Annotated[VehicleColumns, Query()],
    database: Reader,
) -> Response:
    """The vehicle as it was delivered last. Ids that are another path's (`metrics`): /api/vehicles?vehicle_id=."""
    return await _row(database, VEHICLES, vehicle_id, question)


@router.get(f"/api/vehicle-logs/{text('log_id')}", response_model=VehicleLog, responses=ROW_PROBLEMS, summary="One log")
async def read_vehicle_log(
    log_id: Annotated[KeyText, Path(description="Its key, percent-encoded", examples=["LOG-000042"])],
    question: Annotated[LogColumns, Query()],
    database: Reader,
) -> Response:
    """The trip as it was delivered last."""
    return await _row(database, VEHICLE_LOGS, log_id, question)


@router.get(
    f"/api/shipments/{text('shipment_id')}", response_model=Shipment, responses=ROW_PROBLEMS, summary="One shipment"
)
async def read_shipment(
    shipment_id: Annotated[KeyText, Path(description="Its key, percent-encoded", examples=["SHP-000042"])],
    question: Annotated[ShipmentColumns, Query()],
    database: Reader,
) -> Response:
    """The shipment as it was delivered last. Ids that are another path's: /api/shipments?shipment_id=."""
    return await _row(database, SHIPMENTS, shipment_id, question)


async def _row(
    database: Database, dataset: Dataset, key: str, question: VehicleColumns | LogColumns | ShipmentColumns
) -> Response:
    statement = queries.row(dataset, dataset.choose(question.fields, source=question.source))
    async with database.connection() as connection:
        found = await (await connection.execute(statement, {"key": key})).fetchone()
    if found is None:
        raise _unknown(dataset, key)
    return json_response(found[0])


def _unknown(dataset: Dataset, key: str) -> Problem:
    return Problem(
        404,
        "unknown-row",
        "Unknown row",
        f"There is no row with {dataset.key} {key} in {dataset.name}. It may not have arrived yet, "
        "or been rejected: /api/ingestion/rejects lists those.",
    )
