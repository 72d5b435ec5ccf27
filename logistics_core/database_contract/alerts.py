"""Alerts, in the schema `alert`: the statements with which the API acts on incidents, silences and rules."""

from enum import StrEnum


class TrialState(StrEnum):
    """How far the trial of a rule is. The table `alert.trials` accepts no other values."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


ACT_ON_INCIDENT = "alert.act_on_incident(%(incident_id)s, %(action)s, %(requested_by)s, %(words)s, %(assignee)s)"
"""SQL call that acknowledges, assigns or comments on an incident; false if there is none, or its timeline is full."""

ADD_SILENCE = "alert.add_silence(%(rule)s, %(labels)s::jsonb, %(starts_at)s, %(ends_at)s, %(requested_by)s, %(reason)s)"
"""SQL call that makes a silence and returns its ID; NULL if a thousand are in force already."""

END_SILENCE = "alert.end_silence(%(silence_id)s, %(requested_by)s)"
"""SQL call that ends a silence; NULL if it is not in force."""

ADD_RULE = "alert.add_rule(%(name)s, %(definition)s::jsonb, %(requested_by)s)"
"""SQL call that makes a rule and returns its version; NULL if there is one of that name, 0 if there are a thousand."""

CHANGE_RULE = "alert.change_rule(%(name)s, %(version)s, %(definition)s::jsonb, %(origin)s, %(requested_by)s)"
"""SQL call that changes a rule that is no file, and returns its new version; NULL if it has not the known one."""

REMOVE_RULE = "alert.remove_rule(%(name)s, %(version)s, %(requested_by)s)"
"""SQL call that removes a rule and returns its version; NULL if it has not the known one any more."""

REQUEST_TRIAL = "alert.request_trial(%(name)s, %(definition)s::jsonb, %(days)s, %(requested_by)s)"
"""SQL call that asks a worker to try a rule and returns the ID of the request; NULL if too many wait."""

ADD_WINDOW = (
    "alert.add_window(%(rule)s, %(labels)s::jsonb, %(hours)s::jsonb, %(ends_at)s, %(requested_by)s, %(reason)s)"
)
"""SQL call that makes a maintenance window and returns its ID; NULL if there are a thousand already."""

END_WINDOW = "alert.end_window(%(window_id)s, %(requested_by)s)"
"""SQL call that ends a maintenance window; NULL if there is no such one any more."""
