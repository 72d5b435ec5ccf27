"""GET /api/exports/{dataset}.{csv|ndjson|parquet}, and the connections exports have to themselves."""

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Path, Query, Request, Response

from logistics_api.database.limits import Limits
from logistics_api.database.pool import Database
from logistics_api.exports.formats import MEDIA_TYPES, Chunks, Format, write_csv, write_ndjson
from logistics_api.exports.parquet import require_pyarrow, write_parquet
from logistics_api.exports.schemas import LogsExport, ShipmentsExport, VehiclesExport
from logistics_api.exports.sending import StreamedFile
from logistics_api.exports.snapshots import Snapshot, Wanted, take_snapshot
from logistics_api.http.responses import FIGURE_PROBLEMS, Responses, problem_response
from logistics_api.rows.datasets import SHIPMENTS, VEHICLE_LOGS, VEHICLES, Dataset
from logistics_api.rows.filters import given_filters

LIMITS = Limits(connections=4, waiting=8, wait_seconds=5.0, statement_seconds=60.0)
"""An export holds its connections (two, where one more is idle) to the end: others must not have to wait for them."""

ExportQuestion = VehiclesExport | LogsExport | ShipmentsExport


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.exports = app.state.database.beside(LIMITS, "exports")
    async with app.state.exports:
        yield


async def _of_app(request: Request) -> Database:
    database = request.app.state.exports
    assert isinstance(database, Database)
    return database


ExportReader = Annotated[Database, Depends(_of_app)]
FileFormat = Annotated[Format, Path(description="What kind of file; Parquet where the server has pyarrow")]


def _responses(example: dict[str, str]) -> Responses:
    """The kinds of file that are sent."""
    content: dict[str, Any] = {
        MEDIA_TYPES["csv"].partition(";")[0]: {"schema": {"type": "string"}, "example": example["csv"]},
        MEDIA_TYPES["ndjson"]: {"schema": {"type": "string"}, "example": example["ndjson"]},
        MEDIA_TYPES["parquet"]: {"schema": {"type": "string", "format": "binary"}},
    }
    described = {"description": "The file, in chunks; its length is not known beforehand", "content": content}
    return FIGURE_PROBLEMS | {200: described, 501: problem_response("Parquet: the server has no pyarrow")}


_END = '{"_end":{"rows":1,"sha256":"…"}}\n'
router = APIRouter(tags=["exports"], lifespan=_lifespan)


@router.get(
    "/api/exports/vehicles.{format}",
    response_class=Response,
    responses=_responses(
        {
            "csv": 'vehicle_id,name,total_mileage\n"V-017","Truck 17",182400.5\n',
            "ndjson": '{"vehicle_id":"V-017","name":"Truck 17","total_mileage":182400.5}\n' + _END,
        }
    ),
    summary="All vehicles as a file",
)
async def export_vehicles(
    format: FileFormat, question: Annotated[VehiclesExport, Query()], database: ExportReader
) -> Response:
    """Every vehicle that passes the filters, as of one moment, in no particular order."""
    return _export(database, VEHICLES, format, question)


@router.get(
    "/api/exports/vehicle-logs.{format}",
    response_class=Response,
    responses=_responses(
        {
            "csv": 'log_id,vehicle_id,trip_date,mileage,fuel_used\n"LOG-000042","V-017",2024-01-31,412.7,118.25\n',
            "ndjson": '{"log_id":"LOG-000042","vehicle_id":"V-017","trip_date":"2024-01-31","mileage":412.7,'
            '"fuel_used":118.25}\n' + _END,
        }
    ),
    summary="All vehicle logs as a file",
)
async def export_vehicle_logs(
    format: FileFormat, question: Annotated[LogsExport, Query()], database: ExportReader
) -> Response:
    """Every log that passes the filters, as of one moment, in no particular order."""
    return _export(database, VEHICLE_LOGS, format, question)


@router.get(
    "/api/exports/shipments.{format}",
    response_class=Response,
    responses=_responses(
        {
            "csv": "shipment_id,origin,destination,weight,cost,delivery_time,log_id\n"
            '"SHP-000042","Aachen","Zug",730.5,1250.00,26.5,"LOG-000042"\n',
            "ndjson": '{"shipment_id":"SHP-000042","origin":"Aachen","destination":"Zug","weight":730.5,"cost":1250.00,'
            '"delivery_time":26.5,"log_id":"LOG-000042"}\n' + _END,
        }
    ),
    summary="All shipments as a file",
)
async def export_shipments(
    format: FileFormat, question: Annotated[ShipmentsExport, Query()], database: ExportReader
) -> Response:
    """Every shipment that passes the filters, as of one moment, in no particular order."""
    return _export(database, SHIPMENTS, format, question)


def _export(database: Database, dataset: Dataset, format: Format, question: ExportQuestion) -> Response:
    if format == "parquet":
        require_pyarrow()
    columns = dataset.choose(question.fields, source=question.source)
    wanted = Wanted(dataset, columns, given_filters(dataset, question))

    async def stream() -> Chunks:
        async with (
            take_snapshot(database, wanted) as snapshot,
            aclosing(_write(snapshot, format, question.trailer)) as chunks,
        ):
            async for chunk in chunks:
                yield chunk

    headers = {"Content-Disposition": f'attachment; filename="{dataset.name}.{format}"'}
    return StreamedFile(stream, MEDIA_TYPES[format], headers)


def _write(snapshot: Snapshot, format: Format, trailer: bool | None) -> Chunks:
    match format:
        case "csv":
            return write_csv(snapshot, trailer=trailer is True)
        case "ndjson":
            return write_ndjson(snapshot, trailer=trailer is not False)
        case "parquet":
            return write_parquet(snapshot)
