"""The commands about maintenance windows, silences that come again: alerts windows add|list|end."""

import json
from typing import Annotated

import typer

from logistics_core.alert_rules.reading import hours_of_document
from logistics_core.catalogue.contract_shapes import ShapeFault
from logistics_pipeline.cli.alert_silences import (
    check_rule,
    label_of,
    labels_text,
    length_of_silence,
    rows_of,
    shown_time,
    value_of,
)
from logistics_pipeline.cli.options import AsJson
from logistics_pipeline.cli.output import print_json, print_table, say
from logistics_pipeline.cli.user import user_name
from logistics_pipeline.errors import PipelineError

app = typer.Typer(
    no_args_is_help=True, help="Maintenance windows: hours that come again in which nothing is announced."
)


@app.command()
def add(
    begin: Annotated[str, typer.Option("--from", help="Time of day: 02:00")],
    end: Annotated[str, typer.Option("--to", help="Time of day; before --from: of the next day")],
    reason: Annotated[str, typer.Option(help="Why")],
    length: Annotated[str, typer.Option("--for", help="For how long it comes again, at most 366d")] = "90d",
    rule: Annotated[str | None, typer.Argument(help="Only this rule; all without")] = None,
    days: Annotated[str, typer.Option(help="Such as sun or mon,tue; every day without")] = "",
    time_zone: Annotated[str, typer.Option(help="Such as Europe/Berlin")] = "UTC",
    label: Annotated[list[str] | None, typer.Option(help="Only subjects with this label: dataset=shipments")] = None,
) -> None:
    """Keeps incidents from being announced in hours that come again. They are recorded all the same."""
    wanted = [day.strip().lower() for day in days.split(",") if day.strip()]
    hours = {"days": wanted, "from": begin, "to": end, "timeZone": time_zone}
    try:
        hours_of_document(hours)
    except ShapeFault as error:
        raise PipelineError(f"The hours cannot be used: {error}") from None
    lasts = length_of_silence(length)
    labels = dict(label_of(each) for each in label or ())
    check_rule(rule)
    found = value_of(
        "SELECT alert.add_window(%(rule)s, %(labels)s::jsonb, %(hours)s::jsonb, now() + %(lasts)s, %(who)s, %(why)s)",
        {
            "rule": rule,
            "labels": json.dumps(labels),
            "hours": json.dumps(hours),
            "lasts": lasts,
            "who": user_name(),
            "why": reason,
        },
    )
    if found is None:
        raise PipelineError(
            "There are a thousand maintenance windows already. End some: logistics alerts windows list."
        )
    say(f"Maintenance window {found} is made. End it: logistics alerts windows end {found}")


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """Lists maintenance windows that have not ended."""
    rows = rows_of("alerting/list_windows")
    if as_json:
        for row in rows:
            print_json(row)
    elif rows:
        print_table(
            ("window", "rule", "labels", "days", "hours", "until", "by", "reason"),
            [
                (
                    str(row["window_id"]),
                    row["rule"] or "all",
                    labels_text(row["labels"]),
                    ", ".join(row["hours"]["days"]) or "every day",
                    f"{row['hours']['from']} to {row['hours']['to']} ({row['hours']['timeZone']})",
                    shown_time(row["ends_at"]),
                    row["author"],
                    row["reason"],
                )
                for row in rows
            ],
        )
    else:
        say("There are no maintenance windows. Make one: logistics alerts windows add.")


@app.command()
def end(number: Annotated[int, typer.Argument(help="Number of the window", min=1)]) -> None:
    """Ends a maintenance window for good. What it holds back and is still open is announced."""
    if not value_of("SELECT alert.end_window(%(number)s, %(who)s)", {"number": number, "who": user_name()}):
        raise PipelineError(f"There is no maintenance window {number}. See: logistics alerts windows list.")
    say(f"Maintenance window {number} is ended.")
