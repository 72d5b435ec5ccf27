"""Makes the files of pulls anew from the archive, without a request.

That is due after a change of the mapping, or for a database that has lost them. A file keeps its place in the ledger,
so that a mapping made again does not win over younger pulls: its rows are removed, and the same version is loaded
again. A pull that had landed no file, as its records were those of the pull before, may differ now: its records then
follow in the file of that pull, the place that they would have had.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

from psycopg import sql

from logistics_core.database_contract.file_states import FileState
from logistics_core.database_contract.pull_states import PullState
from logistics_pipeline import ledger
from logistics_pipeline.database.connections import Connection, connect, transient_errors
from logistics_pipeline.errors import ConfigurationError
from logistics_pipeline.files.folder import FoundFile, key_of
from logistics_pipeline.ledger import LedgerFile
from logistics_pipeline.loading.file_dataset import file_dataset
from logistics_pipeline.loading.file_lock import file_lock
from logistics_pipeline.loading.options import LoadOptions
from logistics_pipeline.loading.write.indexes import build_missing
from logistics_pipeline.loading.write.removal import remove_file_rows
from logistics_pipeline.sources.archive import Archive
from logistics_pipeline.sources.definitions.definition import Resource, RestSource
from logistics_pipeline.sources.landing.landing import Lander, Landing, file_of, written
from logistics_pipeline.sources.ledger.pulls import PageRow, Pull, fetch_pulls, pages_of, pull_by_id
from logistics_pipeline.sources.ledger.sidecars import read_sidecars, write_sidecar
from logistics_pipeline.sources.pulls.pull_store import update_pull
from logistics_pipeline.sources.pulls.pulling import PullOptions, hold_pulls, lander_of


@dataclass(frozen=True)
class Remapped:
    """What became of the file of one pull."""

    pull_id: int
    path: str | None
    """None: it has no record for the dataset, and no file."""
    is_changed: bool
    records_landed: int
    records_unmapped: int
    to_reload: tuple[str, ...] = ()
    """Files that had rows under the same keys, and have to be loaded again."""


def remap(url: str, source: RestSource, resource: str, options: PullOptions, load: LoadOptions) -> Iterator[Remapped]:
    """Makes the files of all pulls of a resource anew, the oldest first; yields one result for each pull.

    An interrupted call is completed by the next one.

    Raises:
        SourceFault: a page is not in the archive.
        PullBusyError: the resource is being pulled.
        ConfigurationError: it has no dataset, or another one than when it was pulled.
        TransientError: the database cannot be reached.
    """
    wanted = source.resource(resource)
    if wanted.dataset is None:
        raise ConfigurationError(f"{source.name}.{resource} has no dataset: there are no files to make.")
    with (
        transient_errors(f"mapping {source.name}.{resource} anew"),
        connect(url, application_name="logistics remap") as connection,
        hold_pulls(connection, source.name, resource),
    ):
        pulls = _done(connection, source.name, resource)
        _check_dataset(pulls, wanted)
        for holder, members in _groups(pulls):
            yield from _Remap(connection, source, wanted, options, load).run(holder, members)


def _done(connection: Connection, source: str, resource: str) -> list[Pull]:
    return fetch_pulls(
        connection,
        "WHERE source = %(source)s AND resource = %(resource)s AND state IN ('complete', 'unchanged') ORDER BY pull_id",
        {"source": source, "resource": resource},
    )


def _check_dataset(pulls: Sequence[Pull], resource: Resource) -> None:
    for pull in pulls:
        if pull.dataset != resource.dataset:
            raise ConfigurationError(
                f"Pull {pull.pull_id} of {resource.name} went to the dataset {pull.dataset or '(none)'}, and the "
                f"definition names {resource.dataset}. Give the resource another name for another dataset: its records "
                "are pulled anew then."
            )


def _groups(pulls: Sequence[Pull]) -> list[tuple[Pull, list[Pull]]]:
    """Each pull with a file, and those whose records belong to it: the ones after it, and before the first one."""
    groups: list[tuple[Pull, list[Pull]]] = []
    before: list[Pull] = []
    for pull in pulls:
        if pull.path is not None and _is_own(pull):
            groups.append((pull, [*before, pull]))
            before = []
        elif groups:
            groups[-1][1].append(pull)
        else:
            before.append(pull)
    return [*groups, (before[0], before)] if before else groups


def _is_own(pull: Pull) -> bool:
    """Whether the file that a pull names is its own, and not that of a pull before."""
    assert pull.path is not None
    return Path(pull.path).name.startswith(f"{pull.pull_id:010}.")


@dataclass
class _Remap:
    """Makes the files of one resource anew."""

    connection: Connection
    source: RestSource
    resource: Resource
    options: PullOptions
    load: LoadOptions

    def run(self, holder: Pull, members: Sequence[Pull]) -> Iterator[Remapped]:
        """Makes the file anew that holds the records of some pulls."""
        mapped = {pull.pull_id: self._mapped(pull) for pull in members}
        chosen = _chosen(members, {number: each.landing for number, each in mapped.items()})
        parts = [(mapped[pull.pull_id].lander, mapped[pull.pull_id].pages) for pull in chosen]
        target = file_of(self.options.raw_dir, holder)
        path = key_of(target, self.options.raw_dir)
        outcomes = [self._outcome(pull, mapped[pull.pull_id], path if pull in chosen else None) for pull in members]
        is_changed = bool(chosen) != target.exists() or any(
            pull.content_sha256 != mapped[pull.pull_id].landing.content_sha256 for pull in members
        )
        to_reload: tuple[str, ...] = ()
        if is_changed:
            with written(target, holder, parts) as unfinished:
                to_reload = self._put(path, holder, unfinished if chosen else None, target, outcomes)
        else:
            self._store(outcomes)
        for pull, values in outcomes:
            yield Remapped(
                pull.pull_id, values["path"], is_changed, values["records_landed"], values["records_unmapped"],
                to_reload if pull is holder else (),
            )  # fmt: skip

    def _mapped(self, pull: Pull) -> "_Mapped":
        lander = lander_of(self.connection, pull, self.resource, Archive(self.options.archive_dir))
        pages = pages_of(self.connection, pull.pull_id)
        return _Mapped(lander, pages, lander.write(pages))

    def _outcome(self, pull: Pull, mapped: "_Mapped", path: str | None) -> tuple[Pull, dict[str, Any]]:
        is_unchanged = path is None and mapped.landing.mapper.mapped > 0
        return pull, {
            **mapped.landing.outcome(self.resource),
            "state": PullState.UNCHANGED if is_unchanged else PullState.COMPLETE,
            "path": path,
            "remapped_at": datetime.now(UTC),
        }

    def _put(
        self, path: str, holder: Pull, unfinished: Path | None, target: Path, outcomes: "_Outcomes"
    ) -> tuple[str, ...]:
        """Puts the file in place, its rows removed and its entry in the ledger kept; returns what is to be reloaded.

        While the ledger changes there is no file to be found: whatever dies in between, no other version appears.
        """
        with file_lock(self.connection, path):
            file = ledger.latest_file(self.connection, path)
            target.unlink(missing_ok=True)
            with self.connection.transaction():
                if file is not None:
                    self._note_in_ledger(file, unfinished, target)
                self._store(outcomes)
            if unfinished is not None:
                unfinished.replace(target)
            if file is None:
                return ()
            if unfinished is not None and file.state is FileState.UNLOADED and holder.path is None:
                ledger.request_retry(self.connection, file.file_id)  # it was unloaded as it had no records
            build_missing(self.connection, file_dataset(self.load.catalogue, file))
            return tuple(each.path for each in ledger.older_files_to_reload(self.connection, file))

    def _note_in_ledger(self, file: LedgerFile, unfinished: Path | None, target: Path) -> None:
        state = FileState.UNLOADED if unfinished is None else FileState.REGISTERED
        if file.state not in (FileState.UNLOADED, FileState.REGISTERED):
            remove_file_rows(self.connection, file, file_dataset(self.load.catalogue, file), state=state)
        if unfinished is not None:
            status = unfinished.stat()
            found = FoundFile(file.path, target, file.dataset, status.st_size, status.st_mtime_ns)
            ledger.note_new_content(self.connection, file, found)

    def _store(self, outcomes: "_Outcomes") -> None:
        for pull, values in outcomes:
            update_pull(self.connection, pull.pull_id, values)
            now = pull_by_id(self.connection, pull.pull_id)
            pages = pages_of(self.connection, pull.pull_id)
            write_sidecar(self.options.archive_dir, now, self.source.document, pages)


_Outcomes: TypeAlias = Sequence[tuple[Pull, dict[str, Any]]]


@dataclass(frozen=True)
class _Mapped:
    lander: Lander
    pages: Sequence[PageRow]
    landing: Landing


def _chosen(members: Sequence[Pull], landings: Mapping[int, Landing]) -> list[Pull]:
    """The pulls whose records go into the file: not those that say what the one before says."""
    chosen: list[Pull] = []
    for pull in members:
        landing = landings[pull.pull_id]
        last = landings[chosen[-1].pull_id].content_sha256 if chosen else None
        if landing.mapper.mapped and landing.content_sha256 != last:
            chosen.append(pull)
    return chosen


def restore_pulls(connection: Connection, archive_dir: Path) -> int:
    """Notes the pulls of the archive that the database does not know; returns how many. `remap` makes their files.

    The archive alone is enough: what a pull consists of stands beside its pages.
    """
    known = {row[0] for row in connection.execute("SELECT pull_id FROM source.pulls").fetchall()}
    restored = 0
    for pull, pages in read_sidecars(archive_dir):
        if pull["pull_id"] in known:
            continue
        with connection.transaction():
            _insert(connection, "pulls", [{**pull, "unmapped": _json(pull["unmapped"])}])
            _insert(connection, "pages", [
                {**page, "headers": _json(page["headers"]), "next": _json(page["next"])} for page in pages
            ])  # fmt: skip
        restored += 1
    if restored:
        connection.execute(
            "SELECT setval(pg_get_serial_sequence('source.pulls', 'pull_id'), (SELECT max(pull_id) FROM source.pulls))"
        )
    return restored


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value)


def _insert(connection: Connection, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
    if not rows:
        return
    statement = sql.SQL("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE VALUES ({})").format(
        sql.Identifier("source", table),
        sql.SQL(", ").join(map(sql.Identifier, rows[0])),
        sql.SQL(", ").join(map(sql.Placeholder, rows[0])),
    )
    with connection.cursor() as cursor:
        cursor.executemany(statement, rows)
