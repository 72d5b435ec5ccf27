"""Makes the pre-aggregates of all datasets and brings them up to date, within the transaction of a refresh.

Of a dataset with days, the stale days are replaced; of one without, everything is computed anew when it has changed.
A rollup by longer periods gets what stale days add to it and take from it, where an analytics table holds its values;
otherwise what the new records of a day add or, if records have changed or gone, the whole period anew.
Where metrics, or what they are computed from, have changed, or where there are many more records than before, the
dimensions are chosen again and the tables are made anew. Those replaced stay for a while, for readers that have just
looked up their names.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from psycopg import sql
from psycopg.types.json import Jsonb

from logistics_core.catalogue import Catalogue, Dataset
from logistics_core.metrics.periods import Grain, adjoined
from logistics_core.metrics.rollups import (
    DAY,
    RANK,
    SCHEMA,
    VALUE,
    VALUE_ROWS,
    Contents,
    Precision,
    Rollup,
    StoredRollup,
    condition,
    contents_of,
    day_of,
    definition_checksum,
    from_document,
    grouping,
    periods_with,
    source,
    states_in,
    to_document,
)
from logistics_core.sql_files import read_sql
from logistics_pipeline import ledger
from logistics_pipeline.analytics.day_parts import ALL_DAYS, DayPart, day_parts
from logistics_pipeline.analytics.rollup_choice import choose
from logistics_pipeline.analytics.rollup_growth import FRESH, Growth, find_growth, records_by_day
from logistics_pipeline.analytics.shared_groups import CHANGED_ROWS, RollupsAtHand, values_at_hand
from logistics_pipeline.analytics.stale_days import WaitingBatches
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.database.day_indexes import has_day_index
from logistics_pipeline.database.planning import planned_without
from logistics_pipeline.identities.links import Relinked, relinked_days

KEPT_FOR = "10 minutes"
"""How long a table stays that another one has replaced."""

GROWTH = 4
"""With so many times as many records as when the dimensions were chosen, they are chosen again."""


@dataclass(frozen=True)
class _Known:
    """What the database says about the rollups of a dataset."""

    checksum: str
    chosen_for: int
    dated: int
    """How many records have a day."""
    rollups: tuple[StoredRollup, ...]


@dataclass(frozen=True)
class _Change:
    """What has become of the rollups of a dataset."""

    written: int
    """Rows."""
    dated: int | None
    """How many records have a day now; None where that has to be counted."""


def refresh_rollups(
    connection: Connection,
    catalogue: Catalogue,
    waiting: WaitingBatches,
    version: int,
    relinked: Relinked,
    *,
    full: bool,
    at_hand: RollupsAtHand,
) -> int:
    """Brings the rollups of all datasets up to date with the transaction's snapshot; returns the rows written.

    `relinked` are the external ids that are linked otherwise since the last refresh.
    """
    _drop_replaced(connection, catalogue)
    changed = _datasets_with_other_metrics(connection, catalogue)
    return sum(
        _refresh_dataset(connection, dataset, waiting, relinked, version, full=full, at_hand=at_hand)
        for dataset in catalogue.values()
        if (full or waiting.concern(dataset) or dataset.name in changed or relinked.concerns(dataset))
        and _has_table(connection, dataset)
    )


def datasets_to_remake(connection: Connection, catalogue: Catalogue) -> list[str]:
    """The datasets that have records, and whose rollups do not hold what their metrics need."""
    changed = _datasets_with_other_metrics(connection, catalogue)
    if not changed:
        return []
    filled = connection.execute(
        "SELECT DISTINCT dataset FROM ingest.files WHERE records_loaded > 0 AND dataset = ANY(%s)", (changed,)
    ).fetchall()
    return [name for (name,) in filled if _has_table(connection, catalogue[name])]


def remake_after_change(connection: Connection, dataset: Dataset) -> None:
    """Has the rollups of a dataset made anew by the next refresh; until then the API answers from the records.

    For changes of rows that no batch tells of. A refresh that is under way fails and is tried again.
    """
    connection.execute("UPDATE analytics.rollup_datasets SET checksum = '' WHERE dataset = %s", (dataset.name,))


def _datasets_with_other_metrics(connection: Connection, catalogue: Catalogue) -> list[str]:
    known: dict[str, str] = dict(
        connection.execute("SELECT dataset, checksum FROM analytics.rollup_datasets").fetchall()
    )
    return [name for name, dataset in catalogue.items() if known.get(name) != definition_checksum(dataset)]


def _has_table(connection: Connection, dataset: Dataset) -> bool:
    row = connection.execute("SELECT to_regclass(%s) IS NOT NULL", (dataset.table,)).fetchone()
    return row is not None and row[0]


def _refresh_dataset(
    connection: Connection,
    dataset: Dataset,
    waiting: WaitingBatches,
    relinked: Relinked,
    version: int,
    *,
    full: bool,
    at_hand: RollupsAtHand,
) -> int:
    known, contents, checksum = _known(connection, dataset), contents_of(dataset), definition_checksum(dataset)
    records = ledger.row_count(connection, dataset.name)
    if known is None or known.checksum != checksum or records >= GROWTH * max(known.chosen_for, 1):
        wanted = choose(connection, dataset, contents, records)
        if known is None or known.checksum != checksum or set(wanted) != {each.rollup for each in known.rollups}:
            written = _remake(connection, dataset, contents, wanted, at_hand)
            _store_dataset(connection, dataset, checksum, records, None, records, version)
            return written
        known = replace(known, chosen_for=records)
    if full:
        written = _remake(connection, dataset, contents, [each.rollup for each in known.rollups], at_hand)
        change = _Change(written, None)
    else:
        change = _refresh_what_changed(connection, dataset, contents, known, waiting, relinked, at_hand)
    _store_dataset(connection, dataset, checksum, records, change.dated, known.chosen_for, version)
    return change.written


def _refresh_what_changed(
    connection: Connection,
    dataset: Dataset,
    contents: Contents,
    known: _Known,
    waiting: WaitingBatches,
    relinked: Relinked,
    at_hand: RollupsAtHand,
) -> _Change:
    """Brings rollups up to date for the stale days, or wholly where records have no day."""
    if dataset.dating is None:
        return _Change(sum(_replace_all(connection, dataset, contents, each) for each in known.rollups), None)
    others = relinked_days(connection, dataset, relinked)
    days = list(dict.fromkeys([*waiting.stale_days(dataset), *others]))
    with _by_index(connection, dataset):
        return _refresh_days(connection, dataset, contents, known, days, others, at_hand)


def _refresh_days(
    connection: Connection,
    dataset: Dataset,
    contents: Contents,
    known: _Known,
    days: Sequence[date],
    relinked: Collection[date],
    at_hand: RollupsAtHand,
) -> _Change:
    """Brings rollups up to date for some days.

    On the days `relinked`, old records belong to other things than before, whatever else has been added.
    """
    by_day = [each for each in known.rollups if each.rollup.unit is Grain.DAY]
    longer = {
        each: at_hand.changed_values(dataset, each.rollup)
        for each in known.rollups
        if each.rollup.unit is not Grain.DAY
    }
    states = next(each for each in by_day if each.rollup.values is None)
    before = records_by_day(connection, states, days)
    written = sum(_replace_days(connection, dataset, contents, each, days, at_hand) for each in by_day)
    now = records_by_day(connection, states, days)
    for stored, values in longer.items():
        if values is not None:
            change = computed(dataset, stored.rollup, contents, None, values=values, rows=CHANGED_ROWS)
            written += _add(connection, dataset, contents, stored, days, change)
    if None in longer.values():
        growth = find_growth(connection, dataset, days, before, now).without(relinked)
        written += sum(
            _refresh_by_records(connection, dataset, contents, stored, days, growth, at_hand)
            for stored, values in longer.items()
            if values is None
        )
        connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(FRESH))
    return _Change(written, known.dated + sum(now.values()) - sum(before.values()))


def _refresh_by_records(
    connection: Connection,
    dataset: Dataset,
    contents: Contents,
    stored: StoredRollup,
    days: Sequence[date],
    growth: Growth,
    at_hand: RollupsAtHand,
) -> int:
    """Brings a rollup by longer periods up to date from records; returns the rows written."""
    grown, others = growth.divided(days, stored.rollup.unit)
    change = computed(dataset, stored.rollup, contents, grown, records=FRESH)
    written = _replace_days(connection, dataset, contents, stored, others, at_hand)
    return written + _add(connection, dataset, contents, stored, grown, change)


def _add(
    connection: Connection,
    dataset: Dataset,
    contents: Contents,
    stored: StoredRollup,
    days: Sequence[date],
    change: sql.Composable,
) -> int:
    """Adds to a rollup of values what has changed on some days; returns the rows written.

    In two statements: of a period that has just begun, the planner expects one row, and would compare every row of it
    with every change.
    """
    if not days:
        return 0
    connection.execute(sql.SQL("CREATE TEMPORARY TABLE {} ON COMMIT DROP AS {}").format(_ADDED, change))
    is_sketch = stored.rollup.precision is Precision.SKETCHED
    state = sql.Identifier(RANK if is_sketch else VALUE_ROWS)
    parts = {
        "added": _ADDED,
        "columns": _names(dataset, stored.rollup, contents),
        "table": sql.Identifier(SCHEMA, stored.table),
        "which_stored": sql.SQL("stored.{}").format(is_of_days(stored.rollup, days)),
        "same_group": sql.SQL(" AND ").join(_is_same(dataset, name) for name in (DAY, *stored.rollup.dimensions)),
        "value": sql.Identifier(VALUE),
        "state": state,
        # No field has such a name.
        **{name: sql.Identifier(f"{name}()") for name in ("place", "before", "now")},
        "merged": sql.SQL(
            "greatest(stored.{0}, added.{0})" if is_sketch else "coalesce(stored.{0}, 0) + added.{0}"
        ).format(state),
    }
    with planned_without(connection, "nestloop"):
        row = connection.execute(sql.SQL(read_sql("rollups/add")).format(**parts)).fetchone()
    connection.execute(sql.SQL("DROP TABLE {}").format(_ADDED))
    assert row is not None
    changed, added, removed = row
    _count(connection, stored, added - removed)
    return int(changed + added)


_ADDED = sql.Identifier("pg_temp", "added")


def _is_same(dataset: Dataset, name: str) -> sql.Composable:
    """Whether a stored row and an added one have the same day or dimension."""
    is_never_null = name == DAY or any(field.name == name and field.required for field in dataset.fields)
    # PostgreSQL hashes what is compared by an operator: rows of one value would be compared one by one.
    same = "stored.{0} = added.{0}" if is_never_null else "stored.{0} IS NOT DISTINCT FROM added.{0}"
    return sql.SQL(same).format(sql.Identifier(name))


@contextmanager
def _by_index(connection: Connection, dataset: Dataset) -> Iterator[None]:
    """Has some days found by an index if there is one.

    The planner expects little of a block range index where older rows are in no order of days, though those of the
    newest ones are together. At worst, reading by it takes as long as reading the table.
    """
    if not has_day_index(connection, dataset):
        yield
        return
    with planned_without(connection, "seqscan"):
        yield


def _known(connection: Connection, dataset: Dataset) -> _Known | None:
    row = connection.execute(
        "SELECT checksum, chosen_for, dated FROM analytics.rollup_datasets WHERE dataset = %s", (dataset.name,)
    ).fetchone()
    if row is None:
        return None
    contents, found = contents_of(dataset), []
    stored = connection.execute(
        "SELECT table_name, document, rows FROM analytics.rollups "
        "WHERE dataset = %s AND replaced_at IS NULL ORDER BY table_name",
        (dataset.name,),
    )
    for table, document, rows in stored.fetchall():
        rollup = from_document(document, contents)
        if rollup is None:  # the metrics have changed: the checksum says so too
            return _Known("", 0, 0, ())
        found.append(StoredRollup(table, rollup, rows))
    return _Known(row[0], row[1], row[2], tuple(found))


# -- rows --------------------------------------------------------------------------------------------------------------


def computed(
    dataset: Dataset,
    rollup: Rollup,
    contents: Contents,
    days: Sequence[date] | DayPart | None,
    *,
    records: sql.Composable | None = None,
    values: sql.Composable | None = None,
    rows: sql.Composable | None = None,
) -> sql.Composed:
    """The SELECT of the rows that a rollup is to have for the periods of some days; for all if `days` is None.

    A part of all days is for rollups by day only: a longer period may have days in two parts.

    With `records`, what those of this table add to it that are of these very days. `values` is something that has the
    values of the rollup and is read in place of the records, and `rows` how many records a group of it stands for.
    """
    groups = grouping(dataset, rollup)
    states = states_in(rollup, contents) if rows is None else [(VALUE_ROWS, rows)]
    if groups:
        numbers: sql.Composable = sql.SQL(", ").join(sql.SQL(str(number + 1)) for number in range(len(groups)))
    else:
        numbers = sql.SQL("()")
    return sql.SQL(read_sql("rollups/compute").rstrip()).format(
        groups=_named(groups) if groups else sql.SQL('1 AS "all()"'),
        states=_named(states),
        source=values or source(dataset, records),
        condition=condition(dataset, rollup),
        days=_chosen(dataset, rollup.unit if records is None else Grain.DAY, days),
        numbers=numbers,
    )


def _chosen(dataset: Dataset, unit: Grain, days: Sequence[date] | DayPart | None) -> sql.Composable:
    """Which records of `source` belong to the periods of some days."""
    day = day_of(dataset)
    if days is None or days == ALL_DAYS or day is None:
        return sql.SQL("true")
    if isinstance(days, DayPart):
        return sql.SQL("{} BETWEEN {} AND {}").format(day, *map(sql.Literal, days))
    if unit is Grain.DAY:
        return sql.SQL("{} = ANY({}::date[])").format(day, sql.Literal(list(days)))
    ranges = (
        sql.SQL("{} BETWEEN {} AND {}").format(day, sql.Literal(each.start), sql.Literal(each.end))
        for each in adjoined(periods_with(days, unit))
    )
    return sql.SQL("({})").format(sql.SQL(" OR ").join(ranges))


def is_of_days(rollup: Rollup, days: Sequence[date] | None) -> sql.Composable:
    """Which rows of a rollup are those of the periods of some days; all if `days` is None."""
    if days is None:
        return sql.SQL("true")
    starts = [each.start for each in periods_with(days, rollup.unit)]
    return sql.SQL("{} = ANY({}::date[])").format(sql.Identifier(DAY), sql.Literal(starts))


def _named(columns: Iterable[tuple[str, sql.Composable]]) -> sql.Composable:
    return sql.SQL(", ").join(sql.SQL("{} AS {}").format(value, sql.Identifier(name)) for name, value in columns)


def _replace_days(
    connection: Connection,
    dataset: Dataset,
    contents: Contents,
    stored: StoredRollup,
    days: Sequence[date],
    at_hand: RollupsAtHand,
) -> int:
    """Replaces the rows of the periods of some days; returns how many were written."""
    if not days:
        return 0
    found, of_days = at_hand.rows(dataset, stored.rollup, days), is_of_days(stored.rollup, days)
    if found is None:
        rows = computed(dataset, stored.rollup, contents, days)
    else:
        rows = sql.SQL("{} WHERE {}").format(_rows_of(found, dataset, stored.rollup, contents), of_days)
    return _replace_rows(connection, stored, of_days, rows)


def _replace_all(connection: Connection, dataset: Dataset, contents: Contents, stored: StoredRollup) -> int:
    """Replaces all rows; returns how many were written."""
    return _replace_rows(connection, stored, sql.SQL("true"), computed(dataset, stored.rollup, contents, None))


def _replace_rows(connection: Connection, stored: StoredRollup, which: sql.Composable, rows: sql.Composable) -> int:
    table = sql.Identifier(SCHEMA, stored.table)
    removed = _execute(connection, sql.SQL("DELETE FROM {} WHERE {}").format(table, which))
    added = _execute(connection, sql.SQL("INSERT INTO {} {}").format(table, rows))
    _count(connection, stored, added - removed)
    return added


def _rows_of(table: sql.Identifier, dataset: Dataset, rollup: Rollup, contents: Contents) -> sql.Composed:
    """The SELECT of the rows of a rollup from a table that has its columns too."""
    return sql.SQL("SELECT {} FROM {}").format(_names(dataset, rollup, contents), table)


def _count(connection: Connection, stored: StoredRollup, more: int) -> None:
    connection.execute("UPDATE analytics.rollups SET rows = rows + %s WHERE table_name = %s", (more, stored.table))


def _execute(connection: Connection, statement: sql.Composed) -> int:
    return connection.execute(statement).rowcount


# -- tables ------------------------------------------------------------------------------------------------------------


def _remake(
    connection: Connection, dataset: Dataset, contents: Contents, wanted: Sequence[Rollup], at_hand: RollupsAtHand
) -> int:
    """Makes the tables of a dataset's rollups, which take the place of those there are."""
    connection.execute(
        "UPDATE analytics.rollups SET replaced_at = clock_timestamp() WHERE dataset = %s AND replaced_at IS NULL",
        (dataset.name,),
    )
    return sum(_make(connection, dataset, contents, rollup, at_hand.rows(dataset, rollup, None)) for rollup in wanted)


def _make(
    connection: Connection, dataset: Dataset, contents: Contents, rollup: Rollup, at_hand: sql.Identifier | None
) -> int:
    name = _free_name(connection, dataset)
    table = sql.Identifier(SCHEMA, name)
    if at_hand is None:
        selects = _all_days(connection, dataset, contents, rollup)
    else:
        selects = _rows_of(at_hand, dataset, rollup, contents)
    # CREATE TABLE AS computes the rows in several processes, INSERT in only one.
    rows = _execute(connection, sql.SQL("CREATE TABLE {} AS {}").format(table, selects))
    if dataset.dating is not None:
        connection.execute(sql.SQL("CREATE INDEX ON {} ({})").format(table, sql.Identifier(DAY)))
    connection.execute(sql.SQL("COMMENT ON TABLE {} IS {}").format(table, sql.Literal(_description(dataset, rollup))))
    _analyze(connection, table, [name for name, _ in grouping(dataset, rollup)])
    connection.execute(
        "INSERT INTO analytics.rollups (table_name, dataset, document, rows) VALUES (%s, %s, %s, %s)",
        (name, dataset.name, Jsonb(to_document(rollup)), rows),
    )
    return rows


def _all_days(connection: Connection, dataset: Dataset, contents: Contents, rollup: Rollup) -> sql.Composable:
    """The statement that computes all rows of a rollup: those by day in parts that run side by side."""
    is_divided = dataset.dating is not None and rollup.unit is Grain.DAY
    parts, values = day_parts(connection, dataset) if is_divided else [ALL_DAYS], values_at_hand(dataset, rollup)
    return sql.SQL(" UNION ALL ").join(
        sql.SQL("({})").format(computed(dataset, rollup, contents, part, values=values)) for part in parts
    )


def _names(dataset: Dataset, rollup: Rollup, contents: Contents) -> sql.Composable:
    """The names of all columns of a rollup, in their order."""
    columns = [*grouping(dataset, rollup), *states_in(rollup, contents)]
    return sql.SQL(", ").join(sql.Identifier(name) for name, _ in columns)


def _analyze(connection: Connection, table: sql.Identifier, columns: Sequence[str]) -> None:
    """Collects statistics of the columns that questions group and filter by; of the others there would be no use."""
    listed = sql.SQL(", ").join(map(sql.Identifier, columns))
    connection.execute(sql.SQL("ANALYZE {} ({})" if columns else "ANALYZE {}").format(table, listed))


def _free_name(connection: Connection, dataset: Dataset) -> str:
    """The name of the dataset with the first number that no table of a rollup has."""
    taken = {name for (name,) in connection.execute("SELECT table_name FROM analytics.rollups").fetchall()}
    number = 1
    while f"{dataset.name}_{number}" in taken:
        number += 1
    return f"{dataset.name}_{number}"


def _description(dataset: Dataset, rollup: Rollup) -> str:
    by = (
        " and ".join([*([rollup.unit.value] if dataset.dating is not None else []), *rollup.dimensions])
        or "nothing: one row"
    )
    if rollup.values is None:
        return f"{dataset.title} by {by}"
    return f"{dataset.title}: values of {rollup.values.field} ({rollup.precision}) by {by}"


def _drop_replaced(connection: Connection, catalogue: Catalogue) -> None:
    """Drops what was replaced some time ago, and what belonged to datasets that are gone."""
    connection.execute(
        "UPDATE analytics.rollups SET replaced_at = clock_timestamp() WHERE replaced_at IS NULL AND dataset <> ALL(%s)",
        (list(catalogue),),
    )
    connection.execute("DELETE FROM analytics.rollup_datasets WHERE dataset <> ALL(%s)", (list(catalogue),))
    dropped = connection.execute(
        f"DELETE FROM analytics.rollups WHERE replaced_at < clock_timestamp() - interval '{KEPT_FOR}' "
        "RETURNING table_name"
    ).fetchall()
    for (name,) in dropped:
        connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(SCHEMA, name)))


def _store_dataset(
    connection: Connection,
    dataset: Dataset,
    checksum: str,
    records: int,
    dated: int | None,
    chosen_for: int,
    version: int,
) -> None:
    first, last = None, None
    if dataset.dating is None:
        dated = records
    else:
        states = _states_table(connection, dataset)
        first, last = _first_and_last_day(connection, states)
        dated = _dated_records(connection, states) if dated is None else dated
    connection.execute(
        "INSERT INTO analytics.rollup_datasets AS known "
        "(dataset, checksum, records, dated, first_day, last_day, chosen_for, data_version) "
        "VALUES (%(dataset)s, %(checksum)s, %(records)s, %(dated)s, %(first)s, %(last)s, %(chosen_for)s, %(version)s) "
        "ON CONFLICT (dataset) DO UPDATE SET checksum = excluded.checksum, records = excluded.records, "
        "dated = excluded.dated, first_day = excluded.first_day, last_day = excluded.last_day, "
        "chosen_for = excluded.chosen_for, data_version = excluded.data_version",
        {
            "dataset": dataset.name, "checksum": checksum, "records": records, "dated": dated, "first": first,
            "last": last, "chosen_for": chosen_for, "version": version,
        },
    )  # fmt: skip


def _states_table(connection: Connection, dataset: Dataset) -> sql.Identifier:
    """The smallest table of states by day."""
    row = connection.execute(
        "SELECT table_name FROM analytics.rollups WHERE dataset = %s AND replaced_at IS NULL "
        "AND document->>'values' IS NULL ORDER BY rows LIMIT 1",
        (dataset.name,),
    ).fetchone()
    assert row is not None
    return sql.Identifier(SCHEMA, row[0])


def _first_and_last_day(connection: Connection, states: sql.Identifier) -> tuple[date | None, date | None]:
    """The first and the last day that records have, by the index of the days."""
    found: Any = connection.execute(
        sql.SQL("SELECT min({day}), max({day}) FROM {table}").format(day=sql.Identifier(DAY), table=states)
    ).fetchone()
    return found[0], found[1]


def _dated_records(connection: Connection, states: sql.Identifier) -> int:
    """How many records have a day."""
    found: Any = connection.execute(
        sql.SQL('SELECT coalesce(sum("rows()"), 0)::bigint FROM {}').format(states)
    ).fetchone()
    return int(found[0])
