"""The command that scores the data of the datasets: quality."""

from collections.abc import Iterator
from typing import Annotated

import typer

from logistics_core.catalogue import Catalogue, Dataset
from logistics_core.quality import Rule
from logistics_core.settings import Settings
from logistics_pipeline import ledger
from logistics_pipeline.analytics.quality import Quality, count_references, quality_of
from logistics_pipeline.cli.options import AsJson
from logistics_pipeline.cli.output import print_json, print_table, say
from logistics_pipeline.database.connections import connect
from logistics_pipeline.errors import PipelineError
from logistics_pipeline.local.environment import open_environment


def register(app: typer.Typer) -> None:
    """Adds this module's command."""
    app.command()(quality)


def quality(
    dataset: Annotated[
        str | None, typer.Argument(help="Only this dataset, with each rule; all datasets without")
    ] = None,
    as_json: AsJson = False,
    recount: Annotated[
        bool, typer.Option("--recount", help="Count the cells of the raw tables again first; loads wait meanwhile")
    ] = False,
) -> None:
    """Scores the data of each dataset by what the loads have counted (definition q1), from 0 to 1.

    The score is the mean of the dimensions that were tested, a dimension the mean of its rules. Exit code 1 if a score
    is below the floor that its contract sets.
    """
    with open_environment(Settings()) as environment:
        catalogue = environment.catalogue()
        wanted = _wanted(catalogue, dataset)
        with connect(environment.database_url) as connection:
            for each in wanted if recount else ():
                ledger.count_columns_again(connection, each)
        count_references(environment.database_url, catalogue)
        with connect(environment.database_url) as connection:
            found = quality_of(connection, wanted)
    if as_json:
        for one in found:
            print_json(one.document())
    elif dataset is None:
        _print_all(found)
    else:
        _print_rules(found[0])
    if any(each.is_below_floor for each in found):
        raise typer.Exit(1)


def _wanted(catalogue: Catalogue, name: str | None) -> list[Dataset]:
    if name is None:
        return list(catalogue.values())
    if name not in catalogue:
        raise PipelineError(f"There is no dataset {name!r}. There are: {', '.join(catalogue)}.")
    return [catalogue[name]]


def _print_all(found: list[Quality]) -> None:
    print_table(
        ("dataset", "score", "floor", "dimensions", "worst rule"),
        [
            (
                each.dataset.name,
                per_cent(each.score.score),
                per_cent(each.floor),
                ", ".join(f"{part.dimension} {per_cent(part.score)}" for part in each.score.dimensions),
                "" if each.score.worst is None else _describe(each.score.worst),
            )
            for each in found
        ],
    )


def _print_rules(found: Quality) -> None:
    print_table(
        ("dimension", "rule", "field", "passed", "tested", "share"),
        [
            (rule.dimension, rule.name, rule.field or "", f"{rule.passed:,}", f"{rule.tested:,}", per_cent(rule.share))
            for part in found.score.dimensions
            for rule in part.rules
        ],
    )
    say(" ".join(_summary(found)))


def _summary(found: Quality) -> Iterator[str]:
    if found.score.score is None:
        yield f"Nothing of {found.dataset.name} was tested yet."
        return
    yield f"{found.dataset.name}: {per_cent(found.score.score)} by the definition {found.document()['definition']}."
    if found.is_below_floor:
        yield f"That is below the {per_cent(found.floor)} that its contract expects."
    if found.score.worst is not None:
        yield f"Worst rule: {_describe(found.score.worst)}."


def _describe(rule: Rule) -> str:
    of = f" of {rule.field}" if rule.field else ""
    return f"{rule.dimension}{of}: {rule.failed:,} of {rule.tested:,} failed"


def per_cent(share: float | None) -> str:
    """A share for people: 100 % only where nothing has failed."""
    if share is None:
        return ""
    return "100 %" if share == 1 else f"{min(100 * share, 99.99):.2f} %"
