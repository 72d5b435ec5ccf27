"""The sensor that shows proposals of contracts that wait for a person: as observations of an asset, and in its log.

A proposal belongs to no table yet, so there is an asset for all of them. Answers are given elsewhere: in the dashboard,
through the API, or with `logistics contracts`.
"""

import json

import dagster as dg

from logistics_core.settings import Settings
from logistics_core.sql_files import read_sql
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.orchestration.assets.api_links import api_url
from logistics_pipeline.orchestration.assets.metadata import Literal, markdown_table
from logistics_pipeline.orchestration.resources import DatabaseResource

PROPOSALS = dg.AssetSpec(
    ["catalogue", "proposals"],
    group_name="contracts",
    kinds={"postgres"},
    owners=["team:logistics"],
    description="Contracts proposed for files that belong to no dataset, or no longer fit theirs, and that wait for a "
    "person. Each observation lists those that wait. `logistics contracts list` shows them too.",
    metadata={"dagster/table_name": "catalogue.proposals"},
)
MAX_SHOWN = 100

Proposal = tuple[str, str, str, str, int, int]
"""Id, path, dataset, kind, open questions, obstacles."""


def build_proposal_sensor(interval_seconds: int) -> dg.SensorDefinition:
    """Makes the sensor."""

    @dg.sensor(
        name="contract_proposals",
        minimum_interval_seconds=interval_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Shows the contracts that are proposed and wait for a person, whenever these change.",
    )
    def contract_proposals(
        context: dg.SensorEvaluationContext, database: dg.ResourceParam[DatabaseResource]
    ) -> dg.SensorResult | dg.SkipReason:
        with database.kept_connection() as connection:
            waiting = _open_proposals(connection)
        before: dict[str, int] = json.loads(context.cursor or "{}")
        now = {proposal_id: questions + obstacles for proposal_id, _, _, _, questions, obstacles in waiting}
        if now == before:
            return dg.SkipReason(f"{len(waiting):,} proposals wait, as before")
        for proposal in waiting:
            if proposal[0] not in before:
                context.log.warning(_sentence(proposal, database.settings))
        return dg.SensorResult(cursor=json.dumps(now), asset_events=[_observation(waiting, database.settings)])

    return contract_proposals


def _open_proposals(connection: Connection) -> list[Proposal]:
    return connection.execute(read_sql("describing/open_proposals").encode(), {"most": MAX_SHOWN}).fetchall()


def _sentence(proposal: Proposal, settings: Settings) -> str:
    proposal_id, path, dataset, _, questions, _ = proposal
    asked = f", {questions:,} {'question is' if questions == 1 else 'questions are'} open" if questions else ""
    return f"{path}: a contract of {dataset} is proposed and waits for a person{asked}: {_link(proposal_id, settings)}"


def _link(proposal_id: str, settings: Settings) -> str:
    return f"{api_url(settings)}/api/contracts/proposals/{proposal_id}"


def _observation(waiting: list[Proposal], settings: Settings) -> dg.AssetObservation:
    rows = [
        (Literal(path), dataset, kind, questions, obstacles, f"[{proposal_id}]({_link(proposal_id, settings)})")
        for proposal_id, path, dataset, kind, questions, obstacles in waiting
    ]
    columns = ("file", "dataset", "kind", "open questions", "obstacles", "proposal")
    metadata: dict[str, dg.MetadataValue] = {"waiting": dg.MetadataValue.int(len(waiting))}
    if rows:
        metadata["proposals"] = dg.MetadataValue.md(markdown_table(columns, rows))
    number = f"{len(waiting):,} {'proposal waits' if len(waiting) == 1 else 'proposals wait'}"
    return dg.AssetObservation(
        PROPOSALS.key,
        description=f"{number} for a person." if waiting else "No proposal waits for a person.",
        metadata=metadata,
    )
