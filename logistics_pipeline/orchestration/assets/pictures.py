"""The dashboard's charts as pictures, in Dagster's metadata: for those who look at Dagster and nowhere else.

An asset of its own, made every night and on request: in every refresh its pictures would fill Dagster's event log.
"""

import base64
from typing import Any

import dagster as dg

from logistics_core.charts import picture
from logistics_core.sql_files import read_sql
from logistics_pipeline.database.connections import Connection, transient_errors
from logistics_pipeline.orchestration.assets.analytics import GROUP
from logistics_pipeline.orchestration.resources import Warehouse
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
def pictures(warehouse: dg.ResourceParam[Warehouse]) -> dg.MaterializeResult[None]:
    """Draws them."""
    with only_transient_errors_retried():
        with transient_errors("reading what is to be drawn"), warehouse.connect() as connection:
            rows = {"daily_revenue": daily_revenue(connection), "costliest_routes": costliest_routes(connection)}
        return dg.MaterializeResult(metadata={name: _drawn(name, found) for name, found in rows.items() if found})


def daily_revenue(connection: Connection) -> list[dict[str, Any]]:
    """Rows of the chart of this name."""
    found = connection.execute(read_sql("describing/latest_days").encode(), {"days": DAYS})
    return [{"date": day, "revenue": revenue} for day, revenue in found]


def costliest_routes(connection: Connection) -> list[dict[str, Any]]:
    """Rows of the chart of this name."""
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


def _drawn(name: str, rows: list[dict[str, Any]]) -> dg.MetadataValue:
    import vl_convert  # 100 MB and a third of a second: not in processes that draw nothing

    png = base64.b64encode(vl_convert.vegalite_to_png(picture(name, rows))).decode()
    return dg.MetadataValue.md(f"![{name}](data:image/png;base64,{png})")
