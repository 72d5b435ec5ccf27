"""Commands on reports: what is declared, what became of each edition, and what one would look like."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from logistics_core.catalogue.contract_shapes import suggestion
from logistics_core.editions import page_of
from logistics_core.languages.translating import ENGLISH
from logistics_core.settings import Settings
from logistics_pipeline.cli.options import AsJson
from logistics_pipeline.cli.output import print_json, print_table, say
from logistics_pipeline.database.connections import connect
from logistics_pipeline.errors import ConfigurationError
from logistics_pipeline.local.environment import open_environment
from logistics_pipeline.reporting.declaration import Report
from logistics_pipeline.reporting.declaring import json_schema, read_reports, sync_reports
from logistics_pipeline.reporting.editions import list_editions, reports_in_force
from logistics_pipeline.reporting.running import ReportRunner, reader_of
from logistics_pipeline.reporting.schedule import next_window

app = typer.Typer(no_args_is_help=True, help="Reports: boards by e-mail, on a schedule.")


def register(parent: typer.Typer) -> None:
    """Adds this module's commands."""
    parent.add_typer(app, name="reports")


@app.command("list")
def list_reports(as_json: AsJson = False) -> None:
    """Lists the reports, and when each is due next."""
    settings = Settings()
    with open_environment(settings) as environment, connect(environment.database_url) as connection:
        sync_reports(connection, environment.settings.reports_file)
        found = [each.report for each in reports_in_force(connection)]
    now = datetime.now(UTC)
    rows = [
        {
            "report": each.name, "board": each.board, "schedule": each.schedule, "time_zone": each.time_zone,
            "days": each.days, "endpoints": ", ".join(each.endpoints),
            "next": next_window(each.schedule, ZoneInfo(each.time_zone), now).isoformat(timespec="minutes"),
        }
        for each in found
    ]  # fmt: skip
    if as_json:
        for row in rows:
            print_json(row)
    elif rows:
        print_table(tuple(rows[0]), [tuple(row.values()) for row in rows])
    else:
        say(f"There are no reports. Declare them in {settings.reports_file} (docs/reports.md).")


@app.command("editions")
def show_editions(
    report: Annotated[str | None, typer.Option("--report", help="Only of this report", show_default=False)] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, the newest first")] = 20,
    as_json: AsJson = False,
) -> None:
    """Lists editions: which were published, which failed and why, and how many messages were accepted."""
    with open_environment(Settings()) as environment, connect(environment.database_url) as connection:
        found = list_editions(connection, report, limit)
    if as_json:
        for each in found:
            print_json(each)
        return
    print_table(
        ("report", "window", "outcome", "tries", "messages", "accepted", "reason"),
        [
            (
                each["report"], f"{each['window_at']:%Y-%m-%d %H:%M}", each["outcome"], each["tries"], each["messages"],
                each["accepted"], each["reason"] or "",
            )
            for each in found
        ],
        numeric=("tries", "messages", "accepted"),
    )  # fmt: skip


@app.command("preview")
def preview(
    name: Annotated[str, typer.Argument(metavar="REPORT", help="The report")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Where the page is written")] = Path(
        "report.html"
    ),
    language: Annotated[
        str, typer.Option(metavar="CODE", help="In which language: en, or one that an endpoint of the report reads")
    ] = ENGLISH,
) -> None:
    """Makes an edition as if it was due now and writes it as an HTML page. Nothing is sent or stored.

    Exit code 1 with the reason if it is not whole.
    """
    settings = Settings()
    report = _find(read_reports(settings.reports_file), name, settings)
    with open_environment(settings) as environment, connect(environment.database_url) as connection:
        runner = ReportRunner(connection, reader_of(environment.settings))
        board, composed, _ = runner.make(report, datetime.now(UTC))
    title, edition = report.title or board.title, composed.edition.told(language)
    if edition.language != language:
        made = ", ".join(sorted([edition.language, *(each.language for each in edition.others)]))
        raise ConfigurationError(f"The report {name} is not made in {language!r}. Its endpoints read: {made}.")
    try:
        output.write_text(page_of(title, edition), encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{output} cannot be written: {error.strerror}.") from error
    say(f"{title}: {len(edition.pictures)} pictures, {len(edition.tables)} tables. Written to {output}.")


@app.command("schema")
def schema() -> None:
    """Prints the JSON Schema of `reports.yaml`, for editors."""
    print_json(json_schema())


def _find(reports: list[Report], name: str, settings: Settings) -> Report:
    known = {each.name: each for each in reports}
    if name not in known:
        names = ", ".join(sorted(known)) or "none"
        raise ConfigurationError(
            f"{settings.reports_file} declares no report {name!r}. There are: {names}.{suggestion(name, known)}"
        )
    return known[name]
