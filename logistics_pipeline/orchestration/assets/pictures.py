"""The dashboard's charts as pictures in Dagster's metadata, for people who work in Dagster only.

They are an asset of their own, made every night and on request: made by every refresh, they would fill Dagster's event
log.
"""

import base64
from typing import Any

import dagster as dg

from logistics_core.charts import picture
from logistics_core.sql_files import read_sql
from logistics_pipeline.database.connections import Connection, transient_errors
from logistics_pipeline.orchestration.assets.analytics import GROUP
from logistics_pipeline.orchestration.resources import DatabaseResource
from logistics_pipeline.orchestration.retries import TRANSIENT_RETRIES, only_transient_errors_retried

DAYS, ROUTES = 90, 10


@dg.asset(
    key=["analytics", "pictures"],
    deps=[["analytics", "days"], ["analytics", "daily_routes"]],
    group_name=GROUP,
    kinds={"vegalite"},
    owners=["team:logistics"],
    retry_policy=TRANSIENT_RETRIES,
    description=f"Charts of the newest {DAYS} days with figures, in its metadata. The dashboard draws the same, live.",
)
def pictures(database: dg.ResourceParam[DatabaseResource]) -> dg.MaterializeResult[None]:
    """Draws the charts."""
    with only_transient_errors_retried():
        with transient_errors("reading the figures of the charts"), database.connect() as connection:
            rows = {"daily_revenue": daily_revenue(connection), "costliest_routes": costliest_routes(connection)}
        return dg.MaterializeResult(metadata={name: _draw(name, found) for name, found in rows.items() if found})


def daily_revenue(connection: Connection) -> list[dict[str, Any]]:
    """The rows of the chart of this name."""
    found = connection.execute(read_sql("describing/latest_days").encode(), {"days": DAYS})
    return [{"date": day, "revenue": revenue} for day, revenue in found]


def costliest_routes(connection: Connection) -> list[dict[str, Any]]:
    """The rows of the chart of this name."""
    found = connection.execute(
        read_sql("describing/costliest_routes").encode(), {"days": DAYS, "routes": ROUTES}
    ).fetchall()
    return [
        {
            "origin": origin,
            "destination": destination,
            "route": f"{origin} → {destination}",
            "total_cost": cost,
            "total_trips": shipments,
        }
        for origin, destination, cost, shipments in found
    ]


def _draw(name: str, rows: list[dict[str, Any]]) -> dg.MetadataValue:
    import vl_convert  # 100 MB and a third of a second: so only where something is drawn

    png = base64.b64encode(vl_convert.vegalite_to_png(picture(name, rows))).decode()
    return dg.MetadataValue.md(f"![{name}](data:image/png;base64,{png})")
