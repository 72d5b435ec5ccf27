"""The campaign: run after run against one site, and the report."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests import campaigns
from tests.sources.campaign.kinds import KINDS
from tests.sources.campaign.run import Result, Run
from tests.sources.site import Site, served_site
from tests.temporary_folders import temporary_folder


class Report(campaigns.Report[Result]):
    """What all runs have shown."""

    def __str__(self) -> str:
        return self.table(_HEAD, _line, [kind.name for kind in KINDS], lambda result: result.kind, describe)


_LINE = "{:25} {:>5} {:>8} {:>6} {:>5} {:>8} {:>6} {:>7} {:>7} {:>5}"
_HEAD = _LINE.format("fault", "runs", "strikes", "pulls", "lost", "doubled", "wrong", "unseen", "failed", "MiB")


def _line(name: str, results: list[Result]) -> str:
    return _LINE.format(
        name,
        len(results),
        sum(result.strikes for result in results),
        sum(result.calls for result in results),
        sum(len(result.lost) for result in results),
        sum(len(result.doubled) for result in results),
        sum(len(result.wrong) for result in results),
        sum(result.unseen for result in results),
        sum(not result.is_good for result in results),
        max((result.memory_bytes >> 20 for result in results), default=0),
    )


def describe(result: Result, seed: int) -> str:
    """One run in a sentence; what is wrong with it and how to see it again, if anything is."""
    line = f"run {result.number}: {result.kind}: {result.story}; {result.strikes} strikes, {result.calls} pulls"
    if result.is_good:
        return line
    findings = [
        f"{len(each)} {name}: {', '.join(each[:3])}"
        for name, each in (("lost", result.lost), ("doubled", result.doubled), ("wrong", result.wrong))
        if each
    ]
    findings += ["nothing reported it"] if result.unseen else []
    findings += [result.trouble] if result.trouble else []
    listed = "\n    ".join(findings)
    return f"{line}\n    {listed}\n    Again: make faults ONLY=sources SEED={seed} RUN={result.number}"


@contextmanager
def build_site() -> Iterator[Site]:
    """Starts a server of the campaign's own, and takes everything away at the end."""
    with (
        temporary_folder("logistics-sources-") as folder,
        served_site(Path(folder)) as site,
    ):
        yield site


def run_campaign(
    site: Site, numbers: Iterable[int], seed: int, on_result: Callable[[Result], None] = lambda result: None
) -> Report:
    """Runs these numbers; each is the same whatever ran before it."""
    return campaigns.run_all(Report(seed), numbers, lambda number: Run(site, seed, number)(), on_result)
