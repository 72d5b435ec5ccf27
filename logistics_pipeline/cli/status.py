"""The command that sums up the whole system: status."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import typer

from logistics_core.database_contract.contracts import ProposalKind
from logistics_core.database_contract.file_states import FileState
from logistics_core.settings import Settings
from logistics_core.sql_files import read_sql
from logistics_pipeline import ledger
from logistics_pipeline.cli.options import AsJson
from logistics_pipeline.cli.output import console, print_json
from logistics_pipeline.contracts.proposals import StoredProposal, open_proposals
from logistics_pipeline.database.connections import connect
from logistics_pipeline.local.environment import open_environment
from logistics_pipeline.local.supervisor import are_contracts_watched, does_a_worker_run, responding, web_urls

SEVERITIES = ("critical", "warning", "info")
MOST_PROPOSALS = 5
"""Proposals that are listed; the rest are counted."""


def register(app: typer.Typer) -> None:
    """Adds this module's command."""
    app.command()(status)


def status(as_json: AsJson = False) -> None:
    """Sums up the system: what runs, the files by state, the records of each dataset, how recent the figures are.

    Exit code 1 if a file failed or the figures could not be refreshed.
    """
    settings = Settings()
    with open_environment(settings) as environment, connect(environment.database_url) as connection:
        row = connection.execute(read_sql("describing/system_status")).fetchone()
        warnings = ledger.count_warnings(connection, settings.warn_threshold)
        waiting = open_proposals(connection)
        incidents = connection.execute(
            "SELECT severity, count(*) FROM alert.incidents WHERE closed_at IS NULL GROUP BY severity"
        ).fetchall()
    assert row is not None
    found: dict[str, Any] = row[0] | {"files_with_warning": warnings}
    dagster_url, api_url = web_urls(settings)
    found["contracts"]["proposals"] = list(map(_proposal, waiting))
    found["contracts"]["are_watched"] = are_contracts_watched(environment.database_url)
    found["alerts"] = {
        "are_evaluated": does_a_worker_run(environment.database_url),
        "open_incidents": dict(incidents),
    }
    found["services"] = {url: responding(url) for url in (api_url, dagster_url)}
    if as_json:
        print_json(found)
    else:
        for line in _describe(found):
            console.print(line, markup=False)
    if found["files"].get(FileState.FAILED) or found["refresh_error"]:
        raise typer.Exit(1)


def _describe(found: dict[str, Any]) -> Iterator[str]:
    (api_url, api_runs), (dagster_url, dagster_runs) = found["services"].items()
    yield f"Dashboard and API  {api_url if api_runs else 'not running'}"
    yield f"Dagster            {dagster_url if dagster_runs else 'not running'}"
    files = ", ".join(f"{found['files'][state]:,} {state}" for state in FileState if found["files"].get(state))
    with_warning = found["files_with_warning"]
    noted = f" ({with_warning:,} with a warning: logistics files --state warning)" if with_warning else ""
    yield f"Files              {files or 'none yet'}{noted}"
    yield f"Contracts          {_contracts(found['contracts'])}"
    yield f"Alerts             {_alerts(found['alerts'])}"
    proposals = found["contracts"]["proposals"]
    for proposal in proposals[:MOST_PROPOSALS]:
        yield f"  {proposal['file']}: {_what_helps(proposal)}"
    if len(proposals) > MOST_PROPOSALS:
        yield f"  and {len(proposals) - MOST_PROPOSALS:,} more: logistics contracts list"
    for dataset, records in found["datasets"].items():
        yield f"{dataset:<18} {_balance(records)}"
    yield f"Figures            {_figures(found)}"
    if found["future_days"]["count"]:
        yield f"Future             {_future(found['future_days'])}"
    if found["unassigned_shipments"]:
        yield f"Waiting            {found['unassigned_shipments']:,} shipments wait for vehicle_logs"


def _alerts(alerts: dict[str, Any]) -> str:
    counts = [f"{alerts['open_incidents'][each]:,} {each}" for each in SEVERITIES if alerts["open_incidents"].get(each)]
    found = f"open: {', '.join(counts)}: logistics alerts incidents" if counts else "nothing is wrong"
    return found if alerts["are_evaluated"] else f"{found}; not evaluated: start logistics up or logistics work"


def _contracts(contracts: dict[str, Any]) -> str:
    waiting = contracts["open_proposals"]
    proposals = f"{waiting:,} {'proposal waits' if waiting == 1 else 'proposals wait'}: logistics contracts list"
    watched = "watched" if contracts["are_watched"] else "not watched: changes wait for logistics up or contracts watch"
    return f"{watched}; {proposals}" if waiting else watched


def _proposal(stored: StoredProposal) -> dict[str, Any]:
    """A proposal that waits: what for."""
    return {
        "proposal": str(stored.proposal_id),
        "file": stored.path,
        "dataset": stored.dataset,
        "kind": stored.kind,
        "open_questions": len(stored.open_questions),
        "obstacles": stored.obstacles,
    }


def _what_helps(proposal: dict[str, Any]) -> str:
    """What a file waits for, and the command that is next."""
    questions, obstacles = proposal["open_questions"], proposal["obstacles"]
    named = (
        f"{proposal['dataset']}, " if proposal["kind"] == ProposalKind.DRIFT else f"new dataset {proposal['dataset']}, "
    )
    if questions:
        asked = f"{questions:,} {'question is' if questions == 1 else 'questions are'} open"
        return f"{named}{asked}: logistics contracts show {proposal['proposal']}"
    if obstacles:
        return f"{named}it cannot be accepted: {obstacles[0].removesuffix('.')}"
    return f"{named}accept it: logistics contracts accept {proposal['proposal']}"


def _balance(records: dict[str, int]) -> str:
    rejected, read = records["rejected"], records["read"]
    share = f" ({_percentage(rejected, read)})" if rejected else ""
    return (
        f"{read:,} records read = {records['loaded']:,} loaded + {records['superseded']:,} superseded + "
        f"{rejected:,} rejected{share}"
    )


def _percentage(part: int, whole: int) -> str:
    per_cent = 100 * part / whole
    return f"{per_cent:.1f}%" if per_cent >= 0.1 else "less than 0.1%"


def _figures(found: dict[str, Any]) -> str:
    if found["refresh_error"]:
        return f"the last refresh failed: {found['refresh_error']}"
    behind = found["batches_to_refresh"]
    waiting = f"; {behind:,} {'batch waits' if behind == 1 else 'batches wait'} for the next refresh" if behind else ""
    if found["first_day"] is None:
        return f"none yet{waiting}"
    refreshed = datetime.fromisoformat(found["last_calculated_at"])
    return (
        f"{found['first_day']} to {found['last_day']}, data version {found['data_version']:,}, "
        f"refreshed {refreshed:%Y-%m-%d %H:%M:%S} UTC{waiting}"
    )


def _future(days: dict[str, Any]) -> str:
    number = f"{days['count']:,} {'day is' if days['count'] == 1 else 'days are'}"
    return f"{number} in the future, up to {days['newest']}: see logistics check"
