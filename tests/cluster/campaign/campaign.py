"""The campaign: run after run against one cluster, and the report."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests import campaigns
from tests.cluster.campaign.faults import FAULTS
from tests.cluster.campaign.run import Result, Run
from tests.cluster.campaign.servers import Servers, running_servers
from tests.cluster.campaign.site import Site
from tests.temporary_folders import temporary_folder


class Report(campaigns.Report[Result]):
    """What all runs have shown."""

    def __str__(self) -> str:
        return self.table(_HEAD, _line, [fault.name for fault in FAULTS], lambda result: result.fault, describe)


_LINE = "{:20} {:>5} {:>6} {:>8} {:>9} {:>9} {:>6} {:>8} {:>6} {:>12}"
_HEAD = _LINE.format(
    "fault", "runs", "steps", "strikes", "repeated", "in doubt", "lost", "doubled", "wrong", "failed runs"
)


def _line(name: str, results: list[Result]) -> str:
    return _LINE.format(
        name,
        len(results),
        sum(result.steps for result in results),
        sum(result.strikes for result in results),
        sum(result.repeated for result in results),
        sum(result.in_doubt for result in results),
        sum(len(result.differences.lost) for result in results),
        sum(len(result.differences.doubled) for result in results),
        sum(len(result.differences.wrong) for result in results),
        sum(not result.is_good for result in results),
    )


def describe(result: Result, seed: int) -> str:
    """One run in a sentence; what is wrong with it and how to see it again, if anything is."""
    line = f"run {result.number}: {result.fault}, {result.strikes} strikes at {result.steps} steps"
    if result.is_good:
        return line
    findings = "\n    ".join(filter(None, [result.story, str(result.differences), result.trouble]))
    return f"{line}\n    {findings}\n    Again: make faults ONLY=cluster SEED={seed} RUN={result.number}"


Stage = tuple[Servers, Site, Site]
"""The servers, a site for the faults, and one without."""


@contextmanager
def build_stage() -> Iterator[Stage]:
    """Starts the servers, and takes everything away at the end."""
    with temporary_folder("logistics-cluster-files-") as folder, running_servers() as servers:
        yield servers, Site(servers, "disturbed", Path(folder)), Site(servers, "undisturbed", Path(folder))


def run_campaign(
    stage: Stage, numbers: Iterable[int], seed: int, on_result: Callable[[Result], None] = lambda result: None
) -> Report:
    """Runs these numbers; what each does is the same whatever ran before it."""
    return campaigns.run_all(Report(seed), numbers, lambda number: Run(*stage, seed, number)(), on_result)
