"""What the Dagster UI shows with a resource and with each of its pulls. Dagster plots numbers by itself."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import dagster as dg

from logistics_pipeline.orchestration.assets.metadata import Literal, markdown_table
from logistics_pipeline.sources.definitions.definition import Resource, RestSource
from logistics_pipeline.sources.ledger.pulls import Pull, PullReport

_NUMBERS = (
    "pages", "records", "records_landed", "records_unmapped", "records_vanished", "expected_records", "requests",
    "retries", "rate_limited", "attempts",
)  # fmt: skip
_SECONDS = ("seconds", "seconds_waited", "seconds_retrying")
_TIMES = ("window_start", "window_end", "newest_record_at", "paused_until")
_TEXTS = ("error_kind", "error", "advice")


def resource_metadata(source: RestSource, resource: Resource) -> dict[str, Any]:
    """What the definition says, without its secrets, which it holds no value of."""
    facts = {
        "url": f"{source.base_url}{resource.path}",
        "dataset": resource.dataset,
        "mode": str(resource.mode),
        "pagination": str(resource.pagination.type),
        "schedule": resource.schedule.text if resource.schedule else None,
    }
    return {name: dg.MetadataValue.text(value) for name, value in facts.items() if value}


def pull_metadata(report: PullReport) -> Mapping[str, dg.MetadataValue]:
    """The figures of a pull, as they stand now. What is not known is left out."""
    pull = report.pull
    metadata: dict[str, dg.MetadataValue] = {
        "pull": dg.MetadataValue.int(pull.pull_id),
        "state": dg.MetadataValue.text(str(pull.state)),
        "bytes": dg.MetadataValue.int(pull.bytes_received),
        "was_resumed": dg.MetadataValue.bool(report.was_resumed),
    }
    metadata |= {name: dg.MetadataValue.int(value) for name, value in _given(pull, _NUMBERS)}
    metadata |= {name: dg.MetadataValue.float(round(value, 3)) for name, value in _given(pull, _SECONDS)}
    metadata |= {name: dg.MetadataValue.timestamp(value) for name, value in _given(pull, _TIMES)}
    metadata |= {name: dg.MetadataValue.text(value) for name, value in _given(pull, _TEXTS)}
    if (lag := lag_seconds(pull)) is not None:
        metadata["lag_seconds"] = dg.MetadataValue.float(round(lag, 3))
    if pull.path is not None:
        metadata["file"] = dg.MetadataValue.text(pull.path)
    if report.file is not None:
        metadata["landed_file"] = dg.MetadataValue.path(str(report.file))
    if pull.unmapped:
        rows = [(Literal(reason), f"{count:,}") for reason, count in pull.unmapped.items()]
        metadata["not_mapped"] = dg.MetadataValue.md(markdown_table(("reason", "records"), rows))
    if pull.warnings:
        metadata["warnings"] = dg.MetadataValue.text("\n".join(pull.warnings))
    return metadata


def _given(pull: Pull, names: tuple[str, ...]) -> list[tuple[str, Any]]:
    return [(name, value) for name in names if (value := getattr(pull, name)) is not None]


def lag_seconds(pull: Pull) -> float | None:
    """How old the newest record was when the pull ended: how far the data were behind their source."""
    ended: datetime | None = pull.finished_at
    if ended is None or pull.newest_record_at is None:
        return None
    return (ended - pull.newest_record_at).total_seconds()
