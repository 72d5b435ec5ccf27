"""The analytics tables: one asset each, refreshed together in one transaction so that readers see them agree.

What a refresh means stands in `refreshing` and `sql/analytics`; when it happens stands in `automation`.
"""

from collections.abc import Iterator

import dagster as dg

from logistics_pipeline.assets.metadata import refresh_metadata
from logistics_pipeline.assets.raw import RAW_ASSETS
from logistics_pipeline.refreshing import TABLES, refresh
from logistics_pipeline.resources import Warehouse
from logistics_pipeline.retries import TRANSIENT_RETRIES, only_transient_errors_retried
from logistics_pipeline.sql_files import describe_sql

GROUP = "analytics"


def _spec(table: str) -> dg.AssetSpec:
    return dg.AssetSpec(
        key=["analytics", table],
        deps=RAW_ASSETS,
        description=f"{describe_sql(f'analytics/{table}')}\n\nRefreshed for the days that loads made stale, all "
        "analytics tables in one transaction.",
        group_name=GROUP,
        kinds={"postgres"},
        owners=["team:logistics"],
        metadata={"dagster/table_name": f"analytics.{table}"},
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
    for table in TABLES:
        yield dg.MaterializeResult(asset_key=["analytics", table], metadata=refresh_metadata(done, table))
