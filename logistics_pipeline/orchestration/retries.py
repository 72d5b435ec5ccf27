"""How Dagster retries. Only transient errors are retried; what would fail the same way again fails at once."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from logistics_pipeline.errors import PipelineError, TransientError

TRANSIENT_RETRIES = dg.RetryPolicy(max_retries=3, delay=2, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS)
"""About 2, 6 and 14 seconds, on top of the loader's own retries before it gives up."""

NO_RUN_RETRIES = {"dagster/max_retries": "0"}
"""Tags of load runs: the sensor requests a run that died again, and counts the attempts of each file."""


INTERRUPTIONS = (KeyboardInterrupt, dg.DagsterExecutionInterruptedError)
"""What Dagster raises in a run's process when the run is terminated or its machine is shut down."""


@contextmanager
def only_transient_errors_retried() -> Iterator[None]:
    """Surrounds an asset's work: a retry policy alone would retry every error, bugs and bad settings among them.

    It would also retry a step that a person has terminated, who wants it to end.
    """
    try:
        yield
    except (TransientError, dg.Failure, dg.RetryRequested):
        raise
    except INTERRUPTIONS as interruption:
        raise dg.Failure("The run was terminated.", allow_retries=False) from interruption
    except PipelineError as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    except Exception as error:
        raise dg.Failure(f"{type(error).__name__}: {error}", allow_retries=False) from error
