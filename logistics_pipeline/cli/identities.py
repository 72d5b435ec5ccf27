"""The commands about external ids: list, unlinked, links, show, link, unlink, proposals, accept, reject, propose."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Any

import typer
from psycopg import sql

from logistics_core.as_of import read_as_of
from logistics_core.catalogue import Catalogue, Dataset
from logistics_core.database_contract.identities import DECIDE_PROPOSAL, MAKE_LINK, ProposalState
from logistics_core.identities.links import ENTITIES, listed_links, listed_proposals
from logistics_core.identities.names import check_link, check_system, entities_of, known_entity
from logistics_core.identities.unified import Said, keys_of_things, said_about, sources_of, unified
from logistics_core.identities.unlinked import all_unlinked_ids, external_ids_in
from logistics_core.settings import Settings
from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.cli.options import AsJson, RefreshAfter
from logistics_pipeline.cli.output import print_json, print_table, say
from logistics_pipeline.cli.user import user_name
from logistics_pipeline.database.connections import Connection, connect
from logistics_pipeline.errors import ConfigurationError
from logistics_pipeline.identities.proposing import propose_links
from logistics_pipeline.local.environment import open_environment

app = typer.Typer(
    no_args_is_help=True,
    help="Shows and decides which thing the ids of other systems stand for: one thing, many names.",
)

_DISPLAYED = 100
_MOST = 1_000_000


def register(parent: typer.Typer) -> None:
    """Adds this module's commands."""
    parent.add_typer(app, name="identities")


Entity = Annotated[str, typer.Argument(help="The dataset with the master records, such as vehicles")]
System = Annotated[str, typer.Argument(help="The system whose id it is, such as fuelco")]
ExternalIdArgument = Annotated[str, typer.Argument(metavar="ID", help="The id there")]
Key = Annotated[str, typer.Argument(help="Key of the master record")]
Reason = Annotated[str, typer.Option(help="Why, for those who ask later")]
OneEntity = Annotated[str | None, typer.Option("--entity", help="Only of this entity")]
OneSystem = Annotated[str | None, typer.Option("--system", help="Only of this system")]
Limit = Annotated[int, typer.Option(min=1, max=_MOST, help="How many lines at most")]


@contextmanager
def _database() -> Iterator[tuple[str, Connection, Catalogue]]:
    with (
        open_environment(Settings()) as environment,
        connect(environment.database_url, application_name="logistics identities") as connection,
    ):
        yield environment.database_url, connection, environment.catalogue()


def _checked(catalogue: Catalogue, entity: str | None, system: str | None) -> None:
    """Refuses names that do not exist: nothing would be found, and nobody would know why."""
    try:
        if entity is not None:
            known_entity(catalogue, entity)
        if system is not None:
            check_system(catalogue, entity, system)
    except ValueError as error:
        raise ConfigurationError(str(error)) from None


# -- what there is -----------------------------------------------------------------------------------------------------


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """Lists the entities, and the systems and fields with their external ids."""
    with _database() as (_, connection, catalogue):
        found = [(entity, _one(connection, ENTITIES, {"entity": entity.name})) for entity in entities_of(catalogue)]
    if as_json:
        for entity, document in found:
            print_json({"entity": entity.name, "key": entity.key[0], **document})
        return
    print_table(
        ("entity", "system", "ids are in", "called", "linked ids", "open proposals"),
        [
            (
                entity.name,
                external.system,
                f"{dataset.name}.{external.field}",
                external.name,
                f"{document['linked'].get(external.system, 0):,}",
                f"{document['proposed'].get(external.system, 0):,}",
            )
            for entity, document in found
            for dataset, external in external_ids_in(catalogue, entity.name)
        ],
        numeric=("linked ids", "open proposals"),
    )
    if not found:
        say("No contract declares external ids. Add `externalIds` to one: docs/identities.md shows how.")


@app.command()
def unlinked(
    entity: OneEntity = None, system: OneSystem = None, limit: Limit = _DISPLAYED, as_json: AsJson = False
) -> None:
    """Lists the external ids that are linked with nothing and so stand for themselves, most records first."""
    with _database() as (_, connection, catalogue):
        _checked(catalogue, entity, system)
        query = sql.SQL("SELECT row_to_json(found) FROM ({}) AS found LIMIT {}").format(
            all_unlinked_ids(catalogue, entity, system), sql.Literal(limit)
        )
        found = [document for (document,) in connection.execute(query).fetchall()]
    if as_json:
        for document in found:
            print_json(document)
        return
    print_table(
        ("entity", "system", "id", "in", "records", "first", "last"),
        [
            (
                each["entity"],
                each["system"],
                each["external_id"],
                f"{each['dataset']}.{each['field']}",
                f"{each['records']:,}",
                each["first_day"] or "",
                each["last_day"] or "",
            )
            for each in found
        ],
        numeric=("records",),
    )
    if not found:
        say("Every external id is linked.")


@app.command()
def links(
    entity: OneEntity = None,
    system: OneSystem = None,
    external_id: Annotated[str | None, typer.Option("--id", help="Only of this id")] = None,
    key: Annotated[str | None, typer.Option(help="Only with this master key")] = None,
    as_of: Annotated[
        str | None, typer.Option(metavar="TIME", help="Those that decided then: 2024-06-01T12:00Z, or a day's end")
    ] = None,
    limit: Limit = _DISPLAYED,
    as_json: AsJson = False,
) -> None:
    """Lists links, the newest first: who said when, and why, that an id is a thing."""
    given = {
        "entity": entity,
        "system": system,
        "external_id": external_id,
        "key": key,
        "as_of": _moment(as_of),
    }
    filters = {name: value for name, value in given.items() if value is not None}
    with _database() as (_, connection, catalogue):
        _checked(catalogue, entity, system)
        rows = connection.execute(listed_links(filters).encode(), {**filters, "limit": limit}).fetchall()
    found = [document for _, document in rows[:limit]]
    if as_json:
        for document in found:
            print_json(document)
        return
    print_table(
        ("entity", "system", "id", "is", "since", "said by", "decides", "why"),
        [
            (
                each["entity"],
                each["system"],
                each["external_id"],
                each["key"] or "(itself)",
                each["made_at"][:16].replace("T", " "),
                f"{each['author']} ({each['source']})",
                _decides(each),
                each["reason"],
            )
            for each in found
        ],
    )


def _decides(document: dict[str, Any]) -> str:
    if document["withdrawn_at"]:
        return "withdrawn"
    if not document["decides"]:
        return ""
    return "after the next refresh" if document["waits"] else "yes"


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    asked = read_as_of(text)
    if asked is None or asked.moment is None:
        raise ConfigurationError(
            f"--as-of is {text!r}. Expected: a time such as 2024-06-01T12:00Z, or a day such as 2024-06-01."
        )
    return asked.moment


@app.command()
def show(entity: Entity, key: Key, as_json: AsJson = False) -> None:
    """Shows a thing as all sources together know it, and the ids that are linked with it: why two are one."""
    with _database() as (_, connection, catalogue):
        _checked(catalogue, entity, None)
        master = catalogue[entity]
        sources = sources_of(master, catalogue)
        query = said_about(sources, master, sql.SQL("{}::text[]").format(sql.Literal([key])))
        said = [Said(*row) for row in connection.execute(query).fetchall()]
        (document,) = unified(master, sources, [key], said)
        asked = {"entity": entity, "key": key, "limit": _MOST}
        rows = connection.execute(listed_links({"entity", "key"}).encode(), asked).fetchall()
        document["ids"] = [each for _, each in rows if each["decides"]]
        if not said and not document["ids"] and not _is_thing(connection, master, key):
            raise ConfigurationError(f"No record of {entity} has the key {key[:100]!r}, and no link.")
    if as_json:
        print_json(document)
        return
    print_table(
        ("attribute", "value", "from", "others say"),
        [
            (
                each["name"],
                each["value"] or "",
                each["source"] or "",
                ", ".join(f"{other['value']} ({other['source']})" for other in each["said"][1:]),
            )
            for each in document["attributes"]
        ],
    )
    print_table(
        ("system", "id", "since", "said by", "why"),
        [
            (
                each["system"],
                each["external_id"],
                each["made_at"][:16].replace("T", " "),
                each["author"],
                each["reason"],
            )
            for each in document["ids"]
        ],
    )


# -- decisions ---------------------------------------------------------------------------------------------------------


@app.command()
def link(
    entity: Entity,
    system: System,
    external_id: ExternalIdArgument,
    key: Key,
    reason: Reason = "",
    refresh_after: RefreshAfter = False,
) -> None:
    """Says that an id of another system is a thing. Figures follow with the next refresh."""
    _link(entity, system, external_id, key, reason, refresh_after)


@app.command()
def unlink(
    entity: Entity,
    system: System,
    external_id: ExternalIdArgument,
    reason: Reason = "",
    refresh_after: RefreshAfter = False,
) -> None:
    """Undoes the link of an id: it stands for itself again. The link stays on record."""
    _link(entity, system, external_id, None, reason, refresh_after)


def _link(entity: str, system: str, external_id: str, key: str | None, reason: str, refresh_after: bool) -> None:
    with _database() as (url, connection, catalogue):
        try:
            check_link(catalogue, entity, system, external_id, key)
        except ValueError as error:
            raise ConfigurationError(str(error)) from None
        _one(
            connection,
            f"SELECT {MAKE_LINK}",
            {
                "entity": entity,
                "system": system,
                "external_id": external_id,
                "key": key,
                "requested_by": user_name(),
                "reason": reason,
            },
        )
        say(f"{system} {external_id} is {key} from now on." if key else f"{system} {external_id} stands for itself.")
        if key is not None and not _is_record(connection, catalogue[entity], key):
            say(f"No record of {entity} has the key {key} yet: figures have the key, and no attributes.")
        _refresh(url, refresh_after)


@app.command()
def proposals(
    entity: OneEntity = None,
    state: Annotated[ProposalState, typer.Option(help="Only those in this state")] = ProposalState.OPEN,
    limit: Limit = _DISPLAYED,
    as_json: AsJson = False,
) -> None:
    """Lists what may be the same thing, with the evidence."""
    filters = {"state": state.value, **({} if entity is None else {"entity": entity})}
    with _database() as (_, connection, catalogue):
        _checked(catalogue, entity, None)
        rows = connection.execute(listed_proposals(filters).encode(), {**filters, "limit": limit}).fetchall()
    found = [document for _, document in rows[:limit]]
    if as_json:
        for document in found:
            print_json(document)
        return
    print_table(
        ("number", "entity", "system", "id", "may be", "rule", "evidence"),
        [
            (
                each["proposal_id"],
                each["entity"],
                each["system"],
                each["external_id"],
                each["key"],
                each["rule"],
                each["evidence"],
            )
            for each in found
        ],
        numeric=("number",),
    )
    if not found:
        say(f"There is no proposal that is {state.value}.")


Numbers = Annotated[list[int], typer.Argument(metavar="NUMBER...", help="Proposals, as `proposals` lists them")]


@app.command()
def accept(numbers: Numbers, reason: Reason = "", refresh_after: RefreshAfter = False) -> None:
    """Accepts proposals: makes their links."""
    _decide(numbers, reason, refresh_after, is_accepted=True)


@app.command()
def reject(numbers: Numbers, reason: Reason = "") -> None:
    """Rejects proposals: the same is not proposed again."""
    _decide(numbers, reason, False, is_accepted=False)


def _decide(numbers: list[int], reason: str, refresh_after: bool, *, is_accepted: bool) -> None:
    """All of them, or none."""
    with _database() as (url, connection, _):
        with connection.transaction():
            for number in numbers:
                parameters = {
                    "proposal_id": number,
                    "is_accepted": is_accepted,
                    "requested_by": user_name(),
                    "reason": reason,
                }
                if _one(connection, f"SELECT {DECIDE_PROPOSAL}", parameters) is None:
                    raise ConfigurationError(
                        f"There is no open proposal {number}, so nothing was decided. `logistics identities proposals` "
                        "lists those there are."
                    )
        word = "Accepted" if is_accepted else "Rejected"
        say(f"{word} {len(numbers):,} proposal{'' if len(numbers) == 1 else 's'}.")
        _refresh(url, refresh_after)


@app.command()
def propose(as_json: AsJson = False) -> None:
    """Compares unlinked ids with master records now. A refresh does so by itself after what has changed."""
    with _database() as (_, connection, catalogue):
        done = propose_links(connection, catalogue)
    if as_json:
        print_json(done.__dict__)
        return
    say(
        f"{done.made:,} proposals are new, of which rules have accepted {done.accepted:,}; {done.withdrawn:,} are "
        "withdrawn."
    )


def _refresh(url: str, wanted: bool) -> None:
    if wanted:
        refresh(url)
        say("The figures are up to date.")
    else:
        say("Figures follow with the next refresh: Dagster makes it, or `logistics refresh`.")


def _one(connection: Connection, query: str, parameters: dict[str, Any]) -> Any:
    row = connection.execute(query.encode(), parameters).fetchone()
    assert row is not None
    return row[0]


def _is_thing(connection: Connection, entity: Dataset, key: str) -> bool:
    """Whether a record has the key, or a link that figures follow."""
    query = sql.SQL("SELECT FROM ({}) AS things WHERE key = %s LIMIT 1").format(keys_of_things(entity))
    return connection.execute(query, (key,)).fetchone() is not None


def _is_record(connection: Connection, entity: Dataset, key: str) -> bool:
    column, table = sql.Identifier(entity.key[0]), sql.Identifier("raw", entity.name)
    query = sql.SQL("SELECT FROM {} WHERE {}::text = %s LIMIT 1").format(table, column)
    return connection.execute(query, (key,)).fetchone() is not None
