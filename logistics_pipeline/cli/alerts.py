"""The commands about alerts: what rules have found, what people do about it, and what a rule would have found."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, NoReturn

import msgspec
import typer

from logistics_core.alert_rules.built_in import BUILT_IN
from logistics_core.alert_rules.keys import ActiveKeys, RuleKeys, WatchKeys, WhenKeys
from logistics_core.alert_rules.reading import rule_of_document
from logistics_core.alert_rules.rules import Rule
from logistics_core.catalogue.contract_files import SUFFIX
from logistics_core.settings import Settings
from logistics_pipeline.alerting.rule_files import read_rules
from logistics_pipeline.alerting.trying import Firing, try_rule
from logistics_pipeline.cli import alert_windows
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
from logistics_pipeline.database.connections import Connection, connect
from logistics_pipeline.errors import PipelineError
from logistics_pipeline.inference.contract_text import contract_yaml
from logistics_pipeline.local.environment import open_environment

app = typer.Typer(no_args_is_help=True, help="Shows rules and incidents, and acts on them.")
app.add_typer(alert_windows.app, name="windows")


def register(parent: typer.Typer) -> None:
    """Adds this module's commands."""
    parent.add_typer(app, name="alerts")


Incident = Annotated[int, typer.Argument(help="Number of the incident", min=1)]


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """Lists the rules: what they watch, when they were evaluated, what is open of each."""
    rows = rows_of("alerting/list_rules")
    if as_json:
        for row in rows:
            print_json(row)
        return
    print_table(
        ("rule", "severity", "watches", "open", "subjects", "evaluated", "state"),
        [
            (
                row["name"],
                row["severity"] or "",
                row["kind"] or "",
                str(row["open"]),
                "" if row["subjects"] is None else str(row["subjects"]),
                shown_time(row["evaluated_at"]),
                row["problem"] or row["error"] or ("" if row["enabled"] else "disabled"),
            )
            for row in rows
        ],
    )


@app.command()
def incidents(
    every: Annotated[bool, typer.Option("--all", help="Also those that are closed")] = False,
    limit: Annotated[int, typer.Option(help="At most so many, the newest first", min=1, max=10_000)] = 100,
    as_json: AsJson = False,
) -> None:
    """Lists open incidents."""
    rows = rows_of("alerting/list_incidents", {"every": every, "most": limit})
    if as_json:
        for row in rows:
            print_json(row)
        return
    print_table(
        ("incident", "severity", "title", "opened", "closed", "heard of"),
        [
            (
                str(row["incident_id"]),
                row["severity"],
                _titled(row["title"], row["labels"]),
                shown_time(row["opened_at"]),
                shown_time(row["closed_at"]),
                _heard(row),
            )
            for row in rows
        ],
    )


@app.command()
def show(incident: Incident, as_json: AsJson = False) -> None:
    """Shows an incident with its timeline."""
    rows = rows_of("alerting/show_incident", {"incident": incident})
    if not rows:
        _no_incident(incident)
    row = rows[0]
    if as_json:
        print_json(row)
        return
    say(f"{_titled(row['title'], row['labels'])} ({row['severity']})")
    say(row["summary"])
    for name, text in row["facts"]:
        say(f"  {name}: {text}")
    print_table(
        ("when", "what", "who", "words"),
        [(shown_time(each["at"]), each["kind"], each["author"], each["text"]) for each in row["timeline"]],
    )


@app.command()
def acknowledge(
    incident: Incident, words: Annotated[str, typer.Argument(help="What you do about it")] = "Seen."
) -> None:
    """Says that you look after an incident."""
    _act(incident, "acknowledge", words)


@app.command()
def assign(incident: Incident, to: Annotated[str, typer.Argument(help="Who looks after it; empty for nobody")]) -> None:
    """Says who looks after an incident."""
    _act(incident, "assign", "", to)


@app.command()
def comment(incident: Incident, words: Annotated[str, typer.Argument(help="What others should know")]) -> None:
    """Adds words to the timeline of an incident."""
    _act(incident, "comment", words)


@app.command()
def silence(
    length: Annotated[str, typer.Option("--for", help="For how long: 2h, 3d")],
    reason: Annotated[str, typer.Option(help="Why")],
    rule: Annotated[str | None, typer.Argument(help="Only this rule; all without")] = None,
    label: Annotated[list[str] | None, typer.Option(help="Only subjects with this label: dataset=shipments")] = None,
) -> None:
    """Keeps incidents from being announced for a time. They are recorded all the same."""
    lasts = length_of_silence(length)
    labels = dict(label_of(each) for each in label or ())
    check_rule(rule)
    found = value_of(
        "SELECT alert.add_silence(%(rule)s, %(labels)s::jsonb, now(), now() + %(lasts)s, %(who)s, %(why)s)",
        {"rule": rule, "labels": json.dumps(labels), "lasts": lasts, "who": user_name(), "why": reason},
    )
    if found is None:
        raise PipelineError("A thousand silences are in force already. End some: logistics alerts silences.")
    say(f"Silence {found} is in force. End it: logistics alerts unsilence {found}")


@app.command()
def unsilence(number: Annotated[int, typer.Argument(help="Number of the silence", min=1)]) -> None:
    """Ends a silence before its time."""
    if not value_of("SELECT alert.end_silence(%(number)s, %(who)s)", {"number": number, "who": user_name()}):
        raise PipelineError(f"No silence {number} is in force. See: logistics alerts silences.")


@app.command()
def silences(as_json: AsJson = False) -> None:
    """Lists silences that are, or will be, in force."""
    rows = rows_of("alerting/list_silences")
    if as_json:
        for row in rows:
            print_json(row)
        return
    print_table(
        ("silence", "rule", "labels", "from", "until", "by", "reason"),
        [
            (
                str(row["silence_id"]),
                row["rule"] or "all",
                labels_text(row["labels"]),
                shown_time(row["starts_at"]),
                shown_time(row["ends_at"]),
                row["author"],
                row["reason"],
            )
            for row in rows
        ],
    )


@app.command("try")
def try_(
    rule: Annotated[str, typer.Argument(help="Name of a rule, or a file with one")],
    days: Annotated[int, typer.Option(help="How many days back", min=1, max=1_100)] = 90,
    as_json: AsJson = False,
) -> None:
    """Says on which days a rule would have fired. Nothing is recorded or sent."""
    settings = Settings()
    with open_environment(settings) as environment:
        catalogue = environment.catalogue()
        with connect(environment.database_url) as connection:
            found = try_rule(connection, catalogue, _rule(connection, settings, rule), days)
    if as_json:
        print_json({**asdict(found), "firings": [asdict(each) for each in found.firings]})
        return
    print_table(
        ("from", "until", "subject", "what"),
        [(str(each.opened_on), _until(each), ", ".join(each.labels.values()), each.summary) for each in found.firings],
    )
    times = "time" if len(found.firings) == 1 else "times"
    say(
        f"From {found.first} to {found.last} it would have fired {len(found.firings)} {times} for "
        f"{len({str(each.labels) for each in found.firings})} of {found.subjects} subjects."
    )
    if found.unknown_days:
        say(f"Of {found.unknown_days} of these days nothing is known: no rule has looked.")


def _until(firing: Firing) -> str:
    return "still" if firing.closed_on is None else str(firing.closed_on)


@app.command()
def export(
    rule: Annotated[str, typer.Argument(help="Name of a rule")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File to write; without, it is printed")] = None,
) -> None:
    """Writes a rule as a file, such as one that was made on the page Alerts, to keep it with other files of rules."""
    with open_environment(Settings()) as environment, connect(environment.database_url) as connection:
        text = contract_yaml(_in_order(_written(connection, rule)))
    if output is None:
        print(text, end="")
        return
    try:
        with output.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise PipelineError(f"{output} exists. Choose another file, or delete it.") from None
    except OSError as error:
        raise PipelineError(f"{output} cannot be written: {error.strerror}.") from error
    say(f"{rule} was written to {output}.")


def _in_order(definition: dict[str, Any], keys: type[msgspec.Struct] = RuleKeys) -> dict[str, Any]:
    """The keys of a rule as the documentation lists them: a database keeps no order."""
    order = {each.encode_name: number for number, each in enumerate(msgspec.structs.fields(keys))}
    nested: dict[str, type[msgspec.Struct]] = {}
    if keys is RuleKeys:
        nested = {"watch": WatchKeys, "when": WhenKeys, "active": ActiveKeys}
    return {
        key: _in_order(definition[key], nested[key]) if key in nested else definition[key]
        for key in sorted(definition, key=lambda key: order.get(key, len(order)))
    }


@app.command()
def check() -> None:
    """Reads the rules in the folder `alerts` and says what is wrong with them: exit code 1 if anything is."""
    problems = [each.problem for each in read_rules(Settings().alerts_dir).values() if each.problem is not None]
    for problem in problems:
        say(problem)
    if problems:
        raise typer.Exit(1)
    say("All rules can be used.")


@app.command()
def schema() -> None:
    """Prints the JSON Schema of a rule, for editors."""
    print_json(msgspec.json.schema(RuleKeys))


def _rule(connection: Connection, settings: Settings, name: str) -> Rule:
    """The rule of a file, or the one in force."""
    path = Path(name)
    is_file = path.suffix == SUFFIX
    text = read_rules(path.parent if is_file else settings.alerts_dir).get(path.stem)
    if not is_file and (text is None or text.origin == "built-in"):
        return rule_of_document(_written(connection, name), name)
    if text is None:
        raise PipelineError(f"There is no file {name}.")
    if text.document is None:
        raise PipelineError(text.problem or f"The rule {name} cannot be used.")
    return rule_of_document(text.document, text.name)


def _written(connection: Connection, name: str) -> dict[str, Any]:
    """What a rule says, as the database has it; a built-in one may not be there yet."""
    row = connection.execute(
        "SELECT definition FROM alert.rules WHERE name = %s AND removed_at IS NULL", (name,)
    ).fetchone()
    found = row[0] if row is not None else BUILT_IN.get(name)
    if found is None:
        raise PipelineError(f"There is no rule {name} that can be used. See: logistics alerts list.")
    return dict(found)


def _act(incident: int, action: str, words: str, assignee: str = "") -> None:
    done = value_of(
        "SELECT alert.act_on_incident(%(incident)s, %(action)s, %(who)s, %(words)s, %(assignee)s)",
        {
            "incident": incident,
            "action": action,
            "who": user_name(),
            "words": words,
            "assignee": assignee,
        },
    )
    if not done:
        _no_incident(incident)


def _no_incident(incident: int) -> NoReturn:
    raise PipelineError(f"There is no incident {incident}. See: logistics alerts incidents --all.")


def _titled(title: str, labels: dict[str, str]) -> str:
    subject = ", ".join(value for _, value in sorted(labels.items()) if value)
    return f"{title}: {subject}" if subject else title


def _heard(row: dict[str, Any]) -> str:
    if row["acknowledged_by"]:
        return f"acknowledged by {row['acknowledged_by']}"
    return row["held_because"] or (f"announced {shown_time(row['announced_at'])}" if row["announced_at"] else "")
