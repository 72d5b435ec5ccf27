"""What can be said of the newest pulls of resources: whether pages are balanced, records recent, all as expected.

Dagster shows it as asset checks (`orchestration.assets.pull_checks`).
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from psycopg.rows import class_row

from logistics_core.sql_files import read_sql
from logistics_core.time_lengths import length_text
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.sources.definition import Resource, RestSource


class PullCheck(StrEnum):
    """What is checked about a resource."""

    PAGE_BALANCE = "page_balance"
    AGE_OF_DATA = "age_of_data"
    AS_EXPECTED = "as_expected"


DESCRIPTIONS = {
    PullCheck.PAGE_BALANCE: "Every record in the pages of the newest complete pull is in its file, or counted as not "
    "mapped.",
    PullCheck.AGE_OF_DATA: "The newest record is not older than `expect.maxAge` of the definition.",
    PullCheck.AS_EXPECTED: "The newest complete pull has no warning: enough records, all expected fields, pages that "
    "did not shift.",
}


@dataclass(frozen=True)
class PullFinding:
    """What a check has found about a resource."""

    source: str
    resource: str
    check: PullCheck
    passed: bool
    sentence: str
    is_error: bool = False
    """Otherwise a finding that has not passed is a warning."""


@dataclass(frozen=True)
class _Done:
    """A row of `sql/checks/pulls.sql`."""

    source: str
    resource: str
    pull_id: int
    of_pages: int
    records: int
    records_landed: int | None
    records_unmapped: int | None
    warnings: list[str]
    newest_record_at: datetime | None


def checks_of(resource: Resource) -> list[PullCheck]:
    """The checks that make sense for a resource."""
    has_age = resource.expect.max_age is not None
    return [PullCheck.PAGE_BALANCE, *([PullCheck.AGE_OF_DATA] if has_age else []), PullCheck.AS_EXPECTED]


def examine_pulls(
    connection: Connection, sources: Iterable[RestSource], wanted: Collection[tuple[str, str, str]]
) -> list[PullFinding]:
    """The findings of the wanted checks, by source, resource and name; what was never pulled has none."""
    resources = {(source.name, each.name): each for source in sources for each in source.resources}
    names = [name for name in resources if any(name == (source, resource) for source, resource, _ in wanted)]
    found = _newest(connection, names)
    now = datetime.now(UTC)
    return [
        finding
        for done in found
        for finding in _findings(resources[done.source, done.resource], done, now)
        if (finding.source, finding.resource, finding.check) in wanted
    ]


def _newest(connection: Connection, names: list[tuple[str, str]]) -> list[_Done]:
    parameters = {"sources": [source for source, _ in names], "resources": [resource for _, resource in names]}
    with connection.cursor(row_factory=class_row(_Done)) as cursor:
        return cursor.execute(read_sql("checks/pulls").encode(), parameters).fetchall()


def _findings(resource: Resource, done: _Done, now: datetime) -> Iterator[PullFinding]:
    yield _balance(resource, done)
    if resource.expect.max_age is not None:
        yield _age(resource, done, now)
    passed = not done.warnings
    sentence = f"Pull {done.pull_id} has no warning." if passed else " ".join(done.warnings)
    yield PullFinding(done.source, done.resource, PullCheck.AS_EXPECTED, passed, sentence)


def _balance(resource: Resource, done: _Done) -> PullFinding:
    counted = f"Pull {done.pull_id}: {done.of_pages:,} records in its pages"
    if resource.dataset is None or done.records_landed is None or done.records_unmapped is None:
        passed, sentence = done.of_pages == done.records, f"{counted}, {done.records:,} in the pull."
    else:
        passed = done.of_pages == done.records == done.records_landed + done.records_unmapped
        sentence = f"{counted}, {done.records_landed:,} in its file and {done.records_unmapped:,} not mapped."
    return PullFinding(done.source, done.resource, PullCheck.PAGE_BALANCE, passed, sentence, is_error=True)


def _age(resource: Resource, done: _Done, now: datetime) -> PullFinding:
    longest, newest = resource.expect.max_age, done.newest_record_at
    assert longest is not None
    if newest is None:
        passed, sentence = (
            False,
            "No record has a time, so its age is not known: name the field in `incremental.field`.",
        )
    else:
        passed = now - newest <= longest
        sentence = f"The newest record is of {newest:%Y-%m-%d %H:%M:%S} UTC; it may be {length_text(longest)} old."
    return PullFinding(done.source, done.resource, PullCheck.AGE_OF_DATA, passed, sentence)
