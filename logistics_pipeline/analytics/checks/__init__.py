"""The checks: what must be true of the tables and the ledger. Independent of Dagster.

Each check queries the database and returns a `Finding`. `orchestration.assets.checks` shows the findings in the Dagster
UI, `cli.check` on the command line. The checks run after every refresh, so each states its cost at ten million rows;
asked to check everything (`whole`), they may read whole tables.

An error is what must never happen: rows lost, figures that are wrong, a file that is not loaded. A warning is what a
feed may do and somebody should have a look at.

`registry` lists the checks and `runner` runs them; `files`, `rows`, `figures` and `consistency` hold the checks
themselves, on `recomputation`, `queries`, `wording` and `model`.
"""

from logistics_pipeline.analytics.checks.model import Check, Finding, Severity
from logistics_pipeline.analytics.checks.registry import ANALYTICS_CHECKS, all_checks, raw_checks
from logistics_pipeline.analytics.checks.runner import ledger_states, run_checks, snapshot

__all__ = [
    "ANALYTICS_CHECKS",
    "Check",
    "Finding",
    "Severity",
    "all_checks",
    "ledger_states",
    "raw_checks",
    "run_checks",
    "snapshot",
]
