"""The command that runs the checks that Dagster shows on tables, ledger and figures: check."""

from typing import Annotated

import typer

from logistics_core.settings import Settings
from logistics_pipeline.analytics.checks import Check, Finding, all_checks, run_checks
from logistics_pipeline.analytics.checks.wording import count
from logistics_pipeline.cli.output import print_json, print_table, say
from logistics_pipeline.local.environment import open_environment


def register(app: typer.Typer) -> None:
    """Adds this module's command."""
    app.command()(check)


def check(
    everything: Annotated[
        bool, typer.Option("--all", help="Compare all days and count all rows instead of a sample")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document per check")] = False,
) -> None:
    """Checks that the figures match the raw rows and that every record is accounted for.

    Exit code 1 on any error; a warning alone is no failure.
    """
    settings = Settings()
    with open_environment(settings) as environment:
        checks = all_checks(environment.catalogue(), settings.warn_threshold)
        found = run_checks(environment.database_url, checks, whole=everything)
    if as_json:
        for each, finding in found:
            print_json(_document(each, finding))
    else:
        print_table(
            ("table", "check", "", "found"),
            [(f"{each.schema}.{each.table}", each.name, _mark(finding), finding.sentence) for each, finding in found],
        )
        say(_summary([finding for _, finding in found]))
    if any(finding.is_error for _, finding in found):
        raise typer.Exit(1)


def _document(each: Check, finding: Finding) -> dict[str, object]:
    return {
        "table": f"{each.schema}.{each.table}",
        "check": each.name,
        "passed": finding.passed,
        "severity": None if finding.passed else finding.severity,
        "found": finding.sentence,
        "figures": finding.figures,
    }


def _mark(finding: Finding) -> str:
    return "ok" if finding.passed else finding.severity.upper()


def _summary(found: list[Finding]) -> str:
    errors = sum(finding.is_error for finding in found)
    warnings = sum(not finding.passed for finding in found) - errors
    return f"{len(found):,} checks: {count(errors, 'error', 'errors')}, {count(warnings, 'warning', 'warnings')}."
