"""GET /metrics."""

import asyncio
from typing import Annotated

from fastapi import Depends, Request, Response
from prometheus_client.exposition import choose_encoder

from logistics_api.http.responses import Responses, problem_response
from logistics_api.http.routing import Router
from logistics_api.monitoring.pipeline import Pipeline
from logistics_api.monitoring.recording import Metrics

NO_KEY: Responses = {
    401: problem_response("An API key with the scope `read` is required if other machines can reach the API"),
    403: problem_response("The API key lacks the scope `read`"),
}

router = Router(tags=["system"])


async def _of_app(request: Request) -> tuple[Metrics, Pipeline]:
    return request.app.state.metrics, request.app.state.pipeline


@router.get(
    "/metrics",
    response_class=Response,
    responses=NO_KEY | {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    summary="Metrics for Prometheus",
)
async def read_metrics(request: Request, of_app: Annotated[tuple[Metrics, Pipeline], Depends(_of_app)]) -> Response:
    """Process metrics come from memory, pipeline metrics from the database.

    While the database is unavailable, the pipeline metrics are omitted without delay. The format is OpenMetrics if the
    Accept header requests it.
    """
    metrics, pipeline = of_app
    await pipeline.refresh()
    encode, media_type = choose_encoder(request.headers.get("accept", ""))
    text = await asyncio.to_thread(encode, metrics.registry)
    return Response(text, headers={"Content-Type": media_type, "Cache-Control": "no-store"})
