"""The analytics tables: one asset each, refreshed together in one transaction so that readers see them agree.

What a refresh means stands in `refresh` and `sql/analytics`; when it happens stands in `stale_analytics`.
"""

from collections.abc import Iterator
from datetime import timedelta

import dagster as dg

from logistics_core.sql_files import describe_sql, read_sql
from logistics_pipeline.analytics.refresh import TABLES, Refresh, refresh
from logistics_pipeline.database.connections import Connection, transient_errors
from logistics_pipeline.database.table_metadata import columns_of, days_with_figures, row_count
from logistics_pipeline.orchestration.assets.api_links import answer_link
from logistics_pipeline.orchestration.assets.metadata import refresh_metadata
from logistics_pipeline.orchestration.assets.raw import RAW_ASSETS
from logistics_pipeline.orchestration.resources import Warehouse
from logistics_pipeline.orchestration.retries import TRANSIENT_RETRIES, only_transient_errors_retried

GROUP = "analytics"

NEWS_ARRIVE = dg.FreshnessPolicy.time_window(warn_window=timedelta(days=4), fail_window=timedelta(days=15))
"""There is a refresh when there is something new, so an old one says that no file has come: of a daily feed for longer
than over a long weekend, of a weekly one twice. That what came is in the figures is a check (`all_taken_in`)."""

_ABOUT_FILES = ("Makes ", "Filled by ")


def _spec(table: str) -> dg.AssetSpec:
    return dg.AssetSpec(
        key=["analytics", table],
        deps=RAW_ASSETS,
        description=_describe(table),
        group_name=GROUP,
        kinds={"postgres"},
        owners=["team:logistics"],
        freshness_policy=NEWS_ARRIVE,
        metadata={
            "dagster/table_name": f"analytics.{table}",
            "computed_by": dg.MetadataValue.md(f"```sql\n{read_sql(f'analytics/{table}.refresh')}\n```"),
        },
    )


def _describe(table: str) -> str:
    """What one row is, as the head of its definition says; not which file makes and which fills it."""
    lines = [line for line in describe_sql(f"analytics/{table}").splitlines() if not line.startswith(_ABOUT_FILES)]
    return (
        f"{' '.join(lines)}\n\nRefreshed for the days that loads made stale, all analytics tables in one transaction, "
        "then compared with the raw tables."
    )


@dg.multi_asset(
    specs=[_spec(table) for table in TABLES], name="refresh_analytics", retry_policy=TRANSIENT_RETRIES, pool="refresh"
)
def analytics_tables(
    context: dg.AssetExecutionContext, warehouse: dg.ResourceParam[Warehouse]
) -> Iterator[dg.MaterializeResult[None]]:
    """Brings every analytics table up to what is loaded."""
    with only_transient_errors_retried():
        done = refresh(warehouse.url, on_wait=lambda: context.log.info("Another refresh is going on: waiting for it"))
        with transient_errors("describing the analytics tables"), warehouse.connect() as connection:
            results = [_result(connection, warehouse, done, table) for table in TABLES]
    yield from results


def _result(connection: Connection, warehouse: Warehouse, done: Refresh, table: str) -> dg.MaterializeResult[None]:
    metadata = refresh_metadata(
        done,
        table,
        rows=row_count(connection, "analytics", table),
        columns=columns_of(connection, "analytics", table),
    )
    return dg.MaterializeResult(
        asset_key=["analytics", table],
        metadata={**metadata, **answer_link(warehouse.settings, table, *days_with_figures(connection))},
    )
