"""Tries a definition: what is wrong with it before the first page, and what its first page gives for the dataset.

Asks each resource once. Keeps nothing: the page goes to a temporary archive, and what a load would make of its records
is found by the parsers of the loader.
"""

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Any

from logistics_core.catalogue import Catalogue
from logistics_core.catalogue.contract_shapes import suggestion
from logistics_core.places.secrets import Secret
from logistics_core.settings import Settings
from logistics_pipeline.contracts.dry_run import dry_run
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.errors import ConfigurationError
from logistics_pipeline.sources.archive import Archive
from logistics_pipeline.sources.authentication import Authenticator
from logistics_pipeline.sources.client import Client, Response
from logistics_pipeline.sources.definition import Authentication, Mode, Resource, RestSource
from logistics_pipeline.sources.faults import SourceFault
from logistics_pipeline.sources.http_requests import first_request
from logistics_pipeline.sources.landing import key_text
from logistics_pipeline.sources.mapping import Mapper
from logistics_pipeline.sources.page_content import PageContent, PageReader
from logistics_pipeline.sources.pagination import FIRST, Page, next_token, with_token
from logistics_pipeline.sources.parents import value_of
from logistics_pipeline.sources.paths import MISSING, path_text, value_at
from logistics_pipeline.sources.rate_limits import RateLimit
from logistics_pipeline.sources.retries import Sender
from logistics_pipeline.sources.secrets import Redactor, secret_value
from logistics_pipeline.sources.windows import Window, names_end, with_window

MOST_SAMPLES = 3


@dataclass
class ResourceCheck:
    """What is known about one resource."""

    resource: str
    url: str = ""
    """What was asked, without secrets."""
    records: int | None = None
    """Of the first page; None if there is none."""
    total: int | None = None
    next: Mapping[str, Any] | None = None
    """How the next page would be asked for."""
    samples: list[Mapping[str, Any]] = field(default_factory=list)
    """Mapped records."""
    unmapped: Mapping[str, int] = field(default_factory=dict)
    load: Mapping[str, Any] | None = None
    """What a load would make of the records."""
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        """Whether it can be pulled as it is."""
        return not self.problems


def check_source(
    connection: Connection, source: RestSource, catalogue: Catalogue, settings: Settings, only: str | None = None
) -> Iterator[ResourceCheck]:
    """Checks each resource of a source, or one; yields what was found."""
    redactor = Redactor()
    with tempfile.TemporaryDirectory(prefix="logistics-check-") as folder:
        checker = _Checker(connection, source, catalogue, settings, Path(folder), redactor)
        missing = list(_missing_secrets(source))
        for resource in source.resources:
            if only is not None and resource.name != only:
                continue
            check = ResourceCheck(resource.name, problems=list(missing))
            check.problems += _wrong_fields(resource, catalogue)
            if _is_new(resource, catalogue):
                check.notes.append(
                    f"There is no dataset {resource.dataset} yet: its contract is proposed when the first pull has "
                    "landed."
                )
            if not missing:
                checker.ask(resource, check)
            yield check


def _missing_secrets(source: RestSource) -> Iterator[str]:
    for secret in _secrets_in((source.authentication, source.headers, source.proxy, source.resources)):
        try:
            secret_value(secret)
        except ConfigurationError as error:
            yield str(error)


def _secrets_in(value: Any) -> Iterator[Secret]:
    if isinstance(value, Secret):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _secrets_in(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _secrets_in(each)
    elif isinstance(value, Authentication | Resource):
        yield from _secrets_in(list(vars(value).values()))


def _is_new(resource: Resource, catalogue: Catalogue) -> bool:
    """Whether its records begin a dataset: no name of another one is near."""
    name = resource.dataset
    return name is not None and name not in catalogue and not suggestion(name, catalogue)


def _wrong_fields(resource: Resource, catalogue: Catalogue) -> Iterator[str]:
    """What the contract of the dataset says against the mapping."""
    if resource.dataset is None:
        return
    if resource.dataset not in catalogue:
        if meant := suggestion(resource.dataset, catalogue):
            yield (
                f"There is no dataset {resource.dataset}.{meant} If it is meant to be new, accept a contract of it "
                "first."
            )
        return
    dataset = catalogue[resource.dataset]
    if resource.fields is None:
        return
    known = [each.name for each in dataset.fields]
    mapped = {each.name for each in resource.fields}
    for name in sorted(mapped - set(known)):
        yield (
            f"fields.{name}: the dataset {dataset.name} has no field {name}, so its values are not stored."
            f"{suggestion(name, known)}"
        )
    for each in dataset.fields:
        if (each.required or each.name in dataset.key) and each.name not in mapped:
            yield f"fields: the dataset {dataset.name} needs {each.name}, and nothing is mapped to it. Add it."


@dataclass
class _Checker:
    connection: Connection
    source: RestSource
    catalogue: Catalogue
    settings: Settings
    folder: Path
    redactor: Redactor
    _pages: dict[str, PageContent] = field(default_factory=dict)

    def ask(self, resource: Resource, check: ResourceCheck) -> None:
        """Reads the first page of a resource."""
        try:
            content = self._first_page(resource, check)
            if content is not None:
                self._judge(resource, content, check)
        except SourceFault as fault:
            check.problems.append(self.redactor.clean(str(fault)))
        except ConfigurationError as error:
            check.problems.append(str(error))

    def _first_page(self, resource: Resource, check: ResourceCheck) -> PageContent | None:
        parent = None
        if resource.parent is not None:
            parent = self._parent(resource, check)
            if parent is None:
                return None
        archive = Archive(self.folder)
        reader = PageReader(resource, archive)

        def read(response: Response) -> PageContent:
            if response.status == 204 or response.status in resource.nothing:
                return PageContent()
            return reader.read(response.body.sha256, response.body.content, response.headers, response.url)

        request = first_request(self.source, resource, parent)
        if resource.incremental is not None and not resource.incremental.keeps_cursor:
            end = datetime.now(UTC) + timedelta(days=1) if names_end(resource) else None
            request = with_window(resource.incremental, request, Window(resource.incremental.start, end))
        with self._sender(archive) as sender:
            response, content = sender.send(with_token(resource.pagination, request, FIRST), read, resource.nothing)
        check.url, check.records, check.total = response.url, content.records, content.total
        page = Page(response.url, response.headers, content)
        check.next = next_token(self.source, resource.pagination, FIRST, page)
        self._pages[resource.name] = content
        if response.server_time is None:
            check.notes.append("The source does not tell its time (header Date): windows end by our clock.")
        return content

    @contextmanager
    def _sender(self, archive: Archive) -> Iterator[Sender]:
        with Client(self.source, archive, self.redactor) as client:
            limit = RateLimit(self.source, self.connection, Lock())
            yield Sender(client, Authenticator(self.source.authentication, client), limit)

    def _parent(self, resource: Resource, check: ResourceCheck) -> str | None:
        assert resource.parent is not None
        parent = self.source.resource(resource.parent.resource)
        if parent.name not in self._pages:
            self.ask(parent, own := ResourceCheck(parent.name))
            if own.problems:
                check.problems.append(f"Its parent {parent.name} cannot be read: {own.problems[0]}")
                return None
        content = self._pages.get(parent.name)
        if content is None or content.last_record is None:
            check.problems.append(
                f"Its parent {parent.name} has no records on its first page: there is nothing to ask."
            )
            return None
        first = (content.items or (content.last_record,))[0]
        return value_of(first, resource.parent.field, parent)

    def _judge(self, resource: Resource, content: PageContent, check: ResourceCheck) -> None:
        items = content.items or ()
        if not items:
            check.notes.append("The first page has no records: mapping and paths could not be tried.")
            return
        check.problems += _missing_paths(resource, items)
        if not (
            resource.pagination.is_stable or resource.pagination.overlap or resource.total or resource.total_header
        ):
            check.notes.append(
                "Pages are counted: a record that goes while they are read makes the next one be left out, and nothing "
                "shows it. Add `total`, or `overlap` for offsets, or another pagination."
            )
        if resource.mode is Mode.SNAPSHOT:
            key_text(items[0], resource)
        mapper = Mapper(resource)
        parent = "parent" if resource.parent is not None else None
        lines = [line for each in items if (line := mapper.line(each, parent)) is not None]
        check.samples = [json.loads(line) for line in lines[:MOST_SAMPLES]]
        check.unmapped = dict(mapper.unmapped)
        if resource.dataset in self.catalogue and lines:
            self._dry_run(resource, lines, check)

    def _dry_run(self, resource: Resource, lines: Sequence[bytes], check: ResourceCheck) -> None:
        assert resource.dataset is not None
        path = self.folder / f"{resource.name}.ndjson"
        path.write_bytes(b"\n".join(lines) + b"\n")
        found = dry_run(path, self.catalogue[resource.dataset], list(self.catalogue), self.settings)
        check.load = found.to_json()
        if found.error is not None:
            check.problems.append(found.error)
        elif found.rejected:
            reasons = "; ".join(found.most_frequent_reasons())
            check.problems.append(f"{found.rejected:,} of {found.read:,} records would be rejected: {reasons}.")
        if found.unknown_fields:
            names = ", ".join(sorted(found.unknown_fields)[:10])
            kept = "kept in the column `extras`" if self.catalogue[resource.dataset].has_extras else "left out"
            check.notes.append(f"The dataset {resource.dataset} has no field for {names}: values are {kept}.")


def _missing_paths(resource: Resource, items: Sequence[Any]) -> Iterator[str]:
    """Paths that no record of the page has."""
    paths = {f"fields.{each.name}": each.path for each in resource.fields or () if each.is_path}
    if resource.incremental is not None and resource.incremental.field:
        paths["incremental.field"] = resource.incremental.field
    paths |= {f"key[{number}]": path for number, path in enumerate(resource.key)}
    known = [str(name) for name in items[0]] if isinstance(items[0], dict) else []
    for name, path in paths.items():
        if all(value_at(record, path) is MISSING for record in items):
            meant = suggestion(str(path[0]), known) if path else ""
            yield f"{name}: no record of the first page has anything at {path_text(path)}.{meant}"
