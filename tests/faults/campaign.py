"""The campaign: run after run against one server, and the report."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.faults import FAULTS
from tests.faults.proxy import Proxy
from tests.faults.run import Result, Run
from tests.faults.server import FragileServer
from tests.faults.site import Site
from tests.temporary_folders import temporary_folder


@dataclass
class Report:
    """What all runs have shown."""

    seed: int
    results: list[Result] = field(default_factory=list)
    seconds: float = 0

    @property
    def failures(self) -> list[Result]:
        return [result for result in self.results if not result.is_good]

    @property
    def strikes(self) -> int:
        """A run whose moment never came counts as a strike that came too late."""
        return sum(max(1, result.strikes) for result in self.results)

    @property
    def in_mid_load(self) -> int:
        return sum(result.in_mid_load for result in self.results)

    def __str__(self) -> str:
        lines = [_LINE.format("fault", "runs", "in mid-load", "too late", "lost", "doubled", "wrong", "failed runs")]
        for name in [fault.name for fault in FAULTS]:
            lines.append(_line(name, [result for result in self.results if result.fault == name]))
        lines.append(_line("all", self.results))
        lines.append(f"Seed {self.seed}, {self.seconds:.0f} s.")
        lines += [describe(result, self.seed) for result in self.failures]
        return "\n".join(lines)


_LINE = "{:20} {:>5} {:>12} {:>9} {:>6} {:>8} {:>6} {:>12}"


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
    report, began_at = Report(seed), time.monotonic()
    for number in numbers:
        report.results.append(Run(*stage, seed, number)())
        on_result(report.results[-1])
    report.seconds = time.monotonic() - began_at
    return report
