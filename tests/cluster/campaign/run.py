"""One run of the campaign: files, then steps that are struck and repeated until they end, and the comparison."""

import threading
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from random import Random

from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from logistics_pipeline.errors import TransientError
from logistics_pipeline.loading.options import BatchLimits
from tests.cluster.campaign.faults import FAULTS, Fault
from tests.cluster.campaign.servers import Node, Servers
from tests.cluster.campaign.site import Site
from tests.database.records import as_array, shipment
from tests.faults.account import Differences, compare
from tests.faults.files import random_delivery
from tests.faults.proxy import Strike

PATIENCE_SECONDS = 120
"""For a step to end: longer than any machine takes."""
EXPONENTS = (0.7, 2.4)
"""Of ten, for the number of records of a file."""


@dataclass
class Result:
    """What one run has shown."""

    number: int
    fault: str
    story: str = ""
    steps: int = 0
    strikes: int = 0
    repeated: int = 0
    """How many steps failed and were called again."""
    in_doubt: int = 0
    """How many steps ended while a worker had not heard of a commit."""
    differences: Differences = field(default_factory=Differences)
    trouble: str = ""
    """What kept the run from its end, or did not hold together there."""

    @property
    def is_good(self) -> bool:
        return not self.differences and not self.trouble


Step = Callable[[Site], None]


class Run:
    """A random history under one kind of fault; all that is random comes from the seed and the run's number."""

    def __init__(self, servers: Servers, disturbed: Site, undisturbed: Site, seed: int, number: int) -> None:
        self.servers = servers
        self.disturbed = disturbed
        self.undisturbed = undisturbed
        self.chance = Random(f"cluster {seed} {number}")
        self.fault: Fault = FAULTS[number % len(FAULTS)]
        self.result = Result(number, self.fault.name)
        self._names: list[str] = []
        self._striking = threading.Lock()

    def __call__(self) -> Result:
        try:
            self._set_up()
            for _ in range(self.chance.randint(1, 3)):
                self._take(*self._next_step())
            self._take("the last refresh", Site.refresh)
            self.judge()
        except Exception:  # noqa: BLE001 - the edge: a run that fails is a finding, and the next one goes on
            self.result.trouble = traceback.format_exc()
        return self.result

    def _set_up(self) -> None:
        self.servers.settle()
        batch = BatchLimits(records=self.chance.randint(30, 400), bytes=1 << 20)
        for site in (self.disturbed, self.undisturbed):
            site.clear(batch)
        for _ in range(self.chance.randint(1, 2)):
            name = self._deliver()
            for site in (self.disturbed, self.undisturbed):
                site.load(name)
        if self.chance.random() < 0.5:
            for site in (self.disturbed, self.undisturbed):
                site.refresh()

    # -- what is done ----------------------------------------------------------------------------------------------

    def _deliver(self) -> str:
        """Drops a file or a new version of one: of a random dataset and format, or shipments that move between logs."""
        if self.chance.random() < 0.3:
            suffix, content = "shipments.json", as_array([self._moved_shipment() for _ in range(self._size())])
        else:
            delivery = random_delivery(self.chance, exponents=EXPONENTS)
            suffix, content = delivery.name, delivery.content
        again = [name for name in self._names if name.endswith(f"/{suffix}")]
        if again and self.chance.random() < 0.3:
            name = self.chance.choice(again)
        else:
            name = f"{len(self._names)}/{suffix}"
            self._names.append(name)
        for site in (self.disturbed, self.undisturbed):
            site.drop(name, content)
        return name

    def _size(self) -> int:
        return round(10 ** self.chance.uniform(*EXPONENTS))

    def _moved_shipment(self) -> dict[str, object]:
        return shipment(self.chance.randrange(400), log_id=f"l{self.chance.randrange(400)}")

    def _next_step(self) -> tuple[str, Step]:
        kind = self.chance.choice(["load", "load", "load", "load beside a refresh", "refresh", "unload", "replay"])
        if kind == "load":
            name = self._deliver()
            return f"load {name}", partial(Site.load, name=name)
        if kind == "load beside a refresh":
            name = self._deliver()
            return f"load {name} beside a refresh", partial(Site.load_beside_a_refresh, name=name)
        if kind == "unload":
            name = self.chance.choice(self._names)
            return f"unload {name}", partial(Site.unload, name=name)
        return (kind, Site.refresh) if kind == "refresh" else (kind, Site.replay)

    # -- a step, undisturbed first, which tells what there is to strike, then struck ---------------------------------

    def _take(self, name: str, step: Step) -> None:
        for node in self.servers.nodes:
            node.proxy.arm([])
        step(self.undisturbed)
        node, strike = self._ambush()
        self.result.steps += 1
        self.result.story += f"; {name}, struck at {node.name}, {strike}"
        self.disturbed.set_retry_seconds(self.chance.choice([0.0, 0.0, 30.0]))
        for each in self.servers.nodes:
            each.proxy.arm([strike] if each is node else [])
        try:
            self._until_done(step)
        finally:
            node.proxy.arm([])
            with self._striking:  # the first server that is killed may end the step before the last one is
                self.servers.settle()
        self.result.in_doubt += self.servers.workers_in_doubt() > 0

    def _ambush(self) -> tuple[Node, Strike]:
        """Lies in wait at one of the nodes, at a byte that is sent to it or at a commit."""
        reached = [node for node in self.servers.nodes if node.proxy.bytes]
        node = self.chance.choice(reached)
        if node.proxy.commits and self.chance.random() < 0.6:
            commit = self.chance.randint(1, node.proxy.commits)
            return node, Strike(self._strike, at_commit=commit, is_answered=self.chance.random() < 0.5)
        return node, Strike(self._strike, after_bytes=self.chance.randint(1, node.proxy.bytes))

    def _strike(self) -> None:
        with self._striking:
            self.result.strikes += 1
            self.fault.strike(self)

    def _until_done(self, step: Step) -> None:
        retrying = Retrying(
            retry=retry_if_exception_type(TransientError),
            stop=stop_after_delay(PATIENCE_SECONDS),
            wait=wait_fixed(0.05),
            after=self._note_repetition,
            reraise=True,
        )
        with ThreadPoolExecutor(1) as pool:
            done = pool.submit(retrying, step, self.disturbed)
            try:
                done.result(PATIENCE_SECONDS)
            except TimeoutError:
                stands = self.servers.end_sessions()
                raise AssertionError(f"The step did not end in {PATIENCE_SECONDS} s; sessions: {stands}") from None

    def _note_repetition(self, call: RetryCallState) -> None:
        self.result.repeated += call.attempt_number == 1

    # -- the comparison --------------------------------------------------------------------------------------------

    def judge(self) -> None:
        """Holds the disturbed site to the undisturbed one, and to itself."""
        self.result.differences = compare(self.disturbed.account(), self.undisturbed.account())
        self.result.trouble = "; ".join(self.disturbed.contradictions())
