"""The parts of the benchmark, in the order they are run and shown.

A further part is a module here with a `PART` (see `bench.part.Part`), and its line in `PARTS`.
"""

from bench.part import Part
from bench.parts import (
    aggregates,
    api,
    dashboard,
    datasets,
    exports,
    forecasts,
    formats,
    graphql,
    history,
    inference,
    inference_answers,
    known_keys,
    memory,
    metrics,
    models,
    notifications,
    orchestration,
    peers,
    rejects,
    resume,
    small,
    sources,
    speed,
    stores,
)

PARTS: tuple[Part, ...] = (
    speed.PART,
    formats.PART,
    datasets.PART,
    known_keys.PART,
    history.PART,
    rejects.PART,
    small.PART,
    resume.PART,
    stores.PART,
    memory.PART,
    peers.PART,
    inference.PART,
    inference_answers.PART,
    aggregates.PART,
    metrics.PART,
    api.PART,
    graphql.PART,
    exports.PART,
    dashboard.PART,
    orchestration.PART,
    sources.PART,
    forecasts.PART,
    models.PART,
    notifications.PART,
)
