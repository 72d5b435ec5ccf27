"""The commands about the audit log: audit list|delete."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from logistics_core.database_contract.audit import DELETE_ENTRIES, ObjectKind, listed_entries
from logistics_core.settings import Settings
from logistics_pipeline.cli.options import AsJson, moment
from logistics_pipeline.cli.output import confirm, print_json, print_table, say
from logistics_pipeline.database.connections import connect
from logistics_pipeline.local.environment import open_environment

app = typer.Typer(no_args_is_help=True, help="Shows who changed what; deletes the oldest entries.")

LONGEST_CHANGE = 200
"""Characters of what has changed in a row of the table; `--json` prints all."""


def register(parent: typer.Typer) -> None:
    """Adds this module's commands."""
    parent.add_typer(app, name="audit")


@app.command("list")
def list_(
    kind: Annotated[ObjectKind | None, typer.Option(help="Only changes of things of this kind")] = None,
    name: Annotated[str | None, typer.Option("--object", help="Only changes of the thing of this name")] = None,
    actor: Annotated[str | None, typer.Option(help="Only changes by this key, person, user or process")] = None,
    since: Annotated[str | None, typer.Option(help="Only changes since then: a day, or a time (UTC)")] = None,
    until: Annotated[str | None, typer.Option(help="Only changes before then: a day, or a time (UTC)")] = None,
    limit: Annotated[int, typer.Option(help="At most so many, the newest first", min=1, max=1_000_000)] = 100,
    as_json: AsJson = False,
) -> None:
    """Lists changes, the newest first: who changed what, and what it was before."""
    wanted = {
        "kind": kind,
        "object": name,
        "actor": actor,
        "since": moment(since, "--since"),
        "until": moment(until, "--until"),
    }
    given = {option: value for option, value in wanted.items() if value is not None}
    with open_environment(Settings()) as environment, connect(environment.database_url) as connection:
        query = listed_entries(given)
        rows = connection.execute(query.encode(), {**given, "limit": limit - 1}).fetchall()
    if as_json:
        for _, entry in rows:
            print_json(entry)
        return
    print_table(
        ("entry", "when", "who", "what", "action", "change"),
        [
            (
                str(entry["entry_id"]),
                datetime.fromisoformat(entry["changed_at"]).astimezone().strftime("%Y-%m-%d %H:%M:%S"),
                entry["actor"]["name"],
                f"{entry['kind'].replace('_', ' ')} {entry['object']}",
                entry["action"].replace("_", " "),
                _change(entry["before"] or {}, entry["after"] or {}),
            )
            for _, entry in rows
        ],
    )


@app.command()
def delete(
    before: Annotated[str, typer.Option(help="Delete entries before then: a day, or a time (UTC)")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation")] = False,
) -> None:
    """Deletes the oldest entries. That is an entry of the audit log as well."""
    until = moment(before, "--before")
    assert until is not None
    if not yes:
        confirm(f"Delete what the audit log says about changes before {until.astimezone(UTC):%Y-%m-%d %H:%M} UTC?")
    with open_environment(Settings()) as environment, connect(environment.database_url) as connection:
        deleted = connection.execute(DELETE_ENTRIES.encode(), {"before": until}).rowcount
    say(f"{deleted:,} {'entry' if deleted == 1 else 'entries'} deleted.")


def _change(before: dict[str, Any], after: dict[str, Any]) -> str:
    """What differs, as `name: old → new`; of what was added or deleted, its values."""
    parts = []
    for name, value in (before | after).items():
        if name in before and name in after and before[name] != value:
            parts.append(f"{name}: {_shown(before[name])} → {_shown(value)}")
        elif not (name in before and name in after) and value is not None:
            parts.append(f"{name}: {value}")
    text = ", ".join(parts)
    return text if len(text) <= LONGEST_CHANGE else f"{text[: LONGEST_CHANGE - 1]}…"


def _shown(value: Any) -> Any:
    return "–" if value in (None, "") else value
