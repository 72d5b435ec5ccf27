"""What the Dagster UI shows beside an asset: schemas, counts, rates, reasons. Numbers become plots by themselves."""

from collections.abc import Mapping, Sequence

import dagster as dg

from logistics_pipeline.datasets import Dataset, Kind
from logistics_pipeline.ledger import RejectReason
from logistics_pipeline.loading.loader import LoadReport
from logistics_pipeline.refreshing import Refresh

_COLUMN_TYPES = {Kind.TEXT: "text", Kind.NUMBER: "numeric", Kind.DATE: "date"}
_REQUIRED = dg.TableColumnConstraints(nullable=False)


def column_schema(dataset: Dataset) -> dg.TableSchema:
    """The columns of a raw table, with unit and bounds."""
    columns = [
        dg.TableColumn(
            name=field.name,
            type=_COLUMN_TYPES[field.kind],
            description=f"{field.description}, {field.unit}" if field.unit else field.description,
            constraints=dg.TableColumnConstraints(
                nullable=not field.required,
                unique=field.name == dataset.key,
                other=[
                    text
                    for text in (
                        f">= {field.at_least}" if field.at_least is not None else "",
                        f"> {field.above}" if field.above is not None else "",
                    )
                    if text
                ],
            ),
        )
        for field in dataset.fields
    ]
    source = [
        dg.TableColumn("file_id", "integer", "The file it came from (ingest.files)", _REQUIRED),
        dg.TableColumn("record_no", "bigint", "Its number in that file, from 1", _REQUIRED),
    ]
    return dg.TableSchema(columns=columns + source)


def load_metadata(
    report: LoadReport, reasons: Sequence[RejectReason], table_rows: int
) -> Mapping[str, dg.MetadataValue]:
    """The account of a file, as metadata of its materialisation."""
    file = report.file
    metadata: dict[str, dg.MetadataValue] = {
        "dagster/row_count": dg.MetadataValue.int(table_rows),
        "dagster/partition_row_count": dg.MetadataValue.int(file.records_loaded),
        "records_read": dg.MetadataValue.int(file.records_read),
        "records_loaded": dg.MetadataValue.int(file.records_loaded),
        "records_superseded": dg.MetadataValue.int(file.records_superseded),
        "records_rejected": dg.MetadataValue.int(file.records_rejected),
        "bytes": dg.MetadataValue.int(file.size_bytes),
        "seconds": dg.MetadataValue.float(round(file.seconds, 4)),
        "records_per_second": dg.MetadataValue.float(round(report.records_per_second, 1)),
        "format": dg.MetadataValue.text(file.format or ""),
        "file_version": dg.MetadataValue.int(file.version),
    }
    if reasons:
        metadata["rejects"] = dg.MetadataValue.md(_reject_table(reasons))
    if file.unknown_fields:
        metadata["unknown_fields"] = dg.MetadataValue.text(", ".join(file.unknown_fields))
    if file.warning:
        metadata["warning"] = dg.MetadataValue.text(file.warning)
    return metadata


def _reject_table(reasons: Sequence[RejectReason]) -> str:
    lines = ["| records | reason | first | example |", "|---:|---|---:|---|"]
    for reason in reasons:
        example = reason.example.replace("|", "\\|").replace("`", "'").replace("\n", " ")
        lines.append(f"| {reason.count:,} | {reason.reason} | {reason.first_record:,} | `{example}` |")
    return "\n".join(lines)


def refresh_metadata(refresh: Refresh, table: str) -> Mapping[str, dg.MetadataValue]:
    """What a refresh did to one analytics table."""
    return {
        "rows_written": dg.MetadataValue.int(refresh.rows.get(table, 0)),
        "days_refreshed": dg.MetadataValue.int(refresh.days),
        "batches_taken_in": dg.MetadataValue.int(refresh.batches),
        "unassigned_shipments": dg.MetadataValue.int(refresh.unassigned_shipments),
        "data_version": dg.MetadataValue.int(refresh.data_version),
        "seconds": dg.MetadataValue.float(round(refresh.seconds, 3)),
    }
