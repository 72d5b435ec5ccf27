"""Models, in the schema `models`: states of versions and jobs, and how the API asks for predictions."""

from enum import StrEnum


class VersionState(StrEnum):
    """How far a version is. The table `models.versions` accepts no other values."""

    REGISTERED = "registered"
    """It was stored."""
    STAGING = "staging"
    """It was tested, and may be promoted."""
    PRODUCTION = "production"
    """It predicts. There is one such version of a model at most."""
    ARCHIVED = "archived"
    """It does not, or not any more."""


class JobState(StrEnum):
    """How far a job is. The table `models.jobs` accepts no other values."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


OPEN_DAYS = 60
"""Records without a value that began longer before the newest one are not predicted: it is missing, not to come."""

MOST_JOB_ROWS = 100_000
"""Of one job."""

REQUEST_JOB = "models.request_job(%(model)s, %(version)s, %(input)s, %(idempotency_key)s, %(requested_by)s)"
"""SQL call that returns the job: a new one, or that of the same idempotency key; NULL if no version can answer, or a
thousand jobs wait."""

CANCEL_JOB = "models.cancel_job(%(job_id)s)"
"""SQL call that says whether a job was cancelled: one that has ended cannot be."""
