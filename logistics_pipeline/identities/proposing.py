"""Proposes links: keeps what may be the same thing, until a person or a declared rule decides.

A pair of id and master key is proposed once: one that was rejected stays so. What a person has undone is never linked
by a rule again.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from psycopg import sql

from logistics_core.catalogue import Catalogue, Dataset, FieldType, Role
from logistics_core.catalogue.contract_identities import USUAL_SIMILARITY
from logistics_core.catalogue.identities import Comparison, ExternalId, MatchRule
from logistics_core.identities.unlinked import NEWEST_LINKS, external_ids_in
from logistics_core.metrics.rollups import page_column
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.identities.matching import Master, Match, Unknown, find_matches

MOST_IDS = 10_000
"""Ids of one field that are compared, those with the most records first."""
MOST_MASTERS = 100_000


@dataclass(frozen=True)
class Proposed:
    """What became of proposals."""

    made: int = 0
    accepted: int = 0
    """Of them, those that a rule has accepted: their links wait for the next refresh."""
    withdrawn: int = 0

    def __add__(self, other: "Proposed") -> "Proposed":
        return Proposed(self.made + other.made, self.accepted + other.accepted, self.withdrawn + other.withdrawn)


def propose_links(connection: Connection, catalogue: Catalogue, changed: Collection[str] | None = None) -> Proposed:
    """Compares the unlinked ids of every entity with its master records, each entity in one transaction.

    `changed` are the datasets whose records have changed: of entities that none of them concerns, nothing is compared.
    None: all are. Cost: reads the records with external ids of these entities.
    """
    total = Proposed(withdrawn=_follow_links(connection))
    entities = {external.entity for _, external in external_ids_in(catalogue)}
    for name in sorted(entities):
        concerned = {name, *(dataset.name for dataset, _ in external_ids_in(catalogue, name))}
        if changed is None or concerned & set(changed):
            with connection.transaction():
                total += _propose_of_entity(connection, catalogue[name], catalogue)
    return total


def _follow_links(connection: Connection) -> int:
    """Withdraws open proposals of ids that were linked meanwhile; opens those again whose ids are linked no more."""
    connection.execute(
        "UPDATE identity.proposals SET state = 'open', decided_at = NULL FROM identity.newest_links AS newest "
        "WHERE state = 'withdrawn' AND newest.entity = proposals.entity AND newest.system = proposals.system "
        "AND newest.external_id = proposals.external_id AND newest.master_key IS NULL"
    )
    return connection.execute(
        "UPDATE identity.proposals SET state = 'withdrawn', decided_at = clock_timestamp() "
        "FROM identity.newest_links AS newest WHERE state = 'open' AND newest.entity = proposals.entity "
        "AND newest.system = proposals.system AND newest.external_id = proposals.external_id "
        "AND newest.master_key IS NOT NULL"
    ).rowcount


def rules_of(entity: Dataset, catalogue: Catalogue) -> tuple[MatchRule, ...]:
    """The rules of the contract or, if it has none, the usual ones, which leave the decision to a person.

    These compare the key and other identifiers as codes, and as names the other texts that records with external ids
    say something about.
    """
    if entity.entity is not None and entity.entity.rules is not None:
        return entity.entity.rules
    said = {
        attribute for _, external in external_ids_in(catalogue, entity.name) for attribute, _ in external.attributes
    }
    found = []
    for field in entity.fields:
        if field.type not in (FieldType.STRING, FieldType.INTEGER):
            continue
        if field.name in entity.key or field.role is Role.IDENTIFIER:
            found.append(MatchRule(f"same_{field.name}", field.name, Comparison.CODE, 100.0, accepts=False))
        elif field.name in said and field.type is FieldType.STRING:
            found.append(MatchRule(f"near_{field.name}", field.name, Comparison.NAME, USUAL_SIMILARITY, accepts=False))
    return tuple(found)


def _propose_of_entity(connection: Connection, entity: Dataset, catalogue: Catalogue) -> Proposed:
    rules, unknown = rules_of(entity, catalogue), list[Unknown]()
    for dataset, external in external_ids_in(catalogue, entity.name):
        if _has_table(connection, dataset):
            unknown += _unknown(connection, dataset, external)
    matches = find_matches(rules, unknown, _masters(connection, entity, rules), entity.singular)
    made = _keep(connection, entity, matches)
    withdrawn = _withdraw(connection, entity, matches)
    return Proposed(made, _accept(connection, entity, rules), withdrawn)


def _has_table(connection: Connection, dataset: Dataset) -> bool:
    row = connection.execute("SELECT to_regclass(%s) IS NOT NULL", (dataset.table,)).fetchone()
    return row is not None and bool(row[0])


def _unknown(connection: Connection, dataset: Dataset, external: ExternalId) -> list[Unknown]:
    """The ids in a field that are linked with nothing, each with what its newest record says."""
    columns = [sql.SQL("{}::text").format(page_column(field)) for _, field in external.attributes]
    newest = sql.SQL(", ").join(
        sql.SQL(
            "(array_agg({0} ORDER BY page.file_id DESC, page.record_no DESC) FILTER (WHERE {0} IS NOT NULL))[1]"
        ).format(column)
        for column in columns
    )
    query = sql.SQL(
        "SELECT {id}::text{newest} FROM {table} AS page WHERE {id} IS NOT NULL AND {id}::text <> '' AND NOT EXISTS ("
        "SELECT FROM {links} AS newest WHERE newest.entity = {entity} AND newest.system = {system} "
        "AND newest.external_id = {id}::text AND newest.master_key IS NOT NULL) "
        "GROUP BY {id} ORDER BY count(*) DESC, {id} LIMIT {most}"
    ).format(
        id=page_column(external.field),
        newest=sql.SQL(", {}").format(newest) if columns else sql.SQL(""),
        table=sql.Identifier("raw", dataset.name),
        links=NEWEST_LINKS,
        entity=sql.Literal(external.entity),
        system=sql.Literal(external.system),
        most=sql.Literal(MOST_IDS),
    )
    names = [attribute for attribute, _ in external.attributes]
    return [
        Unknown(
            external.system,
            external_id,
            {name: value for name, value in zip(names, values, strict=True) if value},
            dict(external.attributes),
        )
        for external_id, *values in connection.execute(query).fetchall()
    ]


def _masters(connection: Connection, entity: Dataset, rules: Sequence[MatchRule]) -> list[Master]:
    fields = list(dict.fromkeys(rule.field for rule in rules))
    if not fields or not _has_table(connection, entity):
        return []
    query = sql.SQL("SELECT {}, {} FROM {} AS page ORDER BY 1 LIMIT {}").format(
        sql.SQL("{}::text").format(page_column(entity.key[0])),
        sql.SQL(", ").join(sql.SQL("{}::text").format(page_column(field)) for field in fields),
        sql.Identifier("raw", entity.name),
        sql.Literal(MOST_MASTERS),
    )
    return [
        Master(key, {field: value for field, value in zip(fields, values, strict=True) if value})
        for key, *values in connection.execute(query).fetchall()
    ]


def _keep(connection: Connection, entity: Dataset, matches: Sequence[Match]) -> int:
    """Keeps proposals unless there are some of the same pairs already; those that were withdrawn are open again."""
    rows = [
        (each.unknown.system, each.unknown.external_id, each.key, each.rule.name, each.similarity, each.evidence)
        for each in matches
    ]
    columns = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(6)]
    return connection.execute(
        "INSERT INTO identity.proposals AS known "
        "(entity, system, external_id, master_key, rule, similarity, evidence) "
        "SELECT %s, * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::float8[], %s::text[]) "
        "ON CONFLICT (entity, system, external_id, master_key) DO UPDATE SET state = 'open', rule = excluded.rule, "
        "similarity = excluded.similarity, evidence = excluded.evidence, decided_at = NULL "
        "WHERE known.state = 'withdrawn'",
        (entity.name, *columns),
    ).rowcount


def _withdraw(connection: Connection, entity: Dataset, matches: Iterable[Match]) -> int:
    """Withdraws open proposals that nothing suggests any more, those of ids that were linked meanwhile among them."""
    found = [(each.unknown.system, each.unknown.external_id, each.key) for each in matches]
    systems, ids, keys = ([each[position] for each in found] for position in range(3))
    return connection.execute(
        "UPDATE identity.proposals SET state = 'withdrawn', decided_at = clock_timestamp() "
        "WHERE entity = %s AND state = 'open' AND (system, external_id, master_key) NOT IN "
        "(SELECT * FROM unnest(%s::text[], %s::text[], %s::text[]))",
        (entity.name, systems, ids, keys),
    ).rowcount


def _accept(connection: Connection, entity: Dataset, rules: Iterable[MatchRule]) -> int:
    """Has accepting rules decide where there is no doubt: one master record, of an id that was never linked before."""
    return len(
        connection.execute(
            "SELECT identity.decide_proposal(proposal_id, true, rule, '', 'rule') FROM ("
            "SELECT proposal_id, rule, state, count(*) OVER (PARTITION BY system, external_id) AS choices, "
            "EXISTS (SELECT FROM identity.links WHERE links.entity = proposals.entity "
            "AND links.system = proposals.system AND links.external_id = proposals.external_id "
            "AND links.withdrawn_at IS NULL) AS is_decided "
            "FROM identity.proposals WHERE entity = %s AND state = 'open') AS open "
            "WHERE choices = 1 AND NOT is_decided AND rule = ANY(%s)",
            (entity.name, [rule.name for rule in rules if rule.accepts]),
        ).fetchall()
    )
