"""The analytics tables: one asset each, refreshed together in one transaction so that readers see them agree.

What a refresh does is in `analytics.refresh` and `sql/analytics`; when it happens, in `sensors.stale_analytics`.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta

import dagster as dg

from logistics_core.catalogue import Catalogue
from logistics_core.sql_files import describe_sql, read_sql
from logistics_pipeline.analytics.quality import count_references
from logistics_pipeline.analytics.refresh import Refresh, refresh
from logistics_pipeline.analytics.tables import ROLLUPS, SOURCES, TABLES
from logistics_pipeline.database.connections import Connection, transient_errors
from logistics_pipeline.database.table_metadata import columns_of, days_with_figures, row_count
from logistics_pipeline.orchestration.assets.api_links import figures_link
from logistics_pipeline.orchestration.assets.metadata import refresh_metadata
from logistics_pipeline.orchestration.assets.raw import raw_key
from logistics_pipeline.orchestration.pools import REFRESH_POOL
from logistics_pipeline.orchestration.resources import DatabaseResource
from logistics_pipeline.orchestration.retries import TRANSIENT_RETRIES, only_transient_errors_retried

GROUP = "analytics"
REFRESH_STEP = "refresh_analytics"
REFRESH_SENSOR = "stale_analytics"

ASSETS = (*TABLES, ROLLUPS)
ANALYTICS_KEYS = [dg.AssetKey([GROUP, table]) for table in ASSETS]

FRESHNESS = dg.FreshnessPolicy.time_window(warn_window=timedelta(days=4), fail_window=timedelta(days=15))
"""A refresh runs when there is something new, so an old one says that no file has arrived: from a daily feed for longer
than a long weekend, from a weekly feed twice. The check `all_taken_in` says whether the figures hold what arrived."""

_ABOUT_FILES = ("Makes ", "Filled by ")


def _spec(table: str, sources: Iterable[str], description: str, statement: str) -> dg.AssetSpec:
    """The asset of a table of the schema `analytics`; `sources` are datasets, `statement` names the SQL behind it."""
    return dg.AssetSpec(
        key=[GROUP, table],
        deps=[raw_key(dataset) for dataset in sources],
        description=description,
        group_name=GROUP,
        kinds={"postgres"},
        owners=["team:logistics"],
        freshness_policy=FRESHNESS,
        metadata={
            "dagster/table_name": f"analytics.{table}",
            "computed_by": dg.MetadataValue.md(f"```sql\n{read_sql(statement)}\n```"),
        },
    )


def _describe(table: str) -> str:
    """What one row is, from the head of its definition, without the lines on which files make and fill it."""
    lines = [line for line in describe_sql(f"analytics/{table}").splitlines() if not line.startswith(_ABOUT_FILES)]
    return (
        f"{' '.join(lines)}\n\nRefreshed for the days that loads made stale, all analytics tables in one transaction, "
        "then compared with the raw tables."
    )


_ABOUT_ROLLUPS = (
    "The pre-aggregates of all datasets: one row per table of the schema `rollups`, which holds the states of a "
    "dataset's metrics by day and dimensions.\n\nRefreshed for the days that loads made stale, in the same "
    "transaction as all analytics tables; made anew where a contract has other metrics."
)


def build_analytics_tables(catalogue: Catalogue) -> dg.AssetsDefinition:
    """Makes the assets of the analytics tables, and that of the pre-aggregates of all datasets."""

    @dg.multi_asset(
        specs=[
            *(_spec(table, SOURCES, _describe(table), f"analytics/{table}.refresh") for table in TABLES),
            _spec(ROLLUPS, catalogue, _ABOUT_ROLLUPS, "rollups/compute"),
        ],
        name=REFRESH_STEP,
        retry_policy=TRANSIENT_RETRIES,
        pool=REFRESH_POOL,
    )
    def analytics_tables(
        context: dg.AssetExecutionContext, database: dg.ResourceParam[DatabaseResource]
    ) -> Iterator[dg.MaterializeResult[None]]:
        """Brings every analytics table up to date with what is loaded."""
        with only_transient_errors_retried():
            done = refresh(database.url, on_wait=lambda: context.log.info("Waiting for another refresh to end"))
            count_references(database.url, database.catalogue, at_once=False)
            described = describe_tables(database, done)
        for key, metadata in described.items():
            yield dg.MaterializeResult(asset_key=key, metadata=metadata)

    return analytics_tables


Metadata = Mapping[str, dg.MetadataValue]


def describe_tables(database: DatabaseResource, done: Refresh) -> dict[dg.AssetKey, Metadata]:
    """The metadata of all analytics tables after a refresh.

    Raises:
        TransientError: the database went away.
    """
    with transient_errors("describing the analytics tables"), database.connect() as connection:
        return {dg.AssetKey([GROUP, table]): _metadata(connection, database, done, table) for table in ASSETS}


def _metadata(connection: Connection, database: DatabaseResource, done: Refresh, table: str) -> Metadata:
    metadata = refresh_metadata(
        done,
        table,
        rows=row_count(connection, "analytics", table),
        columns=columns_of(connection, "analytics", table),
    )
    return {**metadata, **figures_link(database.settings, table, *days_with_figures(connection))}
