"""A source under test: an API that is served, its definition, and a data folder and database to pull into."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from logistics_core.zstd import decompress
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.sources.definitions.definition import RestSource
from logistics_pipeline.sources.definitions.reading import parse_definition
from logistics_pipeline.sources.ledger.pulls import PullReport
from logistics_pipeline.sources.pulls.pulling import PullOptions, PullRequest, pull
from tests.sources.server import Fleet
from tests.sources.site import Site

PAGINATIONS = {
    "linkHeader": ("/link", "{type: linkHeader}"),
    "nextUrl": ("/nexturl", "{type: nextUrl, next: next}"),
    "cursor": ("/cursor", "{type: cursor, parameter: cursor, next: next}"),
    "cursor in a header": ("/cursor", "{type: cursor, parameter: X-Cursor, in: header, nextHeader: X-Next}"),
    "offset": ("/offset", "{type: offset, parameter: offset, sizeParameter: limit, size: 10}"),
    "offset with overlap": ("/offset", "{type: offset, parameter: offset, sizeParameter: limit, size: 10, overlap: 2}"),
    "page": ("/page", "{type: page, parameter: page, sizeParameter: limit, size: 10, pages: pages}"),
    "page until it is empty": ("/page", "{type: page, parameter: page, sizeParameter: limit, size: 10}"),
    "keyset": ("/keyset", "{type: keyset, parameter: after, key: id, sizeParameter: limit, size: 10, ends: short}"),
    "none": ("/all", "{type: none}"),
}
"""Path and pagination of each way through the records of `Fleet`."""


@dataclass
class SourceUnderTest:
    """A source, and where it is pulled to."""

    url: str
    folder: Path
    fleet: Fleet
    top: str = "retries: {attempts: 3}\n"
    """Further keys of the definition."""
    definition: str = ""
    name: str = "fleet"
    pulls: list[PullReport] = field(default_factory=list)

    @property
    def options(self) -> PullOptions:
        return PullOptions(self.folder / "raw", self.folder / "archive")

    def define(self, resources: str, top: str | None = None) -> RestSource:
        """Sets the resources, as YAML."""
        head = f"kind: rest\nbaseUrl: {self.fleet.url}\nprivate: true\n{self.top if top is None else top}"
        self.definition = f"{head}resources:\n{resources}"
        return self.source

    def define_trips(self, pagination: str = "cursor", more: str = "", top: str | None = None) -> RestSource:
        """Defines the resource `trips` of the dataset `trips`, read by one of `PAGINATIONS`."""
        path, how = PAGINATIONS[pagination]
        return self.define(
            f"  - name: trips\n    dataset: trips\n    path: {path}\n    records: items\n    pagination: {how}\n"
            f"    key: [id]\n{more}",
            top,
        )

    @property
    def source(self) -> RestSource:
        found = parse_definition(self.definition, self.name, f"{self.name}.yaml")
        assert isinstance(found, RestSource)
        return found

    def pull(self, resource: str = "trips", **request: Any) -> PullReport:
        report = pull(self.url, self.source, resource, self.options, PullRequest(**request))
        self.pulls.append(report)
        return report

    def landed(self, dataset: str = "trips") -> list[dict[str, Any]]:
        """All records in the raw folder, in the order of the files."""
        files = sorted((self.options.raw_dir / dataset).rglob("*.ndjson.zst"), key=lambda path: path.name)
        return [record for path in files for record in records_of(path)]

    def rows(self, key: str = "id", dataset: str = "trips") -> dict[Any, dict[str, Any]]:
        """What a dataset with that key would hold: the last record of each."""
        return {record[key]: record for record in self.landed(dataset)}


def records_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in decompress(path.read_bytes()).splitlines()]


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    with Fleet().served() as served:
        yield served


@pytest.fixture
def source(database_url: str, tmp_path: Path, fleet: Fleet) -> SourceUnderTest:
    return SourceUnderTest(database_url, tmp_path / "data", fleet)


@pytest.fixture
def site(database_url: str, tmp_path: Path) -> Site:
    """One with the contracts of the examples."""
    made = Site(database_url, tmp_path)
    made.options.raw_dir.mkdir(parents=True)
    return made


def assert_balanced(connection: Connection) -> None:
    """Nothing is lost between pages and files, in any pull."""
    rows = connection.execute(
        "SELECT pull_id, records, records_landed, records_unmapped, "
        "(SELECT coalesce(sum(records), 0) FROM source.pages WHERE pages.pull_id = pulls.pull_id) "
        "FROM source.pulls WHERE state IN ('complete', 'unchanged') AND dataset IS NOT NULL"
    ).fetchall()
    for pull_id, records, landed, unmapped, of_pages in rows:
        assert records == landed + unmapped == of_pages, pull_id


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
