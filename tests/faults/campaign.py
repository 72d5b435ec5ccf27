"""The campaign: run after run against one server, and the report."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests import campaigns
from tests.faults.faults import FAULTS
from tests.faults.proxy import Proxy
from tests.faults.run import Result, Run
from tests.faults.server import FragileServer
from tests.faults.site import Site
from tests.temporary_folders import temporary_folder


class Report(campaigns.Report[Result]):
    """What all runs have shown."""

    @property
    def strikes(self) -> int:
        """A run whose moment never came counts as a strike that came too late."""
        return sum(max(1, result.strikes) for result in self.results)

    @property
    def in_mid_load(self) -> int:
        return sum(result.in_mid_load for result in self.results)

    def __str__(self) -> str:
        return self.table(_HEAD, _line, [fault.name for fault in FAULTS], lambda result: result.fault, describe)


_LINE = "{:20} {:>5} {:>12} {:>9} {:>6} {:>8} {:>6} {:>12}"
_HEAD = _LINE.format("fault", "runs", "in mid-load", "too late", "lost", "doubled", "wrong", "failed runs")


def _line(name: str, results: list[Result]) -> str:
    in_mid_load = sum(result.in_mid_load for result in results)
    return _LINE.format(
        name,
        len(results),
        in_mid_load,
        sum(max(1, result.strikes) for result in results) - in_mid_load,
        sum(len(result.differences.lost) for result in results),
        sum(len(result.differences.doubled) for result in results),
        sum(len(result.differences.wrong) for result in results),
        sum(not result.is_good for result in results),
    )


def describe(result: Result, seed: int) -> str:
    """One run in a sentence; what is wrong with it and how to see it again, if anything is."""
    line = f"run {result.number}: {result.fault}: {result.story}"
    if result.is_good:
        return line
    findings = "\n    ".join(filter(None, [str(result.differences), result.trouble]))
    return f"{line}\n    {findings}\n    Again: make faults SEED={seed} RUN={result.number}"


Stage = tuple[Site, Site, Proxy]
"""A site for the faults, one without, and the proxy that is in a loader's way to their server."""


@contextmanager
def build_stage() -> Iterator[Stage]:
    """Starts a server of the campaign's own, and takes everything away at the end."""
    with temporary_folder("logistics-faults-") as folder:
        server = FragileServer(Path(folder) / "postgres")
        proxy = Proxy(lambda: server.socket_path)
        try:
            yield Site(server, "disturbed", Path(folder)), Site(server, "undisturbed", Path(folder)), proxy
        finally:
            proxy.close()
            server.close()


def run_campaign(
    stage: Stage, numbers: Iterable[int], seed: int, on_result: Callable[[Result], None] = lambda result: None
) -> Report:
    """Runs these numbers; each is the same whatever ran before it."""
    return campaigns.run_all(Report(seed), numbers, lambda number: Run(*stage, seed, number)(), on_result)
