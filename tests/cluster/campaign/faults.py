"""The kinds of fault: which servers of the cluster each one strikes, and how."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.cluster.campaign.run import Run


@dataclass(frozen=True)
class Fault:
    """A kind of fault."""

    name: str
    strike: Callable[["Run"], None]


def _away_seconds(run: "Run") -> float:
    return run.chance.choice([0, 0, run.chance.uniform(0, 1.5)])


def _kill_a_worker(run: "Run") -> None:
    run.chance.choice(run.servers.workers).kill(_away_seconds(run))


def _kill_the_coordinator(run: "Run") -> None:
    run.servers.coordinator.kill(_away_seconds(run))


def _kill_all(run: "Run") -> None:
    for node in run.servers.nodes:
        node.kill(_away_seconds(run))


def _cut_off_a_worker(run: "Run") -> None:
    run.chance.choice(run.servers.workers).cut(_away_seconds(run))


def _cut_off_all_workers(run: "Run") -> None:
    for node in run.servers.workers:
        node.cut(_away_seconds(run))


def _cut_off_the_coordinator(run: "Run") -> None:
    run.servers.coordinator.cut(_away_seconds(run))


FAULTS = (
    Fault("worker killed", _kill_a_worker),
    Fault("coordinator killed", _kill_the_coordinator),
    Fault("worker cut off", _cut_off_a_worker),
    Fault("all servers killed", _kill_all),
    Fault("workers cut off", _cut_off_all_workers),
    Fault("coordinator cut off", _cut_off_the_coordinator),
)
