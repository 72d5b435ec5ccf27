"""The Celery application that a worker runs; needs the extra `celery`.

    celery -A logistics_pipeline.orchestration.runtime.celery_app worker -Q dagster

A worker executes whole Dagster runs, each in a process of its pool that has the code loaded already. Celery wants its
application as a variable of a module, so the environment is read here, at import. `celery_launcher` is the other end.
"""

import os

from dagster_celery.make_app import make_app
from dagster_celery.tasks import create_execute_job_task

QUEUE = "dagster"
BROKER = os.environ.get("CELERY_BROKER_URL", "redis://127.0.0.1:6379/0")

CONFIGURATION = {
    "task_default_queue": QUEUE,
    # The run of a worker that dies is not given to another: Dagster fails it, and the file sensor requests another.
    "task_acks_late": False,
    # A run needs its database, not the broker: it continues while the broker is away.
    "worker_cancel_long_running_tasks_on_connection_loss": False,
    # One run at a time per process of the pool, and none waiting in a worker while another is idle.
    "worker_prefetch_multiplier": 1,
    # A run that waits longer than this in a worker would be given to a second one as well. The default is an hour.
    "broker_transport_options": {"visibility_timeout": 86_400},
    "broker_connection_retry_on_startup": True,
    # Whatever a library leaks ends with the process.
    "worker_max_tasks_per_child": 200,
}

app = make_app(  # type: ignore[no-untyped-call]
    {
        "broker": BROKER,
        "backend": os.environ.get("CELERY_RESULT_BACKEND", BROKER),
        "include": [],
        "task_default_queue": QUEUE,
        "config_source": CONFIGURATION,
    }
)
execute_job = create_execute_job_task(app)
"""Dagster's own task. There is none to resume a run: a run that died fails, and a new one resumes its files."""
