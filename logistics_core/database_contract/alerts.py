"""Alerts, in the schema `alert`: the statements with which the API acts on incidents and silences."""

ACT_ON_INCIDENT = "alert.act_on_incident(%(incident_id)s, %(action)s, %(requested_by)s, %(words)s, %(assignee)s)"
"""SQL call that acknowledges, assigns or comments on an incident; false if there is none, or its timeline is full."""

ADD_SILENCE = "alert.add_silence(%(rule)s, %(labels)s::jsonb, %(starts_at)s, %(ends_at)s, %(requested_by)s, %(reason)s)"
"""SQL call that makes a silence and returns its ID; NULL if a thousand are in force already."""

END_SILENCE = "alert.end_silence(%(silence_id)s, %(requested_by)s)"
"""SQL call that ends a silence; NULL if it is not in force."""
