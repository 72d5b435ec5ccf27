"""Links into the dashboard."""

from logistics_pipeline.notifying.publishing import Event


def link_of(event: Event, dashboard: str) -> str | None:
    """The address of an event's place; None without a dashboard, or without a place in it."""
    if not dashboard or not event.path or not event.path.startswith("/") or event.path.startswith("//"):
        return None
    return f"{dashboard.rstrip('/')}{event.path}"
