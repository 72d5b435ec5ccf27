"""The command that refreshes the figures: refresh."""

from typing import Annotated

import typer

from logistics_core.settings import Settings
from logistics_pipeline.analytics.quality import count_references
from logistics_pipeline.analytics.refresh import refresh as refresh_analytics
from logistics_pipeline.cli.options import AsJson
from logistics_pipeline.cli.output import print_json, say
from logistics_pipeline.local.environment import open_environment


def register(app: typer.Typer) -> None:
    """Adds this module's command."""
    app.command()(refresh)


def refresh(
    full: Annotated[bool, typer.Option(help="Recompute every day, not only those that changed")] = False,
    as_json: AsJson = False,
) -> None:
    """Refreshes the figures for the days that loads have changed."""
    with open_environment(Settings()) as environment:
        done = refresh_analytics(
            environment.database_url, full=full, on_wait=lambda: say("Waiting for another refresh to end.")
        )
        count_references(environment.database_url, environment.catalogue())
    if as_json:
        print_json(done.__dict__)
    else:
        say(
            f"{done.days:,} days refreshed in {done.seconds:.2f} s; data version {done.data_version}, "
            f"{done.unassigned_shipments:,} shipments wait for their log."
        )
