"""How Dagster tries again. Only passing troubles are retried: a file at fault fails at once (see assets.raw)."""

import dagster as dg

TRANSIENT_RETRIES = dg.RetryPolicy(max_retries=3, delay=2, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS)
"""About 2, 6 and 14 seconds, on top of the waiting that the loader does itself before it gives up."""

NO_RUN_RETRIES = {"dagster/max_retries": "0"}
"""Tags of load runs: a run that died is requested again by the sensor, which counts the attempts of each file."""
