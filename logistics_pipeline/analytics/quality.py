"""The quality of datasets: reads what was counted, and counts the references between datasets.

References are not counted by the loads: a record may arrive after those that refer to it, in a file of another dataset.
They are counted after refreshes, for the datasets that have changed or that refer to one that has.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter
from typing import Any

from psycopg import sql

from logistics_core.catalogue import Catalogue, Dataset
from logistics_core.quality import Counts, Score, rules_of, score_of, together
from logistics_core.quality.documents import dataset_document, is_below_floor
from logistics_core.quality.queries import ARRIVALS, ARRIVALS_THEN, DATASETS, DATASETS_THEN, counts_query
from logistics_core.sql_files import read_sql
from logistics_pipeline.database.connections import Connection, connect, transient_errors


@dataclass(frozen=True)
class Quality:
    """The quality of one dataset."""

    dataset: Dataset
    score: Score
    references_counted_at: str | None

    @property
    def floor(self) -> float | None:
        """The lowest score that the contract accepts."""
        floor = self.dataset.expectations.quality
        return None if floor is None else float(floor)

    @property
    def is_below_floor(self) -> bool:
        """Whether the score is lower than that."""
        return is_below_floor(self.dataset, self.score)

    def document(self) -> dict[str, Any]:
        """The same as JSON."""
        return dataset_document(self.dataset, self.score, self.references_counted_at)


def quality_of(connection: Connection, datasets: Iterable[Dataset], past: datetime | None = None) -> list[Quality]:
    """The quality of each dataset by what is counted now. Cost: reads the datasets' rows of the ledger.

    With an earlier moment, that of the files whose loads had begun then, by the contract and the references of now.
    """
    wanted = list(datasets)
    names = {"datasets": [dataset.name for dataset in wanted]}
    of_datasets, of_arrivals = (DATASETS, ARRIVALS) if past is None else (DATASETS_THEN, ARRIVALS_THEN)
    counts: dict[str, dict[str, Any]] = dict(
        connection.execute(of_datasets.encode(), {**names, "moment": past}).fetchall()
    )
    expected = {each.name: each.expectations.freshness for each in wanted if each.expectations.freshness is not None}
    arrivals = {
        name: (arrived, periods)
        for name, arrived, periods in connection.execute(
            of_arrivals.encode(),
            {
                "expected": list(expected),
                "seconds": [length.total_seconds() for length in expected.values()],
                "moment": past,
            },
        )
    }
    counted: dict[str, str] = dict(
        connection.execute(
            "SELECT dataset, to_json(counted_at) #>> '{}' FROM ingest.references_counted "
            "WHERE dataset = ANY(%(datasets)s)",
            names,
        ).fetchall()
    )
    return [
        Quality(each, _score(each, counts.get(each.name), arrivals.get(each.name, (0, 0))), counted.get(each.name))
        for each in wanted
    ]


def file_score(connection: Connection, dataset: Dataset, file_id: int) -> Score:
    """The score of one version of a file."""
    query = counts_query("file.file_id", "WHERE file.file_id = %(file_id)s")
    row = connection.execute(query.encode(), {"file_id": file_id}).fetchone()
    return _score(dataset, None if row is None else row[1])


def _score(dataset: Dataset, document: dict[str, Any] | None, arrivals: tuple[int, int] = (0, 0)) -> Score:
    counts = Counts() if document is None else Counts.from_document(document)
    return score_of(rules_of(dataset, counts, arrivals))


# -- references --------------------------------------------------------------------------------------------------------


def count_references(url: str, catalogue: Catalogue, *, at_once: bool = True) -> list[str]:
    """Counts the references of the datasets for which they may have changed; returns these datasets' names.

    Cost: reads the tables of these datasets and the keys of those that they refer to. Loads do not wait for it. Unless
    it is wanted `at_once`, a dataset whose count is long is left out for a while: counting takes a twentieth of the
    time at most.

    Raises:
        TransientError: the database went away; what was counted stays.
    """
    with transient_errors("counting references"), connect(url, application_name="logistics quality") as connection:
        return [
            dataset.name
            for dataset in catalogue.values()
            if dataset.references and _count_if_changed(connection, dataset, at_once)
        ]


def _count_if_changed(connection: Connection, dataset: Dataset, at_once: bool) -> bool:
    started = perf_counter()
    with connection.transaction():
        state = _accounts_state(connection, dataset)
        counted_state, is_due = _last_count(connection, dataset)
        if state == counted_state or not (at_once or is_due):
            return False
        _replace_counts(connection, dataset)
        if _accounts_state(connection, dataset) != state:
            state = ""  # something was committed meanwhile: they are counted again next time
        connection.execute(
            "UPDATE ingest.references_counted SET state = %s, counted_at = clock_timestamp(), seconds = %s "
            "WHERE dataset = %s",
            (state, perf_counter() - started, dataset.name),
        )
    return True


def _accounts_state(connection: Connection, dataset: Dataset) -> str:
    concerned = [dataset.name, *(reference.dataset for reference in dataset.references)]
    row = connection.execute(read_sql("describing/accounts_state").encode(), {"datasets": concerned}).fetchone()
    assert row is not None
    return f"{row[0]} {'; '.join(together(each.fields) for each in dataset.references)}"


SHORT_SECONDS = 0.5
"""A count that takes no longer is repeated at every change."""

REST = 20
"""After a longer one, as many times its own time passes before the next."""


def _last_count(connection: Connection, dataset: Dataset) -> tuple[str, bool]:
    """The state for which the references were counted last, and whether that is long ago, for what it takes.

    Whoever else counts them waits for this transaction.
    """
    row = connection.execute(
        "INSERT INTO ingest.references_counted AS counted (dataset, state) VALUES (%s, '') "
        "ON CONFLICT (dataset) DO UPDATE SET state = counted.state RETURNING state, seconds <= %s "
        "OR counted_at < clock_timestamp() - %s * seconds * interval '1 second'",
        (dataset.name, SHORT_SECONDS, REST),
    ).fetchone()
    assert row is not None
    return row[0], row[1]


def _replace_counts(connection: Connection, dataset: Dataset) -> None:
    connection.execute(
        "DELETE FROM ingest.reference_counts USING ingest.files "
        "WHERE files.file_id = reference_counts.file_id AND files.dataset = %s",
        (dataset.name,),
    )
    for reference in dataset.references:
        counted = sql.SQL(read_sql("describing/references")).format(
            table=sql.Identifier("raw", dataset.name),
            target=sql.Identifier("raw", reference.dataset),
            is_given=_joined(" AND ", "referring.{} IS NOT NULL", reference.fields),
            is_target=_joined(" AND ", "target.{} = referring.{}", reference.target_fields, reference.fields),
            found=sql.Identifier("target", reference.target_fields[0]),
        )
        connection.execute(
            sql.SQL("INSERT INTO ingest.reference_counts (file_id, field, asked, found) ")
            + sql.SQL("SELECT file_id, {}, asked, found FROM ({}) AS counted (file_id, asked, found)").format(
                sql.Literal(together(reference.fields)), counted
            )
        )


def _joined(separator: str, condition: str, *fields: tuple[str, ...]) -> sql.Composed:
    """A condition for each field, or for each pair of them."""
    conditions = (sql.SQL(condition).format(*map(sql.Identifier, names)) for names in zip(*fields, strict=True))
    return sql.SQL(separator).join(conditions)
