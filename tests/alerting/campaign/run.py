"""One run: changes in the world one after the other, struck by faults; after each, what has to be there is waited for.

The clock of the database stands still between changes, so what has to become of each is known exactly.
"""

import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any

from logistics_core.sql_files import read_sql
from tests.alerting.campaign.faults import FAULTS, OWN_CLOCKS, Fault, evaluate_once_more
from tests.alerting.campaign.judging import judge_messages
from tests.alerting.campaign.stage import ENDPOINTS, Stage
from tests.alerting.campaign.worker_process import WorkerProcess
from tests.alerting.campaign.world import FAR, KEPT, MORE_RULES, RULES, Silence, World, as_text
from tests.database.records import as_array, shipment
from tests.faults.proxy import Strike
from tests.notifying.sink import Reply

PATIENCE_SECONDS = 600
"""For what has to come: longer than any machine takes. Nothing comes by itself meanwhile, see `worker_process`."""
MOST_IDLE, TRIES = 0.75, 3
"""What a worker with nothing to do takes of a core is less, at one of so many looks."""
WORKERS = 2
TIMES = [timedelta(minutes=each) for each in (4, 4, 7, 15, 15, 60, -5, -30)]
"""How far a clock is set. No sum of them lies just beside the ten minutes that rules wait for."""
DRAINS = [timedelta(minutes=each) for each in (3, 12, 45, 180, 480, 900, 1200, 1500, 1500, 1500)]
"""How much time passes at the end, until every message has arrived."""


@dataclass
class Result:
    """What one run has shown."""

    number: int
    fault: str
    story: list[str] = field(default_factory=list)
    strikes: int = 0
    incidents: int = 0
    messages: int = 0
    copies: int = 0
    """Second copies of messages, with the ID of the first."""
    seconds: float = 0
    troubles: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        return not self.troubles


class Run:
    """Random changes under one kind of fault, with some others; all that is random comes from seed and number."""

    def __init__(self, stage: Stage, seed: int, number: int) -> None:
        self.stage = stage
        self.chance = Random(f"{seed} {number}")
        self._chance_of_clocks = Random(number)
        self.main_fault = list(FAULTS)[number % len(FAULTS)]
        self.result = Result(number, self.main_fault)
        self.world = World()
        self.workers: list[WorkerProcess] = []
        self._errors: list[Exception] = []
        self._changes: list[Callable[[], str]] = [
            self._change_file, self._change_file, self._change_file, self._change_figures, self._change_figures,
            self._step_clock, self._step_clock, self._change_rule, self._silence, self._end_silences,
        ]  # fmt: skip

    def __call__(self) -> Result:
        began = time.monotonic()
        try:
            self.play()
        except Exception as error:  # noqa: BLE001 - the edge: a run that fails is a finding, and the next one goes on
            self.result.troubles.append(str(error) if isinstance(error, Unsettled) else traceback.format_exc())
            self.result.troubles.append(self._log())
        finally:
            self.clear()
        self.result.seconds = time.monotonic() - began
        return self.result

    # -- the stage -----------------------------------------------------------------------------------------------------

    def play(self) -> None:
        """The run itself, without what comes after it."""
        self._begin()
        for _ in range(self.chance.randint(7, 12)):
            self._change_under_fault()
        self._end()
        self.judge()

    def _begin(self) -> None:
        self.stage.begin(self.result.number)
        for name in KEPT:
            self.world.take_rule(name, {})
        for name, document in RULES.items():
            self.world.take_rule(name, document)
        self._keep_workers()
        self._settle()

    def _keep_workers(self) -> None:
        """Starts others for those that are dead, as whoever supervises them does."""
        self.workers = [each for each in self.workers if each.is_alive]
        while len(self.workers) < WORKERS:
            log = self.stage.logs / f"{self.result.number}.log"
            self.workers.append(WorkerProcess(self.stage.environment, log, self._chance_of_clocks.choice(OWN_CLOCKS)))

    def clear(self) -> None:
        """Ends the workers, and takes the installation away."""
        for each in self.workers:
            each.kill()
        self.stage.proxy.arm([])
        with suppress(Exception):
            self.stage.end()
        if self.result.is_good:
            (self.stage.logs / f"{self.result.number}.log").unlink(missing_ok=True)

    def _log(self) -> str:
        path = self.stage.logs / f"{self.result.number}.log"
        return "\n".join(path.read_text().splitlines()[-15:]) if path.exists() else ""

    # -- changes -------------------------------------------------------------------------------------------------------

    def _change_under_fault(self) -> None:
        names = [name for name in FAULTS if self.chance.random() < (0.6 if name == self.main_fault else 0.04)]
        change = self.chance.choice(self._changes)
        strikers = [self._ambush(FAULTS[name]) for name in names]
        story = change()
        self.result.story.append(f"{story} ({', '.join(names)})" if names else story)
        for each in strikers:
            each.join()
        self.stage.proxy.arm([])
        for error in self._errors:
            raise error
        self._keep_workers()
        self._settle()

    def _ambush(self, fault: Fault) -> threading.Thread:
        """Strikes once: at a COMMIT of a worker, before it arrives or before its answer does, or some time from now."""
        has_begun, has_ended = threading.Event(), threading.Event()
        turn, chance = threading.Lock(), Random(self.chance.random())  # no thread takes chances of another one
        delay = self.chance.choice([0, self.chance.uniform(0, 0.02), self.chance.uniform(0, 0.2)])

        def act() -> None:
            with turn:
                if has_begun.is_set():
                    return
                has_begun.set()
            self.result.strikes += 1
            try:
                fault(self, chance)
            except Exception as error:  # noqa: BLE001 - a thread's edge: it is raised where the run goes on
                self._errors.append(error)
            finally:
                has_ended.set()

        def act_at_last() -> None:
            if not has_begun.wait(delay):
                act()
            has_ended.wait()

        if fault is not evaluate_once_more and self.chance.random() < 0.4:  # that waits for what is held at a COMMIT
            delay = 0.5  # if no COMMIT comes
            at_commit, is_answered = self.chance.randint(1, 8), self.chance.random() < 0.5
            self.stage.proxy.arm([Strike(act, at_commit=at_commit, is_answered=is_answered)])
        thread = threading.Thread(target=act_at_last)
        thread.start()
        return thread

    def _change_file(self) -> str:
        name = f"shipments/{self.chance.randint(1, 3)}.json"
        state = self.chance.choice(
            [each for each in ("good", "failed", "rejects") if each != self.world.files.get(name)]
        )
        if self.world.files.get(name) in ("failed", "rejects"):
            state = "good"  # from one to the other leads through being neither, and whether anybody looks then is open
        self.world.files[name] = state
        self.stage.load(name, _content(name, state))
        return f"{name} {state}"

    def _change_figures(self) -> str:
        vehicle = self.chance.choice(list(self.world.figures.distances))
        distance = self.chance.choice([10, 20, FAR + 1, 3 * FAR])
        self.world.figures.distances[vehicle] = distance
        self.stage.load_figures(self.world.figures)
        return f"{vehicle} {distance}"

    def _step_clock(self, length: timedelta | None = None) -> str:
        length = self.chance.choice(TIMES) if length is None else length
        self.world.pass_time(length)
        self.stage.set_clock(self.world.moment)
        self.stage.tell()
        return f"clock {length.total_seconds() / 60:+.0f} min"

    def _change_rule(self) -> str:
        name = self.chance.choice(list(MORE_RULES))
        if name not in self.world.rules:
            self.world.take_rule(name, MORE_RULES[name])
            self.stage.write_rule(name, MORE_RULES[name])
            return f"rule {name} added"
        way = self.chance.choice(["removed", "disabled", "spoiled"])
        if way == "spoiled":
            self.stage.write_rule(name, "title: [")
            return f"rule {name} spoiled: its version before stays"
        self.world.remove_rule(name)
        if way == "removed":
            self.stage.remove_rule(name)
        else:
            self.stage.write_rule(name, {**MORE_RULES[name], "enabled": False})
        return f"rule {name} {way}"

    def _silence(self) -> str:
        labels = self.chance.choice([{}, {"dataset": "shipments"}, {"vehicle_id": "v1"}, {"file": "shipments/1.json"}])
        silence = Silence(labels, self.world.moment + timedelta(minutes=self.chance.choice([6, 30])))
        self.world.silences.append(silence)
        self.stage.query(
            "SELECT alert.add_silence(NULL, %(labels)s::jsonb, %(start)s, %(end)s, 'campaign', 'by chance')",
            labels=as_text(labels), start=self.world.moment - timedelta(days=1), end=silence.ends_at,
        )  # fmt: skip
        self.stage.tell()
        return f"silence of {labels}"

    def _end_silences(self) -> str:
        self.world.silences.clear()
        self.stage.query("SELECT alert.end_silence(silence_id, 'campaign') FROM alert.silences")
        self.stage.tell()
        return "silences ended"

    # -- what has to come ----------------------------------------------------------------------------------------------

    def _settle(self) -> None:
        """Waits until the database has exactly what follows from the world."""
        self.world.look()
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            differences = self.stage.with_connection(lambda connection: self._differences(connection.execute))
            if not differences:
                return
            if time.monotonic() > end:
                raise Unsettled(f"after {PATIENCE_SECONDS} s: {'; '.join(differences)}")
            time.sleep(0.02)

    def _differences(self, execute: Any) -> list[str]:
        in_force = dict(
            execute(
                "SELECT name, evaluated_at FROM alert.rules LEFT JOIN alert.evaluations ON rule = name "
                "WHERE enabled AND removed_at IS NULL"
            )
        )
        endpoints = {name for (name,) in execute("SELECT name FROM notify.endpoints WHERE removed_at IS NULL")}
        if in_force.keys() != self.world.rules.keys() or endpoints != set(ENDPOINTS):
            return [f"in force are {sorted(in_force)}, not {sorted(self.world.rules)}; endpoints {sorted(endpoints)}"]
        late = [f"{name} was evaluated at {at}" for name, at in in_force.items() if at != self.world.moment]
        if late:
            return [*late, f"not at {self.world.moment}"]
        states = {
            (rule, as_text(labels)): tuple(rest)
            for rule, labels, *rest in execute(
                "SELECT rule, labels, state, since, unknown_since, unknown_fires FROM alert.states"
            )
        }
        incidents = Counter(
            ((rule, as_text(labels), kind), tuple(facts))
            for rule, labels, kind, *facts in execute(
                "SELECT rule, labels, kind, closed_at IS NULL, announced_at IS NOT NULL, settled_at IS NOT NULL "
                "FROM alert.incidents"
            )
        )
        return [
            *_compare("states", Counter(states.items()), Counter(self.world.states().items())),
            *_compare("incidents", incidents, Counter(self.world.all_incidents())),
        ]

    def _end(self) -> None:
        """All is well again; time passes until everything has arrived."""
        sink, mailbox = self.stage.sink, self.stage.mailbox
        sink.usual, mailbox.dies_after = Reply(), 0
        for each in (sink.replies, sink.by_path, mailbox.to_contents):
            each.clear()
        self._end_silences()
        self._settle()
        for length in DRAINS:
            self._step_clock(length)
            self._settle()
            self._wait_for_messages()
            if self._is_drained():
                break
        self._settle()
        evaluate_once_more(self, self.chance)
        self._settle()

    def _wait_for_messages(self) -> None:
        """Until nothing is due any more, by the clock."""
        end = time.monotonic() + PATIENCE_SECONDS
        while (seconds := self.stage.query(read_sql("notifying/next_due"))[0][0]) is not None and seconds <= 0:
            if time.monotonic() > end:
                rows = self.stage.query(
                    "SELECT message_id, endpoint_id, state, reason, due_at, locked_until, tries FROM notify.messages "
                    "WHERE state IN ('waiting', 'held')"
                )
                raise Unsettled(f"messages are due, and nobody sends them: {rows}")
            time.sleep(0.02)

    def _is_drained(self) -> bool:
        return self.stage.query("SELECT count(*) FROM notify.messages WHERE state IN ('waiting', 'held')") == [(0,)]

    def judge(self) -> None:
        """Whether everything arrived, once for each ID, and nothing is left to do."""
        found = self.stage.with_connection(lambda connection: judge_messages(connection, self.stage))
        self.result.incidents, self.result.messages, self.result.copies = found.incidents, found.messages, found.copies
        self.result.troubles += found.troubles
        for each in self.workers:
            if not each.is_alive:
                self.result.troubles.append("a worker has ended by itself")
            elif all(each.share_of_core(0.2) > MOST_IDLE for _ in range(TRIES)):
                self.result.troubles.append("a worker is busy, with nothing to do")


class Unsettled(Exception):
    """What has to be there did not come."""


def _compare(what: str, found: Counter[Any], wanted: Counter[Any]) -> list[str]:
    missing, more = wanted - found, found - wanted
    said = [f"{what} missing: {list(missing)}"] if missing else []
    return said + ([f"{what} too many: {list(more)}"] if more else [])


def _content(name: str, state: str) -> bytes:
    if state == "failed":
        return b'[{"shipment_id": "x"'
    ids = [f"{name} {number}" for number in range(4)]
    changes: list[dict[str, Any]] = [{"shipment_id": each} for each in ids]
    if state == "rejects":
        changes[0]["weight"] = -1
    return as_array([shipment(number, **each) for number, each in enumerate(changes)])
