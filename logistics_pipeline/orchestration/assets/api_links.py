"""Links from the assets in the Dagster UI to the API endpoints that serve their figures."""

from datetime import date

import dagster as dg

from logistics_core.settings import Settings

_ENDPOINTS = {
    "daily_routes": "/api/shipments/analytics",
    "daily_vehicles": "/api/vehicles/metrics",
}
"""The endpoint that serves a table's figures for a range of days."""


def api_url(settings: Settings) -> str:
    """The API's address as seen from this machine."""
    host = "127.0.0.1" if settings.api_host in ("0.0.0.0", "::", "") else settings.api_host
    return f"http://{host}:{settings.api_port}"


def documentation_links(settings: Settings) -> dict[str, dg.MetadataValue]:
    """Links for every asset."""
    return {
        "api": dg.MetadataValue.url(f"{api_url(settings)}/docs"),
        "state_of_all_files": dg.MetadataValue.url(f"{api_url(settings)}/api/system/status"),
    }


def figures_link(
    settings: Settings, table: str, first_day: date | None, last_day: date | None
) -> dict[str, dg.MetadataValue]:
    """A link to a table's figures over all its days, if an endpoint serves them."""
    if table not in _ENDPOINTS or first_day is None:
        return {}
    return {"figures": dg.MetadataValue.url(f"{api_url(settings)}{_ENDPOINTS[table]}?start={first_day}&end={last_day}")}


def forecasts_link(settings: Settings, dataset: str) -> dict[str, dg.MetadataValue]:
    """A link to the page that shows the forecasts of a dataset."""
    return {"forecasts": dg.MetadataValue.url(f"{api_url(settings)}/forecasts?dataset={dataset}")}


def models_link(settings: Settings, model: str) -> dict[str, dg.MetadataValue]:
    """A link to the page that shows a model."""
    return {"models": dg.MetadataValue.url(f"{api_url(settings)}/models?model={model}")}


def pulls_link(settings: Settings, source: str, resource: str) -> dict[str, dg.MetadataValue]:
    """A link to the pulls of a resource, with their pages."""
    return {"pulls": dg.MetadataValue.url(f"{api_url(settings)}/api/sources/{source}/pulls?resource={resource}")}
