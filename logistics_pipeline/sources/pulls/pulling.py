"""Runs a pull: asks a source for a resource page by page, archives each page, and lands one file at the end.

A pull consists of parts: one walk through pages per window and parent. Each page is committed with the request of the
next one, so that a pull that was killed, failed or paused goes on there; a walk by offset or page number begins anew.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from threading import Event, Lock
from time import monotonic
from typing import Any

from logistics_core.database_contract.locks import ARCHIVE_LOCK, pull_lock
from logistics_core.database_contract.pull_states import PullState
from logistics_core.settings import Settings
from logistics_core.time_lengths import length_text
from logistics_pipeline.database.connections import (
    Connection,
    connect,
    free_advisory_lock,
    shared_advisory_lock,
    transient_errors,
)
from logistics_pipeline.errors import (
    DISK_FULL_ERRNOS,
    ConfigurationError,
    PipelineError,
    TransientError,
    disk_full_sentence,
)
from logistics_pipeline.files.folder import key_of
from logistics_pipeline.sources.archive import Archive
from logistics_pipeline.sources.definitions.definition import Mode, Resource, RestSource
from logistics_pipeline.sources.definitions.paths import MISSING
from logistics_pipeline.sources.definitions.secrets import Redactor
from logistics_pipeline.sources.faults import FaultKind, PassingFault, PausedPull, SourceFault
from logistics_pipeline.sources.landing.landing import Lander, Landing, file_of, written
from logistics_pipeline.sources.landing.parents import parent_values
from logistics_pipeline.sources.ledger.pulls import (
    PageRow,
    Pull,
    PullReport,
    last_done,
    last_landed,
    overlapping_pulls,
    pages_of,
    pull_by_id,
)
from logistics_pipeline.sources.ledger.sidecars import write_sidecar
from logistics_pipeline.sources.pages.page_content import PageContent, PageReader
from logistics_pipeline.sources.pages.pagination import FIRST, Page, Token, next_token, with_token
from logistics_pipeline.sources.pulls.pull_store import (
    STALE,
    Checkpoint,
    PullStore,
    abandon,
    begin_pull,
    go_on,
    note_snapshot,
    number_records,
    open_pulls,
    update_pull,
)
from logistics_pipeline.sources.pulls.walks import Walk
from logistics_pipeline.sources.pulls.windows import Window, names_end, next_start, split, with_window
from logistics_pipeline.sources.requests.authentication import Authenticator
from logistics_pipeline.sources.requests.client import Client, Response
from logistics_pipeline.sources.requests.http_requests import Request, first_request
from logistics_pipeline.sources.requests.rate_limits import RateLimit
from logistics_pipeline.sources.requests.retries import Sender

WALK_ATTEMPTS = 4
"""How often a walk whose pages shift is begun."""
_CLOCK_MARGIN = timedelta(minutes=5)
"""How far our clock may be off, where the source does not tell its own."""


@dataclass(frozen=True)
class PullOptions:
    """Where pulls put what they read."""

    raw_dir: Path
    archive_dir: Path

    @classmethod
    def of(cls, settings: Settings) -> "PullOptions":
        """The folders that the settings give."""
        return cls(settings.raw_dir, settings.archive_dir)


@dataclass(frozen=True)
class PullRequest:
    """What is asked of a pull beyond the definition."""

    since: datetime | None = None
    """Begin here instead of where the last pull ended."""
    until: datetime | None = None
    is_backfill: bool = False
    """It fills a gap: the next pull begins where it would have begun without."""
    run_id: str | None = None
    """The Dagster run."""


class PullBusyError(PipelineError):
    """Another process pulls the same resource at this moment."""


OnPage = Callable[[int, int], None]
"""Called with the numbers of pages and records so far."""


def pull(
    url: str,
    source: RestSource,
    resource: str,
    options: PullOptions,
    request: PullRequest | None = None,
    on_page: OnPage | None = None,
) -> PullReport:
    """Pulls one resource into the raw folder; goes on with the pull that an earlier run has left open.

    What the source does wrong is in the report: its pull has the state `failed` or `paused`, and the next call goes on
    at the page where this one ended. `url` is that of the database.

    Raises:
        TransientError: the database cannot be reached, or the disk is full.
        PullBusyError: another process pulls the same resource.
        PipelineError: the request leaves a gap.
    """
    wanted = source.resource(resource)
    request = request or PullRequest()
    with (
        transient_errors(f"pulling {source.name}.{resource}"),
        connect(url, application_name="logistics pull") as connection,
        hold_pulls(connection, source.name, resource),
    ):
        connection.execute("SET synchronous_commit = off")
        begun, was_resumed = _begin(connection, source, wanted, request)
        run = _Run(source, wanted, options, PullStore(connection, begun), on_page or (lambda pages, records: None))
        file = run.run()
        return PullReport(pull_by_id(connection, begun.pull_id), file, was_resumed)


@contextmanager
def hold_pulls(connection: Connection, source: str, resource: str) -> Iterator[None]:
    """Keeps other processes from pulling a resource while the block runs.

    Raises:
        PullBusyError: one of them does.
    """
    with free_advisory_lock(connection, pull_lock(source, resource)) as is_free:
        if not is_free:
            raise PullBusyError(f"{source}.{resource} is being pulled at this moment by another process.")
        with shared_advisory_lock(connection, ARCHIVE_LOCK):
            yield


# -- beginning -------------------------------------------------------------------------------------------------------


def requests_digest(source: RestSource, resource: Resource) -> str:
    """What requests are made of: a pull goes on only where this is the same."""
    parts = (source.base_url, source.headers, resource.path, resource.method, resource.parameters, resource.headers,
             resource.body, resource.body_format, resource.format, resource.records, resource.pagination,
             resource.incremental, resource.mode, resource.parent)  # fmt: skip
    return sha256(repr(parts).encode()).hexdigest()


def _begin(connection: Connection, source: RestSource, resource: Resource, request: PullRequest) -> tuple[Pull, bool]:
    """The pull to run: one that was left open, or a new one."""
    digest = requests_digest(source, resource)
    last = last_done(connection, source.name, resource.name)
    start = _start(resource, last, request)
    chosen = None
    for each in open_pulls(connection, source.name, resource.name, is_backfill=request.is_backfill):
        if chosen is None and _goes_on(each, digest, request, start):
            chosen = each
        elif not request.is_backfill or chosen is not None or each.window_start == request.since:
            abandon(connection, each)
    if chosen is not None:
        if chosen.parent_pull_id is None and (parent := _parent_pull(connection, source, resource)) is not None:
            update_pull(connection, chosen.pull_id, {"parent_pull_id": parent})
        return go_on(connection, chosen, request.run_id), True
    incremental = resource.incremental
    values = {
        "source": source.name, "resource": resource.name, "dataset": resource.dataset, "mode": str(resource.mode),
        "is_backfill": request.is_backfill, "definition_sha256": source.sha256, "request_sha256": digest,
        "window_start": start, "window_end": request.until, "run_id": request.run_id,
        "start_cursor": last.end_cursor if last and incremental and incremental.keeps_cursor else None,
        "parent_pull_id": _parent_pull(connection, source, resource),
    }  # fmt: skip
    return begin_pull(connection, values), False


def _start(resource: Resource, last: Pull | None, request: PullRequest) -> datetime | None:
    """Where the window begins.

    Raises:
        PipelineError: there would be a gap after the last pull, or there are no windows.
    """
    incremental = resource.incremental
    if incremental is None or incremental.keeps_cursor:
        if request.since is not None or request.until is not None:
            raise ConfigurationError(
                f"{resource.name} has no windows: every pull reads "
                f"{'what is new in its feed' if incremental else 'all records'}. Leave out the times."
            )
        return None
    if request.until is not None and not names_end(resource):
        raise ConfigurationError(
            f"{resource.name} sends no end of a window, so --until would change nothing: the source returns all "
            "records since its beginning. Leave out --until, or say in `incremental.until` what carries the end."
        )
    due = next_start(incremental, last.window_end if last else None)
    if request.since is None:
        return due
    if not request.is_backfill and last is not None and due is not None and request.since > due:
        raise ConfigurationError(
            f"Nothing was pulled: beginning at {request.since:%Y-%m-%d %H:%M:%S} would leave a gap, as the last pull "
            f"of {resource.name} covers the time until {due:%Y-%m-%d %H:%M:%S} UTC. Leave out --since, or use "
            "`logistics sources backfill` for a time of its own."
        )
    return request.since


def _goes_on(each: Pull, digest: str, request: PullRequest, start: datetime | None) -> bool:
    """Whether an open pull reads what is asked for."""
    if each.request_sha256 != digest:
        return False
    if request.is_backfill:
        return each.window_start == request.since and each.window_end == request.until
    if request.since is not None and each.window_start != request.since:
        return False
    is_of_now = (each.window_start is None and each.window_end is None) or each.mode == Mode.SNAPSHOT
    return not is_of_now or datetime.now(UTC) - each.heard_at < STALE


def _parent_pull(connection: Connection, source: RestSource, resource: Resource) -> int | None:
    if resource.parent is None:
        return None
    parent = last_done(connection, source.name, resource.parent.resource)
    return None if parent is None else parent.pull_id


# -- parts -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Part:
    number: int
    parent: str | None
    window: Window


@dataclass
class _Run:
    """One attempt of a pull."""

    source: RestSource
    resource: Resource
    options: PullOptions
    store: PullStore
    on_page: OnPage
    archive: Archive = field(init=False)
    reader: PageReader = field(init=False)
    redactor: Redactor = field(default_factory=Redactor)
    warnings: dict[str, None] = field(default_factory=dict)
    stopped: Event = field(default_factory=Event)
    _began: float = field(default_factory=monotonic)
    _pages: int = 0
    _records: int = 0
    _expected: int | None = None
    _end_cursor: str | None = None
    _lock: Lock = field(default_factory=Lock)
    _sender: Sender | None = None
    _before: Pull = field(init=False)
    """The pull as the attempts before have left it."""

    def __post_init__(self) -> None:
        self._before = self.store.pull
        self.archive = Archive(self.options.archive_dir)
        self.reader = PageReader(self.resource, self.archive, needs_items=False)
        if self.source.tls.unverified is not None:
            self.warnings[f"The certificate of the server is not checked: {self.source.tls.unverified}"] = None

    def run(self) -> Path | None:
        """Reads what is left to read, and lands the file; what goes wrong is stored with the pull."""
        try:
            try:
                self._read()
            finally:
                self.store.flush()
            return self._land()
        except PausedPull as fault:
            self._end(PullState.PAUSED, fault, paused_until=fault.until)
        except SourceFault as fault:
            self._end(PullState.FAILED, fault)
        except ConfigurationError as error:
            self._end(PullState.FAILED, SourceFault(FaultKind.CONFIGURATION, str(error)))
        except OSError as error:
            if error.errno not in DISK_FULL_ERRNOS:
                raise
            raise TransientError(disk_full_sentence(error)) from error
        return None

    def _read(self) -> None:
        with ExitStack() as stack:
            client = stack.enter_context(Client(self.source, self.archive, self.redactor))
            limit = RateLimit(self.source, self.store.connection, self.store.lock, sleep=self._sleep)
            self._sender = Sender(client, Authenticator(self.source.authentication, client), limit, sleep=self._sleep)
            self._read_parts()

    def _sleep(self, seconds: float) -> None:
        if self.stopped.wait(seconds):
            raise _Stopped

    def _read_parts(self) -> None:
        pull = self.store.pull
        done = self.store.checkpoints()
        self._pages, self._records, _ = self.store.totals()
        end = pull.window_end or self._tentative_end()
        parts = self._parts(self._windows(Window(pull.window_start, end)))
        if self.resource.parent is None or self.source.limits.concurrent == 1:
            for part in parts:
                self._read_part(part, done.get(part.number))
        else:
            self._read_together(parts, done)

    def _tentative_end(self) -> datetime | None:
        """The end that requests name, by our clock: what is stored is not later than the clock of the server."""
        incremental = self.resource.incremental
        if incremental is None or not names_end(self.resource):
            return None
        now, start = datetime.now(UTC).replace(microsecond=0), self.store.pull.window_start
        return now if start is None or now > start else start + incremental.lookback + timedelta(seconds=1)

    def _windows(self, whole: Window) -> Sequence[Window]:
        incremental = self.resource.incremental
        return [Window()] if incremental is None else split(whole, incremental.step)

    def _parts(self, windows: Sequence[Window]) -> Iterator[_Part]:
        """Numbered so that another end of the last window changes no number."""
        parents = self._parents()
        for number, window in enumerate(windows):
            for place, parent in enumerate(parents):
                yield _Part(number * len(parents) + place, parent, window)

    def _parents(self) -> Sequence[str | None]:
        if self.resource.parent is None:
            return [None]
        if self.store.pull.parent_pull_id is None:
            raise SourceFault(
                FaultKind.CONFIGURATION,
                f"{self.resource.name} is asked for by {self.resource.parent.resource}, of which there is no complete "
                "pull yet.",
                f"Pull it first: logistics sources run {self.source.name} {self.resource.parent.resource}",
            )
        parent = self.source.resource(self.resource.parent.resource)
        newest = self.store.pull.parent_pull_id
        return [*parent_values(self.store.connection, self.archive, parent, self.resource.parent.field, newest)]

    def _read_together(self, parts: Iterator[_Part], done: dict[int, Checkpoint]) -> None:
        with ThreadPoolExecutor(self.source.limits.concurrent) as pool:
            futures = [pool.submit(self._read_part_or_stop, part, done.get(part.number)) for part in parts]
            faults = [fault for each in futures if (fault := each.exception()) is not None]
        for fault in sorted(faults, key=lambda each: isinstance(each, _Stopped)):
            raise fault

    def _read_part_or_stop(self, part: _Part, checkpoint: Checkpoint | None) -> None:
        if self.stopped.is_set():
            raise _Stopped
        try:
            self._read_part(part, checkpoint)
        except BaseException:
            self.stopped.set()
            raise

    def _read_part(self, part: _Part, checkpoint: Checkpoint | None) -> None:
        """Walks through the pages of a part, from where it stands."""
        end = self.store.pull.window_end
        if end is not None and part.window.start is not None and part.number and part.window.start >= end:
            return  # it is in the future of the server
        if checkpoint is not None and checkpoint.token is None:
            return
        if checkpoint is not None and not self._is_usable(part, checkpoint):
            self._begin_anew(part)
            checkpoint = None
        for attempt in range(1, WALK_ATTEMPTS + 1):
            walk = Walk(self.resource)
            if not self._is_walked(part, walk, checkpoint):
                checkpoint = None
                continue
            problem = self._problem_of(walk)
            if problem is None:
                break
            if attempt == WALK_ATTEMPTS:
                self._accept_or_fail(part, walk, problem)
                break
            self._begin_anew(part)
            checkpoint = None
        self.warnings |= walk.warnings
        with self._lock:
            if walk.last_total is not None:
                self._expected = (self._expected or 0) + walk.last_total

    def _is_walked(self, part: _Part, walk: Walk, checkpoint: Checkpoint | None) -> bool:
        """Walks to the end; False if the source does not take the checkpoint."""
        try:
            self._walk(part, walk, checkpoint)
        except _CheckpointRefused:
            self._begin_anew(part)
            return False
        except SourceFault as fault:
            if fault.kind is FaultKind.LOOP:  # the page that led here is in the checkpoint: not from there again
                self._begin_anew(part)
            raise
        return True

    def _is_usable(self, part: _Part, checkpoint: Checkpoint) -> bool:
        return self.resource.pagination.is_stable and self.archive.holds(checkpoint.digest)

    def _begin_anew(self, part: _Part) -> None:
        self.store.drop_part(part.number)
        with self._lock:
            self._pages, self._records, _ = self.store.totals()

    @staticmethod
    def _problem_of(walk: Walk) -> str | None:
        """Why a walk should be made again."""
        if missing := walk.missing():
            return missing
        return "; ".join(walk.shifts) or None

    def _accept_or_fail(self, part: _Part, walk: Walk, problem: str) -> None:
        """What becomes of a walk that went wrong every time. One that fails is not gone on with: its end is reached."""
        if walk.missing():
            self._begin_anew(part)
            raise SourceFault(
                FaultKind.INCOMPLETE,
                f"{self.resource.name}: {problem}, in each of {WALK_ATTEMPTS} attempts.",
                "Either `total` counts something else, or pages shift while they are read: choose another pagination "
                "(cursor, keyset), an order that does not change, or shorter windows.",
            )
        if self.resource.pagination.overlap and any("does not begin" in each for each in walk.shifts):
            self._begin_anew(part)
            raise SourceFault(
                FaultKind.SHIFTED,
                f"{self.resource.name}: pages shifted while they were read, in each of {WALK_ATTEMPTS} attempts: "
                f"{walk.shifts[0]}.",
                "Records may be missing. Choose another pagination (cursor, keyset), or an order in which new records "
                "come last.",
            )
        self.warnings[
            f"Pages of {self.resource.name} shifted while they were read, in each of {WALK_ATTEMPTS} attempts: "
            f"{walk.shifts[0]}. No record is known to be missing; a pagination by cursor or key would prove it."
        ] = None

    # -- pages -------------------------------------------------------------------------------------------------------

    def _walk(self, part: _Part, walk: Walk, checkpoint: Checkpoint | None) -> None:
        token = self._resume(part, walk, checkpoint)
        base = first_request(self.source, self.resource, part.parent)
        if self.resource.incremental is not None and not self.resource.incremental.keeps_cursor:
            base = with_window(self.resource.incremental, base, part.window)
        is_resumed = checkpoint is not None
        while token is not None:
            if self.stopped.is_set():
                raise _Stopped
            walk.note_token(token)
            token = self._page(part, walk, base, token, is_resumed)
            is_resumed = False

    def _resume(self, part: _Part, walk: Walk, checkpoint: Checkpoint | None) -> Token | None:
        if checkpoint is None:
            cursor = self.store.pull.start_cursor
            return FIRST if cursor is None else {"cursor": json.loads(cursor)}
        walk.pages, walk.read = checkpoint.pages, checkpoint.records
        walk.first_total = walk.last_total = checkpoint.total
        for token in self.store.tokens(part.number)[:-1]:
            walk.note_token(token)
        return checkpoint.token

    def _page(self, part: _Part, walk: Walk, base: Request, token: Token, is_resumed: bool) -> Token | None:
        """Reads one page; returns the token of the next one."""
        assert self._sender is not None
        request = with_token(self.resource.pagination, base, token)
        try:
            response, content = self._sender.send(request, self._read_content, self.resource.nothing)
        except SourceFault as fault:
            if is_resumed and fault.kind is FaultKind.STATUS and not isinstance(fault, PassingFault):
                raise _CheckpointRefused from None  # what it goes on with may have expired
            raise
        self._note_server_time(response)
        if walk.is_same_as_last(response.body.sha256, content):
            self.store.close_part(part.number, walk.pages)
            return None
        walk.take_in(response.body.sha256, content)
        following = self._following(token, response, content)
        self.store.save_page(part.number, walk.pages, part.parent, request.method, response, content, following)
        self._note_page(content)
        return following

    def _read_content(self, response: Response) -> PageContent:
        if response.status == 204 or response.status in self.resource.nothing:
            return PageContent()
        body = response.body
        return self.reader.read(body.sha256, body.content, response.headers, response.url)

    def _following(self, token: Token, response: Response, content: PageContent) -> Token | None:
        page = Page(response.url, response.headers, content)
        following = next_token(self.source, self.resource.pagination, token, page)
        if self.resource.incremental is None or not self.resource.incremental.keeps_cursor:
            return following
        if following is not None or content.next not in (MISSING, None, ""):
            cursor = content.next if following is None else following.get("cursor")
            with self._lock:
                self._end_cursor = json.dumps(cursor, default=str)
        is_end = content.records == 0 or following == token
        return None if is_end else following

    def _note_server_time(self, response: Response) -> None:
        """The first response of a pull says where its window ends, by the clock of the server."""
        with self._lock:
            if self.store.pull.window_end is not None:
                return
            server, tentative = response.server_time, self._tentative_end()
            if server is None:
                server = response.received_at - timedelta(seconds=response.seconds) - _CLOCK_MARGIN
                self.warnings[
                    "The source does not tell its time (header Date): the window ends by the clock of this machine, "
                    f"minus {length_text(_CLOCK_MARGIN)}."
                ] = None
            begun = server - timedelta(seconds=response.seconds)
            # Not later than our clock either: one of a server that is wrong would leave a gap, an earlier end none.
            end = min(begun, tentative or response.received_at - timedelta(seconds=response.seconds))
            self.store.fix_end(end.replace(microsecond=0))
            self.store.reload()

    def _note_page(self, content: PageContent) -> None:
        with self._lock:
            self._pages += 1
            self._records += content.records
            pages, records = self._pages, self._records
        self.on_page(pages, records)
        self.store.note_progress({"pages": pages, "records": records, **self._costs()})

    def _costs(self) -> dict[str, Any]:
        """What the pull has cost, earlier attempts included."""
        sender, before = self._sender, self._before
        spent: dict[str, Any] = {"seconds": before.seconds + monotonic() - self._began}
        if sender is not None:
            costs = sender.costs
            spent |= {
                "requests": before.requests + costs.requests + sender.authenticator.requests,
                "retries": before.retries + costs.retries,
                "rate_limited": before.rate_limited + costs.rate_limited,
                "seconds_waited": before.seconds_waited + sender.limit.waited,
                "seconds_retrying": before.seconds_retrying + costs.retrying_seconds,
            }
        return spent

    # -- the end -----------------------------------------------------------------------------------------------------

    def _end(self, state: PullState, fault: SourceFault, paused_until: datetime | None = None) -> None:
        """Stores that the pull has not come to its end, and why."""
        pages, records, size = self.store.totals()
        self.store.note_progress(
            {
                "state": state, "error_kind": fault.kind, "error": self._storable(fault.message),
                "advice": self._storable(fault.advice), "paused_until": paused_until, "pages": pages,
                "records": records, "bytes_received": size, "warnings": list(self.warnings),
                "finished_at": datetime.now(UTC) if state is PullState.FAILED else None, **self._costs(),
            },
            now=True,
        )  # fmt: skip

    def _storable(self, text: str) -> str:
        """A text that quotes a source, as the database takes it: without secrets, and without NUL."""
        return self.redactor.clean(text).replace("\0", "\\0")

    def _land(self) -> Path | None:
        """Makes the file of the pull, and ends it: the file first, as it can be made again, the commit then."""
        pull, connection = self.store.reload(), self.store.connection
        pages = pages_of(connection, pull.pull_id)
        self.archive.make_durable({page.sha256 for page in pages})
        lander = lander_of(connection, pull, self.resource, self.archive)
        if pull.dataset is None:
            self._finish(pull, pages, lander.write(pages), None)
            return None
        target = file_of(self.options.raw_dir, pull)
        with written(target, pull, [(lander, pages)]) as unfinished:
            landing = lander.landing
            assert landing is not None
            is_landed = landing.mapper.mapped > 0 and not self._is_unchanged(pull, landing)
            if is_landed:
                unfinished.replace(target)
            self._finish(pull, pages, landing, target if is_landed else None)
        return target if is_landed else None

    def _is_unchanged(self, pull: Pull, landing: Landing) -> bool:
        last = last_landed(self.store.connection, pull.source, pull.resource, before=pull.pull_id)
        return (
            last is not None
            and not last.is_backfill
            and not pull.is_backfill
            and last.dataset == pull.dataset
            and last.content_sha256 == landing.content_sha256
        )

    def _finish(self, pull: Pull, pages: list[PageRow], landing: Landing, target: Path | None) -> None:
        connection = self.store.connection
        outcome = landing.outcome(self.resource)
        if pull.dataset is None:
            outcome |= {"records_landed": None, "records_unmapped": None, "unmapped": None}
        is_unchanged = target is None and pull.dataset is not None and landing.mapper.mapped > 0
        self._check_expectations(landing)
        values = {
            **outcome, **self._costs(), "state": PullState.UNCHANGED if is_unchanged else PullState.COMPLETE,
            "pages": len(pages), "bytes_received": sum(page.bytes for page in pages), "end_cursor": self._end_cursor,
            "expected_records": self._expected, "warnings": list(self.warnings),
            "path": None if target is None else key_of(target, self.options.raw_dir),
            "finished_at": datetime.now(UTC), "heard_at": datetime.now(UTC),
        }  # fmt: skip
        with connection.transaction():
            connection.execute("SET LOCAL synchronous_commit = on")
            if self.resource.mode is Mode.SNAPSHOT and not pull.is_backfill:
                values["records_vanished"] = note_snapshot(connection, pull, landing.keys)
            update_pull(connection, pull.pull_id, values)
            number_records(connection, pull.pull_id)
            done = pull_by_id(connection, pull.pull_id)
            numbered = pages_of(connection, pull.pull_id)
            write_sidecar(self.options.archive_dir, done, self.source.document, numbered)

    def _check_expectations(self, landing: Landing) -> None:
        expect = self.resource.expect
        if expect.min_records is not None and landing.records < expect.min_records:
            self.warnings[f"{landing.records:,} records came, and at least {expect.min_records:,} are expected."] = None
        if expect.max_age is not None and landing.newest is not None:
            age = datetime.now(UTC) - landing.newest
            if age > expect.max_age:
                self.warnings[
                    f"The newest record is of {landing.newest:%Y-%m-%d %H:%M:%S} UTC, and may be "
                    f"{length_text(expect.max_age)} old."
                ] = None
        if landing.records and landing.unseen_fields:
            self.warnings[f"No record has {', '.join(sorted(landing.unseen_fields))}, which is expected."] = None


def lander_of(connection: Connection, pull: Pull, resource: Resource, archive: Archive) -> Lander:
    """What makes the file of a pull; of events, it knows those of earlier pulls."""
    earlier = overlapping_pulls(connection, pull) if resource.mode is Mode.APPEND else []
    pages = tuple(tuple(pages_of(connection, each.pull_id)) for each in earlier)
    return Lander(resource, archive, pages)


class _Stopped(Exception):
    """Another part of the pull has failed."""


class _CheckpointRefused(Exception):
    """The source does not take the request that the pull was to go on with."""
