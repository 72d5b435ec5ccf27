"""Commands about API keys: keys create|list|revoke."""

import re
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from logistics_core.row_access.rules import RowAccess
from logistics_core.settings import Scope, Settings
from logistics_pipeline.cli.options import rows_of_rules
from logistics_pipeline.cli.output import minute, print_json, print_table, say
from logistics_pipeline.database.api_keys import ApiKey, create_key, list_keys, revoke_key
from logistics_pipeline.database.connections import connect
from logistics_pipeline.errors import PipelineError
from logistics_pipeline.local.environment import open_environment

keys = typer.Typer(no_args_is_help=True, help="API keys: who may read, export and upload from other machines.")


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    app.add_typer(keys, name="keys")


@keys.command()
def create(
    name: Annotated[str, typer.Argument(help="Who or what will use it; shown in logs and metrics")],
    scope: Annotated[
        list[Scope] | None,
        typer.Option(help="What it may do; repeat the option for each scope, as none includes another"),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="RULE",
            help="Rows that it may see, such as 'shipments: origin = Berlin | Hamburg', or 'vehicles' for all of a "
            "dataset; repeat the option for more. Default: all rows of all datasets",
        ),
    ] = None,
    expires: Annotated[
        str | None, typer.Option(help="When it expires: a day (2027-01-31, UTC) or a time from now (90d)")
    ] = None,
    rate: Annotated[
        float | None, typer.Option(min=0.01, help="Requests per second it may make. Default: LOGISTICS_API_RATE")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document with the key")] = False,
) -> None:
    """Creates a key and prints it once: only its digest is stored. Without --scope it may read.

    `KEY=$(logistics keys create laptop --scope read --scope export)`, then `curl -H "X-API-Key: $KEY" ...`.
    """
    expires_at = None if expires is None else _expiry(expires, datetime.now(UTC))
    with open_environment(Settings()) as environment, connect(environment.database_url) as connection:
        key, made = create_key(
            connection,
            name,
            [each.value for each in scope or [Scope.READ]],
            row_access=rows_of_rules(only, environment.catalogue()) if only else None,
            expires_at=expires_at,
            requests_per_second=rate,
        )
    if as_json:
        print_json({"key": key} | _document(made))
    else:
        until = f" until {made.expires_at:%Y-%m-%d %H:%M} UTC" if made.expires_at else ""
        rows = f", and only for {_rows(made)}" if made.row_access is not None else ""
        say(f"Key {made.key_id} of {name!r}, for {', '.join(made.scopes)}{rows}{until}. It is not shown again:")
        print(key)


@keys.command("list")
def list_(
    everything: Annotated[bool, typer.Option("--all", help="Include revoked keys")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document per key")] = False,
) -> None:
    """Lists the keys, but not their secrets."""
    with open_environment(Settings()) as environment, connect(environment.database_url) as connection:
        found = list_keys(connection, revoked=everything)
    if as_json:
        for key in found:
            print_json(_document(key))
    elif found:
        print_table(
            ("id", "name", "scopes", "rows", "state", "created", "expires", "requests/s"),
            [
                (key.key_id, key.name, ", ".join(key.scopes), _rows(key), key.state, minute(key.created_at),
                 minute(key.expires_at), key.requests_per_second)
                for key in found
            ],
            numeric=("id", "requests/s"),
        )  # fmt: skip
    else:
        say("There are no keys. `logistics keys create NAME` creates one.")


@keys.command()
def revoke(
    which: Annotated[str, typer.Argument(metavar="NAME|ID", help="Its name, or its number from `logistics keys list`")],
) -> None:
    """Revokes a key: a running API refuses it at once."""
    with open_environment(Settings()) as environment, connect(environment.database_url) as connection:
        revoked = revoke_key(connection, which)
    say(f"Key {revoked.key_id} of {revoked.name!r} is revoked.")


def _rows(key: ApiKey) -> str:
    return "all" if key.row_access is None else str(RowAccess.from_document(key.row_access))


def _expiry(text: str, now: datetime) -> datetime:
    if days := re.fullmatch(r"([1-9][0-9]{0,4})d", text, re.ASCII):
        return now + timedelta(days=int(days[1]))
    try:
        expires_at = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise PipelineError(f"--expires {text!r} is neither a day such as 2027-01-31 nor a time such as 90d.") from None
    if expires_at <= now:
        raise PipelineError(f"--expires {text} is past: the key would never be valid.")
    return expires_at


def _document(key: ApiKey) -> dict[str, object]:
    return asdict(key)
