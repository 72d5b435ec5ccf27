"""One run of the campaign: files, a load that is struck, its resumption to the end, and the comparison."""

import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from random import Random

from logistics_pipeline.database.connections import Connection
from logistics_pipeline.loading.rejects.failed_files import export_paths
from tests.faults.account import Account, Differences, compare
from tests.faults.faults import FAULTS
from tests.faults.files import Delivery, corrected, random_delivery
from tests.faults.loader_process import LoaderProcess
from tests.faults.proxy import Proxy, Strike
from tests.faults.server import FragileServer
from tests.faults.site import Site

NEVER = 1 << 40
"""A file as large as that is read by a process of its own."""

MAX_CALLS = 20
"""So often a load is called again; a strike costs two calls at most."""


@dataclass
class Result:
    """What one run has shown."""

    number: int
    fault: str
    story: str = ""
    strikes: int = 0
    in_mid_load: int = 0
    differences: Differences = field(default_factory=Differences)
    trouble: str = ""
    """What kept the run from its end, or did not hold together there."""

    @property
    def is_good(self) -> bool:
        return not self.differences and not self.trouble


class Run:
    """A random load under one kind of fault; all that is random comes from the seed and the run's number."""

    def __init__(self, disturbed: Site, undisturbed: Site, proxy: Proxy, seed: int, number: int) -> None:
        self.disturbed: Site = disturbed
        self.undisturbed: Site = undisturbed
        self.server: FragileServer = disturbed.server
        self.proxy: Proxy = proxy
        self.chance: Random = Random(f"{seed} {number}")
        self.fault = FAULTS[number % len(FAULTS)]
        self.main: Delivery = random_delivery(
            self.chance, is_spoiled=self.fault.name == "disk full", is_big=self.fault.name == "parser killed"
        )
        self.others = [corrected(self.chance, self.main) if self.chance.random() < 0.3 else None for _ in range(2)]
        self.later: list[bytes] = []
        """The contents of the main file after its first version, one for each of the others."""
        self.replacement: Delivery | None = None
        self.result = Result(number, self.fault.name, story=str(self.main))

        self.loader: LoaderProcess
        self.connections_at_strike: int = 0
        self.parsers_killed: int = 0
        self.was_late: bool = False
        """The load had ended when its process was killed."""
        self._errors: list[Exception] = []

    def __call__(self) -> Result:
        try:
            self._set_up()
            self._measure()
            self._disturb()
            with self.disturbed.connect() as connection:
                self.judge(connection)
        except Exception:  # noqa: BLE001 - the edge: a run that fails is a finding, and the next one goes on
            self.result.trouble = traceback.format_exc()
        return self.result

    @property
    def path(self) -> Path:
        """The file that is struck."""
        return self.disturbed.options.raw_dir / self.main.name

    # -- the stage, and the undisturbed load, which tells what there is to strike --------------------------------------

    def _set_up(self) -> None:
        if self.fault.name in ("file overwritten", "parser killed"):
            self.others = [None, None]  # a mixture may hold anything, even other files' keys; and big files take time
        chance, records = self.chance, len(self.main.pieces)
        batch = replace(
            self.disturbed.options.batch,
            records=max(20, records // chance.randint(2, 15)),
            bytes=1 << chance.randint(16, 20),
        )
        changes = {
            "batch": batch,
            "chunk_bytes": chance.choice([1 << 12, 1 << 14, 1 << 16]),
            "own_process_bytes": NEVER,
            "reference_parser": chance.random() < 0.2,
        }
        for site in (self.disturbed, self.undisturbed):
            site.clear(**changes)
            self._prepare(site, self.main.content)

    def _prepare(self, site: Site, content: bytes) -> None:
        """Registers the main file; others with the same keys may come before and after it, and are loaded already."""
        older, newer = self.others
        if older is not None:
            site.load(site.drop(f"older/{older.name}", older.content, second=1))
        site.register(site.drop(self.main.name, content, second=2))
        if newer is not None:
            site.load(site.drop(f"newer/{newer.name}", newer.content, second=3))

    def _measure(self) -> None:
        self.proxy.arm([])
        began_at = time.monotonic()
        self.undisturbed.load(self.undisturbed.options.raw_dir / self.main.name, self.proxy.url(self.undisturbed.name))
        self._seconds = time.monotonic() - began_at
        self._bytes, self._commits = self.proxy.bytes, self.proxy.commits

    # -- the disturbed load ------------------------------------------------------------------------------------------

    def _disturb(self) -> None:
        with self._ambush():
            self._load_until_done()
        for error in self._errors + self.proxy.errors:
            raise error
        self.result.in_mid_load = max(0, self.result.strikes - (not self.fault.has_struck(self)))
        for content in self.later[1:]:
            self.disturbed.load(self.disturbed.drop(self.main.name, content, second=5))
        self.disturbed.load(self.path)  # once more than needed

    def _load_until_done(self) -> None:
        """Calls the load again until it ends; one that finds its file changed, until the new version is loaded."""
        url, room_bytes = self.proxy.url(self.disturbed.name), self._room_bytes()
        is_apart = self.fault.name == "parser killed" or self.chance.random() < 0.3
        options = replace(
            self.disturbed.options,
            retry_seconds=self.chance.choice([0.0, 0.0, 30.0]),
            own_process_bytes=0 if is_apart else NEVER,
            parses_meanwhile=self.chance.random() < 0.5,
        )
        for _ in range(MAX_CALLS):
            self.loader = LoaderProcess(url, self.path, options, room_bytes)
            self.loader.start()
            ending = self.loader.wait()
            if ending.kind == "raised":
                raise AssertionError(ending.text)
            latest = self.disturbed.versions(self.main.name)[-1]
            if ending.kind == "killed" and latest.state == "loaded":
                self.was_late = True
            if ending.kind == "ended" and latest.version == len(self.later[:1]) + 1:
                return
            options = replace(options, retry_seconds=30.0)
        raise AssertionError(f"The load was not done after {MAX_CALLS} calls; the last one {ending}")

    def _room_bytes(self) -> int | None:
        """A random number of pages, fewer than the rejects need."""
        if self.fault.name != "disk full":
            return None
        self.result.strikes = 1
        exports = export_paths(self.main.name, self.undisturbed.options.failed_dir)
        size = sum(path.stat().st_size for path in exports)
        return 4096 * self.chance.randint(1, max(1, size // 4096))

    # -- the moment --------------------------------------------------------------------------------------------------

    @contextmanager
    def _ambush(self) -> Iterator[None]:
        """Lies in wait: at a byte or a COMMIT, where the load is held meanwhile, or by the ledger, where it goes on."""
        is_over = threading.Event()
        record = self.chance.randint(1, int(len(self.main.pieces) * self.fault.latest * 0.6))
        delay_seconds = self.chance.uniform(0, self._seconds / 20)
        watch = threading.Thread(target=self._strike_at_record, args=(record, delay_seconds, is_over))
        strikes: list[Strike] = []
        if self.fault.strike is not None and self._commits >= 6 and self.chance.random() < 0.25:
            self.result.story += f", {delay_seconds * 1000:.1f} ms after record {record:,}"
            watch.start()
        elif self.fault.strike is not None:
            more = self.chance.choice([0, 0, 0, 0, 1, 2]) if self.fault.is_repeatable else 0
            strikes = [self._random_strike() for _ in range(1 + more)]
            self.result.story += f", at {', then '.join(map(str, strikes))}"
        self.proxy.arm(strikes)
        try:
            yield
        finally:
            is_over.set()
            if watch.ident is not None:
                watch.join()

    def _random_strike(self) -> Strike:
        if self.chance.random() < 0.3:
            commits = max(1, int(self._commits * self.fault.latest) - self.fault.is_change)
            answered = self.chance.random() < 0.5
            return Strike(self._strike, at_commit=self.chance.randint(1, commits), is_answered=answered)
        return Strike(self._strike, after_bytes=self.chance.randint(1, int(self._bytes * self.fault.latest)))

    def _strike_at_record(self, record: int, delay_seconds: float, is_over: threading.Event) -> None:
        try:
            with self.disturbed.connect() as connection:
                while self._records_read(connection) < record and not is_over.wait(0.001):
                    pass
            if not is_over.wait(delay_seconds):
                self._strike()
        except Exception as error:  # noqa: BLE001 - a thread's edge: raised by _disturb
            self._errors.append(error)

    def _records_read(self, connection: Connection) -> int:
        row = connection.execute(
            "SELECT sum(records_read) FROM ingest.files WHERE path = %s", (self.main.name,)
        ).fetchone()
        assert row is not None
        return int(row[0])

    def _strike(self) -> None:
        assert self.fault.strike is not None
        self.result.strikes += 1
        self.connections_at_strike = self.proxy.connections
        self.fault.strike(self)

    # -- the comparison ----------------------------------------------------------------------------------------------

    def judge(self, connection: Connection) -> None:
        """Holds what this connection sees of the disturbed site to what an undisturbed load of the same leaves."""
        found = self.disturbed.account(connection)
        self.result.differences = self._differences(found, self._expected)
        if self.result.differences and self.replacement is not None:
            # The loader may have opened the file just after it was replaced, and read it all under its old name.
            self.result.differences = self._differences(found, self._expect(self.replacement))
        state = found.files[self.main.name, 1 + len(self.later)].state
        troubles = [] if state == "loaded" else [f"ended as {state}, not loaded"]
        self.result.trouble = "; ".join(troubles + self.disturbed.contradictions(connection))

    def _differences(self, found: Account, expected: Account) -> Differences:
        first = (self.main.name, 1)
        if self.fault.name == "file overwritten":  # what was read of the first version may have been a mixture
            found, expected = found.without(first), expected.without(first)
        if self.fault.name == "disk full":
            expected = replace(expected, exports=found.exports)
        return compare(found, expected, frozenset([first] if self.later else []))

    @cached_property
    def _expected(self) -> Account:
        return self._expect(self.main)

    def _expect(self, first_version: Delivery) -> Account:
        if self.later:
            self._load_versions(first_version)
        with self.undisturbed.connect() as connection:
            assert not self.undisturbed.contradictions(connection)
            return self.undisturbed.account(connection)

    def _load_versions(self, first_version: Delivery) -> None:
        """What was read of the first version before it changed is a file of its own here; the later ones follow."""
        first = self.disturbed.versions(self.main.name)[0]
        site = self.undisturbed
        site.clear()
        self._prepare(site, first_version.as_far_as(first.records_read, first.bytes_read))
        site.load(site.options.raw_dir / self.main.name)
        for version, content in enumerate(self.later, start=2):
            path = site.drop(self.main.name, content, second=2 + version)
            site.register(path)
            site.load(path)
