"""GET /api/forecasts, /api/forecasts/accuracy and /api/forecasts/{dataset}."""

import json
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import Query, Request, Response
from psycopg import sql

from logistics_api.database.pool import Reader
from logistics_api.exports.formats import MEDIA_TYPES
from logistics_api.forecasts import documents, queries
from logistics_api.forecasts.parameters import (
    AccuracyParameters,
    ForecastParameters,
    days_of,
    probabilities_of,
    question,
)
from logistics_api.forecasts.schemas import AccuracyAnswer, ForecastAnswer, ForecastCatalogue
from logistics_api.http.responses import FIGURE_PROBLEMS, Responses, problem_response, versioned_response
from logistics_api.http.routing import Router
from logistics_api.parameters.datasets import NameOfDataset, dataset_of
from logistics_api.parameters.date_range import NoParameters
from logistics_core.database_contract.forecasts import TRACKED_PERIODS
from logistics_core.metrics.conditions import EVERYTHING

router = Router(tags=["forecasts"])

NO_FORECASTS: Responses = {404: problem_response("The dataset does not exist, or its contract asks for no forecasts")}
FILES: dict[str, Any] = {
    MEDIA_TYPES["csv"].partition(";")[0]: {
        "schema": {"type": "string"},
        "example": "origin,is_rest,period,step,revenue,q05,q95,naive,actual,method\n",
    },
    MEDIA_TYPES["ndjson"]: {"schema": {"type": "string"}, "example": '{"origin":"Aachen","revenue":1250.5}\n'},
}
"""What `format` asks for beside JSON."""


@dataclass
class _Parameters:
    """The values of a statement, by the names of their places."""

    values: dict[str, object] = field(default_factory=dict)

    def bind(self, value: object) -> sql.Composable:
        name = f"value_{len(self.values)}"
        self.values[name] = value
        return sql.Placeholder(name)


@router.get("/api/forecasts", response_model=ForecastCatalogue, responses=FIGURE_PROBLEMS, summary="What is forecast")
async def list_forecasts(_: NoParameters, request: Request, database: Reader) -> Response:
    """Returns the forecasts that contracts ask for, with the newest fit of each, and how right its levels are."""
    version, fits = await database.fetch_row(queries.CATALOGUE)
    document = documents.catalogue_document(request.app.state.catalogue, fits)
    return versioned_response(json.dumps(document, ensure_ascii=False, separators=(",", ":")), version)


@router.get(
    "/api/forecasts/accuracy",
    response_model=AccuracyAnswer,
    responses=FIGURE_PROBLEMS | NO_FORECASTS,
    summary="How right forecasts were",
)
async def read_forecast_accuracy(
    parameters: Annotated[AccuracyParameters, Query()], request: Request, database: Reader
) -> Response:
    """Returns the errors of issued forecasts beside those of repeating the last season, by periods ahead and over time.

    Every forecast ever issued counts, against what is known now: late files restate the past, and with it the errors;
    `first_error` is against actuals as they were first known. Series that were put together are not scored.
    """
    asked = question(parameters, dataset_of(request, parameters.dataset), request.app.state.catalogue)
    given = _Parameters()
    statement = queries.accuracy(asked.filter_sql(given.bind), is_filtered=asked.filter != EVERYTHING)
    version, found = await database.fetch_row(
        statement,
        given.values
        | asked.values
        | {
            "periods": parameters.periods or TRACKED_PERIODS[asked.grain],
            "block": queries.BLOCKS[asked.grain],
        },
    )
    document = documents.describe(asked) | found
    return versioned_response(json.dumps(document, ensure_ascii=False, separators=(",", ":")), version)


@router.get(
    "/api/forecasts/{dataset}",
    response_model=ForecastAnswer,
    responses=FIGURE_PROBLEMS
    | NO_FORECASTS
    | {200: {"description": "The forecasts, or their rows as a file", "content": FILES}},
    summary="Forecasts of one dataset",
)
async def read_forecasts(
    dataset: NameOfDataset,
    parameters: Annotated[ForecastParameters, Query()],
    request: Request,
    database: Reader,
) -> Response:
    """Returns forecasts with their quantiles, the newest or those issued until a moment, beside what came true.

    `as_of=2024-05-01&start=2024-06-01&end=2024-06-01` is what was said on 1 May about 1 June.
    """
    asked = question(parameters, dataset_of(request, dataset), request.app.state.catalogue)
    probabilities, (start, end) = probabilities_of(parameters), days_of(parameters)
    given = _Parameters()
    statement = queries.answer(asked.filter_sql(given.bind))
    version, run, backtest, groups, data = await database.fetch_row(
        statement,
        given.values
        | asked.values
        | {
            "run": parameters.run,
            "as_of": parameters.as_of,
            "start": start,
            "end": end,
            "horizon": parameters.horizon,
            "probabilities": list(probabilities),
            "past": parameters.past,
            "spacing": queries.SPACING[asked.grain],
            "tracked": TRACKED_PERIODS[asked.grain],
            "limit": parameters.limit,
            "offset": parameters.offset,
        },
    )
    if parameters.format != "json":
        rows = list(documents.rows(asked, probabilities, json.loads(data)))
        return _file(asked.dataset.slug, parameters.format, rows, documents.columns_of(asked, probabilities))
    document = documents.describe(asked) | {
        "unit": asked.metric.unit,
        "better": asked.metric.better,
        "probabilities": list(probabilities),
        "run": run,
        "backtest": backtest,
        "special_days": documents.special_days_ahead(asked.declared, run),
        "groups": groups,
    }
    head = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return versioned_response(f'{head[:-1]},"data":{data}}}', version)


def _file(name: str, format: str, rows: list[dict[str, Any]], columns: list[str]) -> Response:
    body = documents.as_csv(rows, columns) if format == "csv" else documents.as_ndjson(rows)
    headers = {
        "Content-Disposition": f'attachment; filename="{name}-forecasts.{format}"',
        "Cache-Control": "no-store",
    }
    media_type = MEDIA_TYPES["csv"] if format == "csv" else MEDIA_TYPES["ndjson"]
    return Response(body, media_type=media_type, headers=headers)
