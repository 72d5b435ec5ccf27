"""Commands on notifications: messages and what became of them, dead letters, and trying an endpoint out."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from difflib import unified_diff
from pathlib import Path
from time import monotonic, sleep
from typing import Annotated, Any
from uuid import uuid4

import typer

from logistics_core.database_contract.notifications import MessageState, Severity
from logistics_core.languages.sentences import Sentence
from logistics_core.settings import Settings
from logistics_pipeline.cli.options import AsJson
from logistics_pipeline.cli.output import print_json, print_table, say
from logistics_pipeline.cli.user import user_name
from logistics_pipeline.database.connections import Connection, connect
from logistics_pipeline.errors import ConfigurationError
from logistics_pipeline.local.environment import open_environment
from logistics_pipeline.notifying import ledger, template_previews
from logistics_pipeline.notifying.bounce_mailbox import mailbox_of, read_bounces
from logistics_pipeline.notifying.bounces import MOST_BYTES, note_bounce, parse_bounce, read_mailbox
from logistics_pipeline.notifying.channels.sending import LONGEST_SECONDS
from logistics_pipeline.notifying.declaring.reading import json_schema
from logistics_pipeline.notifying.declaring.syncing import sync_endpoints
from logistics_pipeline.notifying.delivery import Delivery
from logistics_pipeline.notifying.publishing import Event, publish_to
from logistics_pipeline.notifying.template_previews import TEMPLATE_KEYS

_LOOK_SECONDS = 0.1

Limit = Annotated[int, typer.Option(min=1, max=10_000, help="How many, the newest first")]
OfEndpoint = Annotated[str | None, typer.Option("--endpoint", help="Only of this endpoint", show_default=False)]

group = typer.Typer(no_args_is_help=True, help="Notifications: who was told of what, and what became of it.")


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    app.add_typer(group, name="notifications")


@contextmanager
def _opened() -> Iterator[tuple[Settings, str, Connection]]:
    """The database, which knows what `notifications.yaml` says."""
    with open_environment(Settings()) as environment, connect(environment.database_url) as connection:
        sync_endpoints(connection, environment.settings.notifications_file)
        yield environment.settings, environment.database_url, connection


# -- looking ---------------------------------------------------------------------------------------------------------


@group.command("list")
def list_messages(
    endpoint: OfEndpoint = None,
    state: Annotated[
        list[MessageState] | None,
        typer.Option("--state", help="Only in this state; may be repeated", show_default=False),
    ] = None,
    limit: Limit = 20,
    as_json: AsJson = False,
) -> None:
    """Lists messages with their state."""
    with _opened() as (_, _, connection):
        _print_messages(ledger.list_messages(connection, states=state, endpoint=endpoint, most=limit), as_json)


@group.command("dead")
def list_dead(endpoint: OfEndpoint = None, limit: Limit = 50, as_json: AsJson = False) -> None:
    """Lists dead letters: messages that were given up, and mails that bounced."""
    states = [MessageState.DEAD, MessageState.BOUNCED]
    with _opened() as (_, _, connection):
        found = ledger.list_messages(connection, states=states, endpoint=endpoint, most=limit)
    _print_messages(found, as_json)
    if not as_json:
        for each in found:
            say(f"Message {each.message_id}: {each.reason}")


def _print_messages(found: list[ledger.Message], as_json: bool) -> None:
    if as_json:
        for each in found:
            print_json(asdict(each))
        return
    print_table(
        ("message", "published", "endpoint", "to", "title", "state", "attempts"),
        [
            (
                str(each.message_id), f"{each.published_at:%Y-%m-%d %H:%M:%S}", each.endpoint,
                each.recipient or each.channel, each.title, each.state, each.attempts,
            )
            for each in found
        ],
        numeric=("message", "attempts"),
    )  # fmt: skip


@group.command("show")
def show_message(
    message: Annotated[int, typer.Argument(metavar="MESSAGE", help="Its number")], as_json: AsJson = False
) -> None:
    """Shows a message with every attempt."""
    with _opened() as (_, _, connection):
        found = ledger.list_messages(connection, message_id=message, most=1)
        attempts = ledger.list_attempts(connection, message)
    if not found:
        raise ConfigurationError(f"There is no message {message}. `logistics notifications list` lists them.")
    if as_json:
        print_json({**asdict(found[0]), "attempts": attempts})
        return
    _print_messages(found, as_json=False)
    print_table(
        ("attempt", "begun", "seconds", "outcome", "status", "templates", "answer"),
        [
            (
                str(each["number"]), f"{each['begun_at']:%Y-%m-%d %H:%M:%S}",
                None if each["seconds"] is None else f"{each['seconds']:.2f}", each["outcome"] or "interrupted",
                each["status"], each["template_version"], each["detail"],
            )
            for each in attempts
        ],
        numeric=("attempt", "seconds", "templates"),
    )  # fmt: skip
    if found[0].reason:
        say(found[0].reason)


@group.command("endpoints")
def list_endpoints(as_json: AsJson = False) -> None:
    """Lists the endpoints, and how each does."""
    with _opened() as (settings, _, connection):
        found = ledger.list_endpoints(connection)
    if as_json:
        for each in found:
            print_json(each)
        return
    print_table(
        ("endpoint", "channel", "topics", "state", "waiting", "dead", "last sent"),
        [
            (
                each["name"], each["channel"], ", ".join(each["topics"]), each["state"], each["waiting"], each["dead"],
                "" if each["last_sent_at"] is None else f"{each['last_sent_at']:%Y-%m-%d %H:%M:%S}",
            )
            for each in found
        ],
        numeric=("waiting", "dead"),
    )  # fmt: skip
    for each in found:
        if each["disabled_reason"]:
            say(f"{each['name']} is disabled: {each['disabled_reason']}")
    if not found:
        say(f"There are no endpoints. Declare them in {settings.notifications_file} (docs/notifications.md).")


@group.command("balance")
def show_balance(
    days: Annotated[int, typer.Option(min=1, max=3_660, help="How many days")] = 7, as_json: AsJson = False
) -> None:
    """Counts the messages of each day by their state. Exit code 1 if a day does not balance."""
    with _opened() as (_, _, connection):
        found = ledger.balances(connection, days)
    columns = [name for name in ledger.DayBalance.__dataclass_fields__ if name != "day"]
    if as_json:
        for each in found:
            print_json({**asdict(each), "is_balanced": each.is_balanced})
    else:
        rows = [(f"{each.day}", *(getattr(each, name) for name in columns)) for each in found]
        print_table(("day", *columns), rows, numeric=columns)
    if not all(each.is_balanced for each in found):
        if not as_json:
            say("A day does not balance: messages are missing, stranded, or count as sent without an attempt.")
        raise typer.Exit(1)


@group.command("schema")
def schema() -> None:
    """Prints the JSON Schema of `notifications.yaml`, for editors."""
    print_json(json_schema())


# -- doing -----------------------------------------------------------------------------------------------------------


@group.command("resend")
def resend(
    messages: Annotated[
        list[int] | None, typer.Argument(metavar="[MESSAGE]...", help="Their numbers", show_default=False)
    ] = None,
    endpoint: Annotated[
        str | None, typer.Option("--endpoint", help="All dead letters of this endpoint", show_default=False)
    ] = None,
) -> None:
    """Sends dead letters again, with the IDs that they had."""
    if not messages and endpoint is None:
        raise typer.BadParameter("Name messages, or an endpoint with --endpoint.")
    with _opened() as (_, _, connection):
        found = ledger.resend(connection, messages or None, endpoint)
    say(f"{len(found)} dead {'letter is' if len(found) == 1 else 'letters are'} sent again.")
    for each in sorted(set(messages or ()) - set(found)):
        say(f"Message {each} is no dead letter, or its endpoint is disabled or removed.")


@group.command("enable")
def enable(name: Annotated[str, typer.Argument(metavar="ENDPOINT", help="The endpoint")]) -> None:
    """Sends to an endpoint again that was disabled."""
    with _opened() as (_, _, connection):
        ledger.endpoint_id_of(connection, name)
        say(f"{name} is enabled." if ledger.enable(connection, name) else f"{name} was not disabled.")


@group.command("bounce")
def bounce(
    mailbox: Annotated[
        Path | None,
        typer.Option("--mailbox", metavar="PATH", help="Read a Maildir or an mbox instead; it stays as it is"),
    ] = None,
    by_imap: Annotated[
        bool, typer.Option("--imap", help="Read the mailbox that `bounceMailbox` of notifications.yaml declares")
    ] = False,
) -> None:
    """Reads the report of a mail server from standard input. Exit code 1 if it is about no message of ours.

    For a mailbox of bounces: `|logistics notifications bounce`. What was read before changes nothing.
    """
    if by_imap:
        _read_by_imap()
        return
    reports = [sys.stdin.buffer.read(MOST_BYTES)] if mailbox is None else read_mailbox(mailbox)
    noted = 0
    with _opened() as (_, _, connection):
        for each in reports:
            found = parse_bounce(each)
            result = None if found is None else note_bounce(connection, found)
            if found is None or result is None:
                continue
            noted += 1
            say(f"Message {result.message_id} has bounced: {found.status} {found.diagnostic}")
            if result.is_suppressed:
                say("Its address gets no more mails. `logistics notifications lift ADDRESS` takes that back.")
    if mailbox is not None:
        say(f"{noted} {'bounce' if noted == 1 else 'bounces'} in {mailbox}.")
    elif not noted:
        say("This is no report about a message that was sent, or only one about a delay.")
        raise typer.Exit(1)


def _read_by_imap() -> None:
    """Reads what has come, until nothing is left."""
    with _opened() as (_, _, connection):
        server = mailbox_of(connection)
        if server is None:
            raise ConfigurationError(
                "notifications.yaml declares no mailbox to read. Add `bounceMailbox` to `mail`: docs/notifications.md."
            )
        mails = bounces = 0
        while (found := read_bounces(connection, server)) is not None and found.mails:
            mails, bounces = mails + found.mails, bounces + found.bounces
    if found is None:
        say("Another process reads the mailbox at this moment.")
    else:
        say(f"{mails} {'mail' if mails == 1 else 'mails'} read, {bounces} of them bounces.")


@group.command("suppressions")
def list_suppressions(as_json: AsJson = False) -> None:
    """Lists addresses that do not get all mails: they have bounced, or somebody has unsubscribed."""
    with _opened() as (_, _, connection):
        found = ledger.list_suppressions(connection)
    if as_json:
        for each in found:
            print_json(each)
        return
    print_table(
        ("address", "endpoint", "topics", "since", "kind", "reason"),
        [
            (
                each["recipient"], each["endpoint"] or "any", each["topic"] or "any",
                f"{each['suppressed_at']:%Y-%m-%d %H:%M:%S}", each["kind"], each["reason"],
            )
            for each in found
        ],
    )  # fmt: skip


@group.command("lift")
def lift(
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="The address")],
    endpoint: Annotated[
        str | None, typer.Option("--endpoint", help="Only what concerns mails of this endpoint", show_default=False)
    ] = None,
) -> None:
    """Sends mails to an address again that had bounced or unsubscribed. Exit code 1 if it got all of them."""
    with _opened() as (_, _, connection):
        lifted = ledger.lift_suppressions(connection, address, endpoint)
    say(f"{address} gets mails again." if lifted else f"{address} was not suppressed.")
    if not lifted:
        raise typer.Exit(1)


@group.command("deliver")
def deliver() -> None:
    """Sends what is due now, as the worker does."""
    with _opened() as (settings, url, _), Delivery(url, settings) as delivery:
        attempted = 0
        while done := delivery.run_due():
            attempted += done
    say(f"{attempted} {'attempt' if attempted == 1 else 'attempts'}.")


@group.command("test")
def test(
    name: Annotated[str, typer.Argument(metavar="ENDPOINT", help="The endpoint")], as_json: AsJson = False
) -> None:
    """Sends a test to an endpoint, whatever it has subscribed to. Exit code 1 if it was not accepted."""
    with _opened() as (settings, url, connection):
        endpoint_id = ledger.endpoint_id_of(connection, name)
        event = _test_event(name)
        publish_to(connection, event, only=[endpoint_id])
        numbers = _hurry(connection, event.key)
        with Delivery(url, settings) as delivery:
            delivery.run_due()
        _wait_for_others(connection, numbers)
        found = [each for number in numbers for each in ledger.list_messages(connection, message_id=number, most=1)]
    _print_messages(found, as_json)
    if not as_json:
        for each in found:
            if each.reason:
                say(f"Message {each.message_id}: {each.reason}")
    if not found or any(each.state not in (MessageState.SENT, MessageState.DELIVERED) for each in found):
        raise typer.Exit(1)


OfVersion = Annotated[
    int | None,
    typer.Option("--version", min=1, help="Earlier templates: the number of a version", show_default=False),
]


@group.command("preview")
def preview(
    name: Annotated[str, typer.Argument(metavar="ENDPOINT", help="The endpoint")],
    version: OfVersion = None,
    message: Annotated[
        int | None, typer.Option("--message", help="About the event of this message", show_default=False)
    ] = None,
) -> None:
    """Shows what the newest event looks like to an endpoint, with its templates. Nothing is sent."""
    with _opened() as (_, _, connection):
        shown = template_previews.preview(connection, name, version, message)
    for problem in shown.problems:
        say(problem)
    print(shown.title)
    print()
    print(shown.text)


@group.command("templates")
def list_templates(
    name: Annotated[str, typer.Argument(metavar="ENDPOINT", help="The endpoint")],
    version: OfVersion = None,
    difference: Annotated[
        tuple[int, int] | None,
        typer.Option("--diff", metavar="OLD NEW", help="How two versions differ", show_default=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Lists the versions of an endpoint's templates, or shows one and what the one in force has instead."""
    with _opened() as (_, _, connection):
        ledger.endpoint_id_of(connection, name)
        found = ledger.list_template_versions(connection, name)
    if difference is not None:
        _print_difference(*(ledger.template_version(found, name, each) for each in difference), as_json=as_json)
        return
    shown = None if version is None else ledger.template_version(found, name, version)
    if as_json:
        for each in found if shown is None else [shown]:
            print_json(each)
    elif shown is not None:
        _print_templates(shown, found[0])
    elif not found:
        say(f"{name} has no templates, and never had any.")
    else:
        print_table(
            ("version", "since", "origin", "messages", ""),
            [
                (
                    str(each["version"]), f"{each['made_at']:%Y-%m-%d %H:%M:%S}", each["origin"], each["messages"],
                    ", ".join(word for word, is_so in (
                        ("in force", each["is_in_force"]), ("declared", each["is_declared"])) if is_so),
                )
                for each in found
            ],
            numeric=("version", "messages"),
        )  # fmt: skip


def _print_templates(shown: dict[str, Any], in_force: dict[str, Any]) -> None:
    """Prints the templates of a version as `notifications.yaml` has them, then what is in force where that differs."""
    for column, key in TEMPLATE_KEYS.items():
        if shown[column] is not None:
            print(f"{key}: {_quoted(shown[column])}")
    if not any(shown[column] for column in TEMPLATE_KEYS):
        say("No templates: title and text of the event.")
    lines = [
        f"{key}: {_quoted(in_force[column]) if in_force[column] else 'none'}"
        for column, key in TEMPLATE_KEYS.items()
        if in_force[column] != shown[column]
    ]
    if lines:
        say(f"Version {in_force['version']}, which is in force, has instead:")
        for line in lines:
            say(f"  {line}")


def _print_difference(old: dict[str, Any], new: dict[str, Any], *, as_json: bool) -> None:
    before, after = (f"version {each['version']}" for each in (old, new))
    lines = list(unified_diff(_template_lines(old), _template_lines(new), before, after, lineterm=""))
    if as_json:
        print_json({"old": old["version"], "new": new["version"], "lines": lines})
        return
    for line in lines:
        print(line)
    if not lines:
        say(f"The templates of {before} and {after} are the same.")


def _template_lines(version: dict[str, Any]) -> list[str]:
    """The templates of a version, line by line below their keys. The dashboard compares the same lines."""
    return [
        line
        for column, key in TEMPLATE_KEYS.items()
        if version[column] is not None
        for line in (f"{key}:", *(f"  {line}" for line in version[column].splitlines()))
    ]


@group.command("restore")
def restore(
    name: Annotated[str, typer.Argument(metavar="ENDPOINT", help="The endpoint")],
    version: Annotated[int, typer.Argument(metavar="VERSION", min=1, help="Number of the version")],
) -> None:
    """Goes back to earlier templates of an endpoint: a new version, in force until notifications.yaml changes them."""
    with _opened() as (_, _, connection):
        ledger.endpoint_id_of(connection, name)
        known = ledger.list_template_versions(connection, name)
        ledger.template_version(known, name, version)
        in_force = ledger.restore_templates(connection, name, version, user_name())
    if in_force == known[0]["version"]:
        say(f"The templates of {name} are those of version {version} already.")
        return
    say(
        f"{name} has the templates of version {version} again, as version {in_force}. They are in force until "
        "notifications.yaml declares others: put them there as well."
    )


def _quoted(template: str) -> str:
    """A template as YAML may have it."""
    return json.dumps(template, ensure_ascii=False)


def _test_event(name: str) -> Event:
    now = datetime.now(UTC)
    return Event(
        topic="test", key=f"test:{uuid4()}", severity=Severity.CRITICAL, title=Sentence("This is a test"),
        text=Sentence("Somebody has tried out the endpoint {endpoint}. Nothing has to be done.", endpoint=name),
        facts=((Sentence("endpoint"), name),), labels={"endpoint": name}, path="/", occurred_at=now,
    )  # fmt: skip


def _hurry(connection: Connection, key: str) -> list[int]:
    """The messages of a test, which are sent now, whatever their endpoint waits for."""
    rows: list[Any] = connection.execute(
        "SELECT message_id FROM notify.messages JOIN notify.events USING (event_id) WHERE key = %s ORDER BY 1", (key,)
    ).fetchall()
    numbers = [message_id for (message_id,) in rows]
    connection.execute(
        "UPDATE notify.messages SET state = 'waiting', due_at = clock_timestamp(), digest_id = NULL, reason = NULL "
        "WHERE message_id = ANY(%s) AND state = 'held'",
        (numbers,),
    )
    return numbers


def _wait_for_others(connection: Connection, numbers: list[int]) -> None:
    """Waits until no worker is sending one of the messages: one that runs may have been the first to take them."""
    deadline = monotonic() + LONGEST_SECONDS
    are_being_sent = (
        "SELECT EXISTS (SELECT FROM notify.messages WHERE message_id = ANY(%s) AND state = 'waiting' "
        "AND locked_until > clock_timestamp())"
    )
    while connection.execute(are_being_sent, (numbers,)).fetchone() == (True,) and monotonic() < deadline:
        sleep(_LOOK_SECONDS)
