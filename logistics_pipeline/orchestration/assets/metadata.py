"""What the Dagster UI shows with an asset: schemas, counts, rates, reasons. Dagster plots numbers by itself."""

from collections.abc import Iterable, Mapping, Sequence

import dagster as dg

from logistics_core.catalogue import Dataset
from logistics_core.catalogue.column_types import type_name
from logistics_core.quality import DEFINITION, Score
from logistics_pipeline.analytics.refresh import Refresh
from logistics_pipeline.database.table_metadata import Column
from logistics_pipeline.ledger import RejectReason
from logistics_pipeline.loading.loader import LoadReport

FOLDED_CHARACTERS = 1_000
"""From this length on, the Dagster UI folds up Markdown."""

_REQUIRED = dg.TableColumnConstraints(nullable=False)


def column_schema(dataset: Dataset) -> dg.TableSchema:
    """The columns of a raw table, with units and bounds."""
    columns = [
        dg.TableColumn(
            name=field.name,
            type=type_name(field),
            description=f"{field.description}, {field.unit}" if field.unit else field.description,
            constraints=dg.TableColumnConstraints(
                nullable=not field.required,
                unique=field.name == dataset.key_field,
                other=[*_part_of_key(field.name in dataset.key and len(dataset.key) > 1), *field.bounds],
            ),
        )
        for field in dataset.fields
    ]
    source = [
        dg.TableColumn("file_id", "integer", "The file that the row came from (ingest.files)", _REQUIRED),
        dg.TableColumn("record_no", "bigint", "The number of the record in that file, from 1", _REQUIRED),
    ]
    return dg.TableSchema(columns=columns + source)


def described_schema(columns: Sequence[Column]) -> dg.TableSchema:
    """The columns of a table as the database describes them."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                column.name,
                column.type,
                column.comment,
                dg.TableColumnConstraints(nullable=column.is_nullable, other=_part_of_key(column.is_key)),
            )
            for column in columns
        ]
    )


def _part_of_key(is_part: bool) -> list[str]:
    return ["part of the primary key"] if is_part else []


def with_metadata(
    assets: Sequence[dg.AssetsDefinition], metadata: Mapping[str, dg.MetadataValue]
) -> list[dg.AssetsDefinition]:
    """The assets, each with this metadata added."""
    return [asset.map_asset_specs(lambda spec: spec.merge_attributes(metadata=dict(metadata))) for asset in assets]


def load_metadata(
    report: LoadReport, reasons: Sequence[RejectReason], table_rows: int | None, score: Score
) -> Mapping[str, dg.MetadataValue]:
    """The file status after a load, as metadata of its materialisation; the rows of the table if they are known."""
    file = report.file
    metadata: dict[str, dg.MetadataValue] = {
        "dagster/partition_row_count": dg.MetadataValue.int(file.records_loaded),
        "records_read": dg.MetadataValue.int(file.records_read),
        "records_loaded": dg.MetadataValue.int(file.records_loaded),
        "records_superseded": dg.MetadataValue.int(file.records_superseded),
        "records_rejected": dg.MetadataValue.int(file.records_rejected),
        "rejected_percent": dg.MetadataValue.float(_percent(file.records_rejected, file.records_read)),
        "bytes": dg.MetadataValue.int(file.size_bytes),
        "seconds": dg.MetadataValue.float(round(file.seconds, 4)),
        "records_per_second": dg.MetadataValue.float(round(report.records_per_second, 1)),
        "format": dg.MetadataValue.text(file.format or ""),
        "file_version": dg.MetadataValue.int(file.version),
    }
    if table_rows is not None:
        metadata["dagster/row_count"] = dg.MetadataValue.int(table_rows)
    if score.score is not None:
        metadata["quality"] = dg.MetadataValue.float(score.score)
        metadata |= {f"quality_{each.dimension}": dg.MetadataValue.float(each.score) for each in score.dimensions}
        metadata["quality_definition"] = dg.MetadataValue.text(DEFINITION)
    if reasons:
        metadata["rejects"] = dg.MetadataValue.md(_reject_table(reasons))
    if file.unknown_fields:
        metadata["unknown_fields"] = dg.MetadataValue.text(", ".join(file.unknown_fields))
    if file.notes:
        metadata["notes"] = dg.MetadataValue.text("\n".join(file.notes))
    if file.warning:
        metadata["warning"] = dg.MetadataValue.text(file.warning)
    return metadata


def _reject_table(reasons: Sequence[RejectReason]) -> str:
    """Counts, reasons and first examples, the latter cut so short that the table is not folded up."""
    for width in (200, 100, 60, 30):
        table = markdown_table(
            ["records", "field", "reason", "first", "example"],
            [
                [each.count, each.field, each.reason, each.first_record, Literal(shorten(each.example, width))]
                for each in reasons
            ],
        )
        if len(table) < FOLDED_CHARACTERS:
            break
    return table


def shorten(text: str, width: int) -> str:
    """The text, cut to `width` characters with an ellipsis where it is longer."""
    return text if len(text) <= width else f"{text[: width - 1]}…"


class Literal(str):
    """Text that a table shows verbatim, as code."""


def markdown_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table for the Dagster UI. Text cannot break out of its cell."""
    lines = [columns, ["---"] * len(columns), *([_cell(value) for value in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, int):
        return f"{value:,}"
    text = str(value).replace("|", "\\|").replace("\n", " ")
    return f"`{text.replace('`', chr(39))}`" if isinstance(value, Literal) else text


def refresh_metadata(
    refresh: Refresh, table: str, *, rows: int, columns: Sequence[Column]
) -> Mapping[str, dg.MetadataValue]:
    """What a refresh did to one analytics table, and the table's present state."""
    written = refresh.rows.get(table, 0)
    return {
        "dagster/row_count": dg.MetadataValue.int(rows),
        "dagster/column_schema": dg.MetadataValue.table_schema(described_schema(columns)),
        "rows_written": dg.MetadataValue.int(written),
        "rows_per_second": dg.MetadataValue.float(round(written / refresh.seconds, 1) if refresh.seconds else 0.0),
        "days_refreshed": dg.MetadataValue.int(refresh.days),
        "batches_taken_in": dg.MetadataValue.int(refresh.batches),
        "unassigned_shipments": dg.MetadataValue.int(refresh.unassigned_shipments),
        "data_version": dg.MetadataValue.int(refresh.data_version),
        "seconds": dg.MetadataValue.float(round(refresh.seconds, 3)),
    }


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 3) if whole else 0.0
