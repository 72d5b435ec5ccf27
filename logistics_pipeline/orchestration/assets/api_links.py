"""Where the assets lead in the Dagster UI: to what the API makes of them."""

from datetime import date

import dagster as dg

from logistics_core.settings import Settings

_ANSWERS = {
    "daily_routes": "/api/shipments/analytics",
    "daily_vehicles": "/api/vehicles/metrics",
}
"""What the API answers from a table, for a range of days."""


def api_url(settings: Settings) -> str:
    """The API as somebody on this machine reaches it."""
    host = "127.0.0.1" if settings.api_host in ("0.0.0.0", "::", "") else settings.api_host
    return f"http://{host}:{settings.api_port}"


def documentation_links(settings: Settings) -> dict[str, dg.MetadataValue]:
    """Links that fit every asset."""
    return {
        "api": dg.MetadataValue.url(f"{api_url(settings)}/docs"),
        "state_of_all_files": dg.MetadataValue.url(f"{api_url(settings)}/api/system/status"),
    }


def answer_link(
    settings: Settings, table: str, first_day: date | None, last_day: date | None
) -> dict[str, dg.MetadataValue]:
    """A link to the figures of a table over all its days, if there is an answer made of it."""
    if table not in _ANSWERS or first_day is None:
        return {}
    return {"figures": dg.MetadataValue.url(f"{api_url(settings)}{_ANSWERS[table]}?start={first_day}&end={last_day}")}
