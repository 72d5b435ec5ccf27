"""What campaigns of faults share: run after run from one seed, what they have shown, and the command by hand."""

import argparse
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from psycopg import sql

from logistics_pipeline.database.connections import Connection


class Outcome(Protocol):
    """What a run has shown."""

    @property
    def is_good(self) -> bool:
        """Whether nothing is wrong."""


Result = TypeVar("Result", bound=Outcome)
Stage = TypeVar("Stage")


@dataclass
class Report(Generic[Result]):
    """What all runs have shown."""

    seed: int
    results: list[Result] = field(default_factory=list)
    seconds: float = 0

    @property
    def failures(self) -> list[Result]:
        return [result for result in self.results if not result.is_good]

    def table(
        self,
        head: str,
        line: Callable[[str, list[Result]], str],
        names: Iterable[str],
        name_of: Callable[[Result], str],
        describe: Callable[[Result, int], str],
    ) -> str:
        """A line for each name and one for all, and what is wrong with the runs that failed."""
        lines = [head, *(line(name, [each for each in self.results if name_of(each) == name]) for name in names)]
        lines += [line("all", self.results), f"Seed {self.seed}, {self.seconds:.0f} s."]
        return "\n".join([*lines, *(describe(result, self.seed) for result in self.failures)])


Reported = TypeVar("Reported", bound="Report[Any]")


def run_all(
    report: Reported, numbers: Iterable[int], run: Callable[[int], Result], on_result: Callable[[Result], None]
) -> Reported:
    """Runs these numbers into a report; each is the same whatever ran before it."""
    began_at = time.monotonic()
    for number in numbers:
        report.results.append(run(number))
        on_result(report.results[-1])
    report.seconds = time.monotonic() - began_at
    return report


def main(
    program: str,
    description: str,
    build_stage: Callable[[], AbstractContextManager[Stage]],
    run_campaign: Callable[[Stage, Iterable[int], int, Callable[[Result], None]], Report[Result]],
    describe: Callable[[Result, int], str],
) -> int:
    """The campaign by hand; exit code 1 if a run has failed."""
    parser = argparse.ArgumentParser(prog=f"python -m {program}", description=description)
    parser.add_argument("--runs", type=int, default=100, help="how many runs (default: %(default)s)")
    parser.add_argument("--first", type=int, default=0, help="the number of the first one (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of all that is random (default: %(default)s)")
    parser.add_argument("--only", type=int, metavar="RUN", help="the run of this number alone")
    arguments = parser.parse_args()
    numbers = range(arguments.first, arguments.first + arguments.runs)
    if arguments.only is not None:
        numbers = range(arguments.only, arguments.only + 1)
    with build_stage() as stage:
        report = run_campaign(
            stage, numbers, arguments.seed, lambda result: print(describe(result, arguments.seed), flush=True)
        )
    print(f"\n{report}")
    return 1 if report.failures else 0


def empty_tables(
    connection: Connection, *schemas: str, kept: Sequence[str] = (), restarts_identity: bool = True
) -> None:
    """Takes all rows out of the tables of some schemas, but for those `kept` and the number of the schema."""
    tables = connection.execute(
        "SELECT schemaname, tablename FROM pg_tables WHERE schemaname = ANY(%s) AND tablename <> ALL(%s)",
        (list(schemas), ["alembic_version", *kept]),
    ).fetchall()
    names = sql.SQL(", ").join(sql.Identifier(*table) for table in tables)
    ending = " RESTART IDENTITY" if restarts_identity else ""
    connection.execute(sql.SQL("TRUNCATE {}").format(names) + sql.SQL(ending))
