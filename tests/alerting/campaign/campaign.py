"""The campaign: run after run against one server, and the report."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests import campaigns
from tests.alerting.campaign.faults import FAULTS
from tests.alerting.campaign.run import Result, Run
from tests.alerting.campaign.stage import Stage
from tests.faults.proxy import Proxy
from tests.faults.server import FragileServer
from tests.notifying.mail_server import mail_server
from tests.notifying.sink import serving
from tests.temporary_folders import temporary_folder


class Report(campaigns.Report[Result]):
    """What all runs have shown."""

    def __str__(self) -> str:
        return self.table(_HEAD, _line, FAULTS, lambda result: result.fault, describe)


_LINE = "{:32} {:>5} {:>8} {:>8} {:>10} {:>9} {:>7} {:>7}"
_HEAD = _LINE.format("fault", "runs", "changes", "strikes", "incidents", "messages", "copies", "failed")


def _line(name: str, results: list[Result]) -> str:
    return _LINE.format(
        name,
        len(results),
        sum(len(result.story) for result in results),
        sum(result.strikes for result in results),
        sum(result.incidents for result in results),
        sum(result.messages for result in results),
        sum(result.copies for result in results),
        sum(not result.is_good for result in results),
    )


def describe(result: Result, seed: int) -> str:
    """One run in a line; what is wrong with it and how to see it again, if anything is."""
    line = (
        f"run {result.number}: {result.fault}: {result.strikes} strikes, {result.incidents} incidents, "
        f"{result.messages} messages, {result.copies} copies, {result.seconds:.1f} s"
    )
    if result.is_good:
        return line
    story = "; ".join(result.story)
    again = f"Again: make faults ONLY=alerts SEED={seed} RUN={result.number}"
    return "\n    ".join([line, story, *result.troubles, again])


@contextmanager
def build_stage() -> Iterator[Stage]:
    """Starts a server and receivers of the campaign's own, and takes everything away at the end."""
    with (
        temporary_folder("logistics-alerts-") as folder,
        serving() as sink,
        mail_server("none") as mailbox,
    ):
        server = FragileServer(Path(folder) / "postgres")
        proxy = Proxy(lambda: server.socket_path)
        try:
            yield Stage(server, proxy, sink, mailbox, Path(folder))
        finally:
            proxy.close()
            server.close()


def run_campaign(
    stage: Stage, numbers: Iterable[int], seed: int, on_result: Callable[[Result], None] = lambda result: None
) -> Report:
    """Runs these numbers; each is the same whatever ran before it."""
    return campaigns.run_all(Report(seed), numbers, lambda number: Run(stage, seed, number)(), on_result)
