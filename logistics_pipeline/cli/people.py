"""Commands about people who sign in: themselves, their sessions, and the rows that groups may see."""

from dataclasses import asdict
from typing import Annotated

import typer

from logistics_core.catalogue.contract_shapes import listed, suggestion
from logistics_core.settings import Settings
from logistics_pipeline.cli.options import rows_of_rules
from logistics_pipeline.cli.output import minute, print_json, print_table, say
from logistics_pipeline.database.connections import connect
from logistics_pipeline.database.people import (
    KnownPerson,
    disable_person,
    enable_person,
    end_session,
    end_sessions_of,
    groups_of_people,
    list_people,
    list_sessions,
    restrict_group,
    restricted_groups,
    unrestrict_group,
)
from logistics_pipeline.errors import PipelineError
from logistics_pipeline.local.environment import open_environment

people = typer.Typer(no_args_is_help=True, help="People who sign in, and their sessions.")

Who = Annotated[
    str, typer.Argument(metavar="PERSON", help="Number, e-mail address or name from `logistics people list`")
]


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    app.add_typer(people, name="people")


@people.command("list")
def list_(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document per person")] = False,
) -> None:
    """Lists everybody who has signed in, with the roles that their groups give them."""
    settings = Settings()
    with open_environment(settings) as environment, connect(environment.database_url) as connection:
        found = list_people(connection)
    roles = {person.person_id: list(settings.roles(person.groups)) for person in found}
    if as_json:
        for person in found:
            print_json(asdict(person) | {"roles": roles[person.person_id]})
    elif found:
        print_table(
            ("id", "name", "e-mail", "roles", "state", "sessions", "signed in"),
            [
                (person.person_id, person.name, person.email, ", ".join(roles[person.person_id]) or "none",
                 _state(person), person.sessions, minute(person.signed_in_at))
                for person in found
            ],
            numeric=("id", "sessions"),
        )  # fmt: skip
    else:
        say("Nobody has signed in yet. docs/people.md says how people do.")


@people.command()
def sessions(
    who: Annotated[str | None, typer.Argument(metavar="[PERSON]", help="Only those of this person")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document per session")] = False,
) -> None:
    """Lists the sessions that are in force, the one used last first."""
    with open_environment(Settings()) as environment, connect(environment.database_url) as connection:
        found = list_sessions(connection, who)
    if as_json:
        for session in found:
            print_json(asdict(session))
    elif found:
        print_table(
            ("id", "name", "e-mail", "method", "started", "used", "ends"),
            [
                (session.session_id, session.name, session.email, session.method, minute(session.started_at),
                 minute(session.seen_at), minute(session.ends_at))
                for session in found
            ],
            numeric=("id",),
        )  # fmt: skip
    else:
        say("There are no sessions.")


@people.command("end-session")
def end_session_(
    session_id: Annotated[
        int | None, typer.Argument(metavar="[SESSION]", help="Its number, from `logistics people sessions`")
    ] = None,
    person: Annotated[str | None, typer.Option(help="End all sessions of this person instead")] = None,
) -> None:
    """Ends a session, or all of a person: a running API refuses it at once. The person may sign in again."""
    if (session_id is None) == (person is None):
        raise PipelineError("Give either the number of a session or --person.")
    with open_environment(Settings()) as environment, connect(environment.database_url) as connection:
        if session_id is not None:
            end_session(connection, session_id)
            say(f"Session {session_id} is ended.")
        else:
            assert person is not None
            name, ended = end_sessions_of(connection, person)
            say(f"{ended} {'session' if ended == 1 else 'sessions'} of {name} ended.")


@people.command()
def disable(who: Who) -> None:
    """Ends the sessions of a person, who cannot sign in until enabled again."""
    with open_environment(Settings()) as environment, connect(environment.database_url) as connection:
        name, ended = disable_person(connection, who)
    say(f"{name} is disabled; {ended} {'session' if ended == 1 else 'sessions'} ended.")


@people.command()
def enable(who: Who) -> None:
    """Lets a person sign in again."""
    with open_environment(Settings()) as environment, connect(environment.database_url) as connection:
        name = enable_person(connection, who)
    say(f"{name} may sign in again.")


@people.command()
def restrict(
    group: Annotated[str, typer.Argument(help="The group, as the identity provider or the proxy names it")],
    only: Annotated[
        list[str],
        typer.Option(
            metavar="RULE",
            help="Rows that its people may see, such as 'shipments: origin = Berlin | Hamburg', or 'vehicles' for all "
            "of a dataset; repeat the option for more",
        ),
    ],
) -> None:
    """Lets people of a group see some rows only, in place of what was set for it before.

    Who is in several such groups sees the rows of each. A running API follows at once.
    """
    with open_environment(Settings()) as environment, connect(environment.database_url) as connection:
        rows = rows_of_rules(only, environment.catalogue())
        restrict_group(connection, group, rows)
        known = groups_of_people(connection)
    say(f"People of the group {group} may see: {rows}.")
    if group not in known:
        there_are = f" They have: {listed(sorted(known))}.{suggestion(group, known)}" if known else ""
        say(
            f"Nobody who has signed in so far is in a group of exactly this name.{there_are} Some providers write "
            "groups as paths, such as /dispatch."
        )


@people.command()
def unrestrict(group: Annotated[str, typer.Argument(help="The group, from `logistics people restrictions`")]) -> None:
    """Lets people of a group see all rows again, unless another of their groups is restricted."""
    with open_environment(Settings()) as environment, connect(environment.database_url) as connection:
        unrestrict_group(connection, group)
    say(f"The group {group} is not restricted any more.")


@people.command()
def restrictions(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document per group")] = False,
) -> None:
    """Lists the groups whose people may see some rows only."""
    with open_environment(Settings()) as environment, connect(environment.database_url) as connection:
        found = restricted_groups(connection)
    if as_json:
        for group, rows in found:
            print_json({"group": group, "rows": list(rows.described())})
    elif found:
        print_table(("group", "rows"), [(group, str(rows)) for group, rows in found])
    else:
        say("No group is restricted: whoever has the scope read sees all rows.")


def _state(person: KnownPerson) -> str:
    return "active" if person.disabled_at is None else f"disabled since {minute(person.disabled_at)}"
