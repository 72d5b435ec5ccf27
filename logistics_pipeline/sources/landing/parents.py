"""The parents that a child resource is asked about: values of a field in the archived pages of another resource."""

from logistics_pipeline.database.connections import Connection
from logistics_pipeline.sources.archive import Archive
from logistics_pipeline.sources.definitions.definition import Mode, Resource
from logistics_pipeline.sources.definitions.paths import MISSING, ValuePath, path_text, value_at
from logistics_pipeline.sources.faults import FaultKind, SourceFault
from logistics_pipeline.sources.landing.landing import LARGE_PAGE_BYTES
from logistics_pipeline.sources.ledger.pulls import Pull, fetch_pulls, pages_of, pull_by_id
from logistics_pipeline.sources.pages.page_content import PageReader


def parent_values(
    connection: Connection, archive: Archive, parent: Resource, field: ValuePath, newest: int
) -> list[str]:
    """Each value once, in the order of the pages: of the newest pull if that has all records, else of all up to it.

    Raises:
        SourceFault: a record has no such value.
    """
    found: dict[str, None] = {}
    reader = PageReader(parent, archive)
    for pull in _pulls(connection, parent, pull_by_id(connection, newest)):
        for page in pages_of(connection, pull.pull_id):
            if not page.records:
                continue
            for record in reader.records(page.sha256, page.headers, page.bytes, LARGE_PAGE_BYTES):
                found[value_of(record, field, parent)] = None
    return list(found)


def _pulls(connection: Connection, parent: Resource, newest: Pull) -> list[Pull]:
    if parent.mode is Mode.SNAPSHOT or parent.incremental is None:
        return [newest]
    return fetch_pulls(
        connection,
        "WHERE source = %(source)s AND resource = %(resource)s AND state IN ('complete', 'unchanged') "
        "AND pull_id <= %(newest)s ORDER BY pull_id",
        {"source": newest.source, "resource": newest.resource, "newest": newest.pull_id},
    )


def value_of(record: object, field: ValuePath, parent: Resource) -> str:
    """What a record of the parent is asked about by.

    Raises:
        SourceFault: it has no such value.
    """
    value = value_at(record, field)
    if value is MISSING or value is None or isinstance(value, dict | list | bool) or "\0" in str(value):
        raise SourceFault(
            FaultKind.MAPPING,
            f"A record of {parent.name} has no single value at {path_text(field)}, by which others are asked for.",
            "Correct `parent.field` of the definition.",
        )
    return str(value)
