"""GET /metrics."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from prometheus_client.exposition import choose_encoder

from logistics_api.http.responses import Responses, problem_response
from logistics_api.metrics.pipeline import Pipeline
from logistics_api.metrics.recording import Metrics

NO_KEY: Responses = {
    401: problem_response("Needs a key with the scope `read` where the API is reached from other machines"),
    403: problem_response("The key lacks the scope `read`"),
}

router = APIRouter(tags=["system"])


async def _of_app(request: Request) -> tuple[Metrics, Pipeline]:
    return request.app.state.metrics, request.app.state.pipeline


@router.get(
    "/metrics",
    response_class=Response,
    responses=NO_KEY | {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    summary="Figures for Prometheus",
)
async def read_metrics(request: Request, of_app: Annotated[tuple[Metrics, Pipeline], Depends(_of_app)]) -> Response:
    """Of this process from memory, of the pipeline from the database: without those, and quickly, while that is away.

    As OpenMetrics where the Accept header asks for it.
    """
    metrics, pipeline = of_app
    await pipeline.refresh()
    encode, media_type = choose_encoder(request.headers.get("accept", ""))
    text = await asyncio.to_thread(encode, metrics.registry)
    return Response(text, headers={"Content-Type": media_type, "Cache-Control": "no-store"})
