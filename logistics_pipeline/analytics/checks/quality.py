"""Checks of a dataset's quality."""

from typing import Any

from logistics_core.catalogue import Dataset
from logistics_core.quality import DEFINITION
from logistics_pipeline.analytics.checks.model import Finding
from logistics_pipeline.analytics.quality import Quality, quality_of
from logistics_pipeline.database.connections import Connection


def good_quality(dataset: Dataset, connection: Connection, whole: bool) -> Finding:
    """The score is not below the floor of the contract. Cost: reads the dataset's rows of the ledger."""
    (found,) = quality_of(connection, [dataset])
    score = found.score.score
    figures = _figures(found)
    if score is None:
        return Finding.passing("Nothing was tested yet.", figures)
    worst = found.score.worst
    because = "nothing has failed"
    if worst is not None:
        of = f" of {worst.field}" if worst.field else ""
        because = f"the worst rule is {worst.dimension}{of}: {worst.failed:,} of {worst.tested:,} failed"
    if found.is_below_floor:
        return Finding.warning(
            f"The quality is {score} ({DEFINITION}), below the floor of {found.floor} in the contract; {because}. "
            f"`logistics quality {dataset.name}` lists every rule, `logistics rejects` the records.",
            figures,
        )
    floor = "the contract sets no floor" if found.floor is None else f"the floor is {found.floor}"
    return Finding.passing(f"The quality is {score} ({DEFINITION}), {floor}; {because}.", figures)


def _figures(found: Quality) -> dict[str, Any]:
    figures: dict[str, Any] = {"definition": DEFINITION, "tested": found.score.tested}
    if found.score.score is not None:
        figures["quality"] = found.score.score
    return figures | {f"quality_{each.dimension}": each.score for each in found.score.dimensions}
