"""Statements about alerts. They only read, but for the functions that act on incidents, silences and rules."""

from logistics_api.row_access.permitted import is_about_permitted
from logistics_core.database_contract.alerts import (
    ACT_ON_INCIDENT,
    ADD_RULE,
    ADD_SILENCE,
    ADD_WINDOW,
    CHANGE_RULE,
    END_SILENCE,
    END_WINDOW,
    REMOVE_RULE,
    REQUEST_TRIAL,
)

_OPEN = "incident.closed_at IS NULL"
_PERMITTED = is_about_permitted("incident.about_rows")

RULES = f"""
-- Returns the rules with what is open of each, and when workers did their duties last.
-- One row: a JSON object.
-- Reads alert.rules, .evaluations, .incidents, .heartbeats.
SELECT json_build_object(
    'rules', (
        SELECT coalesce(json_agg(json_build_object(
            'name', rule.name,
            'title', rule.definition ->> 'title',
            'description', coalesce(rule.definition ->> 'description', ''),
            'severity', coalesce(rule.definition ->> 'severity', 'warning'),
            'watch', rule.definition -> 'watch',
            'when', rule.definition -> 'when',
            'owner', rule.definition ->> 'owner',
            'runbook', rule.definition ->> 'runbook',
            'origin', rule.origin,
            'version', rule.version,
            'is_enabled', rule.enabled,
            'problem', rule.problem,
            'changed_at', rule.changed_at,
            'changed_by', rule.changed_by,
            'open_incidents', (
                SELECT count(*) FROM alert.incidents AS incident WHERE incident.rule = rule.name AND {_OPEN}
            ),
            'subjects', evaluation.subjects,
            'evaluated_at', evaluation.evaluated_at,
            'error', evaluation.error
        ) ORDER BY rule.name COLLATE "C"), '[]')
        FROM alert.rules AS rule
        LEFT JOIN alert.evaluations AS evaluation ON rule.name = evaluation.rule
        WHERE rule.removed_at IS NULL
    ),
    'duties', (
        SELECT coalesce(json_agg(json_build_object(
            'duty', duty, 'worker', worker, 'at', at, 'problem', problem,
            'seconds_ago', round(extract(epoch FROM clock_timestamp() - at)::numeric, 1)
        ) ORDER BY duty), '[]')
        FROM alert.heartbeats
    )
)
"""

_INCIDENT = """
    'incident_id', incident.incident_id,
    'rule', incident.rule,
    'rule_version', incident.rule_version,
    'kind', incident.kind,
    'labels', incident.labels,
    'severity', incident.severity,
    'title', incident.title,
    'summary', incident.summary,
    'facts', (
        SELECT coalesce(json_agg(json_build_object('name', fact ->> 0, 'value', fact ->> 1)), '[]')
        FROM jsonb_array_elements(incident.facts) AS fact
    ),
    'path', incident.path,
    'value', incident.value,
    'data_version', incident.data_version,
    'opened_at', incident.opened_at,
    'closed_at', incident.closed_at,
    'closed_because', incident.closed_because,
    'announced_at', incident.announced_at,
    'held_because', CASE WHEN %(granted)s::jsonb IS NULL THEN incident.held_because END,
    'acknowledged_at', incident.acknowledged_at,
    'acknowledged_by', incident.acknowledged_by,
    'assigned_to', incident.assigned_to
"""

INCIDENTS = f"""
-- Returns incidents, the newest first, and how many there are: those about permitted rows.
-- One row: a JSON object.
-- Reads alert.incidents, by its indexes.
WITH matching AS (
    SELECT incident.incident_id
    FROM alert.incidents AS incident
    WHERE (%(state)s = 'all' OR (%(state)s = 'open') = ({_OPEN}))
        AND (%(rule)s::text IS NULL OR incident.rule = %(rule)s)
        AND (%(severity)s::text IS NULL OR incident.severity = %(severity)s)
        AND {_PERMITTED}
),
page AS (
    SELECT incident_id
    FROM matching
    WHERE %(before)s::bigint IS NULL OR incident_id < %(before)s
    ORDER BY incident_id DESC
    LIMIT %(limit)s
)
SELECT json_build_object(
    'total', (SELECT count(*) FROM matching),
    'open', (
        SELECT json_build_object(
            'critical', count(*) FILTER (WHERE incident.severity = 'critical'),
            'warning', count(*) FILTER (WHERE incident.severity = 'warning'),
            'info', count(*) FILTER (WHERE incident.severity = 'info')
        )
        FROM alert.incidents AS incident
        WHERE {_OPEN} AND {_PERMITTED}
    ),
    'incidents', (
        SELECT coalesce(json_agg(json_build_object({_INCIDENT}) ORDER BY incident.incident_id DESC), '[]')
        FROM alert.incidents AS incident
        INNER JOIN page ON incident.incident_id = page.incident_id
    )
)
"""

ONE_INCIDENT = f"""
-- Returns an incident with its timeline; to who may see some rows only without the words of people about it.
-- One row: a JSON object, NULL if the incident does not exist.
-- Reads alert.incidents, .events.
SELECT (
    SELECT json_build_object({_INCIDENT}, 'chart', incident.chart, 'timeline', (
        SELECT json_agg(json_build_object(
            'number', event.number, 'kind', event.kind, 'at', event.at, 'author', event.author, 'text', event.text,
            'value', event.value
        ) ORDER BY event.number)
        FROM alert.events AS event
        WHERE event.incident_id = incident.incident_id
            AND (%(granted)s::jsonb IS NULL OR event.kind NOT IN ('commented', 'held'))
    ))
    FROM alert.incidents AS incident
    WHERE incident.incident_id = %(incident_id)s AND {_PERMITTED}
)
"""

SILENCES = """
-- Returns the silences that are, or will be, in force.
-- One row: a JSON array, the next to begin first.
-- Reads alert.silences, by its index.
SELECT coalesce(json_agg(json_build_object(
    'silence_id', silence_id, 'rule', rule, 'labels', labels, 'starts_at', starts_at, 'ends_at', ends_at,
    'author', author, 'reason', reason, 'made_at', made_at, 'is_in_force', starts_at <= now()
) ORDER BY starts_at, silence_id), '[]')
FROM alert.silences
WHERE ends_at > now() AND ended_at IS NULL
"""

_WRITTEN_RULE = """
    'name', rule.name,
    'version', rule.version,
    'origin', rule.origin,
    'is_enabled', rule.enabled,
    'problem', rule.problem,
    'changed_at', rule.changed_at,
    'changed_by', rule.changed_by,
    'definition', rule.definition
"""

WRITTEN_RULES = f"""
-- Returns the rules as they are written.
-- One row: a JSON array by name.
-- Reads alert.rules.
SELECT coalesce(json_agg(json_build_object({_WRITTEN_RULE}) ORDER BY rule.name COLLATE "C"), '[]')
FROM alert.rules AS rule
WHERE rule.removed_at IS NULL
"""

ONE_WRITTEN_RULE = f"""
-- Returns a rule as it is written, with its newest versions.
-- One row: a JSON object, NULL if the rule does not exist.
-- Reads alert.rules, .rule_versions.
SELECT (
    SELECT json_build_object({_WRITTEN_RULE}, 'versions', (
        SELECT coalesce(json_agg(json_build_object(
            'version', newest.version, 'since', newest.since, 'author', newest.author, 'definition', newest.definition
        ) ORDER BY newest.version DESC), '[]')
        FROM (
            SELECT version, since, author, definition
            FROM alert.rule_versions
            WHERE name = rule.name
            ORDER BY version DESC
            LIMIT 20
        ) AS newest
    ))
    FROM alert.rules AS rule
    WHERE rule.name = %(name)s AND rule.removed_at IS NULL
)
"""

ONE_TRIAL = """
-- Returns the trial of a rule.
-- One row: a JSON object, NULL if there is no such trial.
-- Reads alert.trials.
SELECT (
    SELECT json_build_object(
        'trial_id', trial_id, 'name', name, 'days', days, 'state', state, 'requested_at', requested_at,
        'requested_by', requested_by, 'finished_at', finished_at, 'result', result, 'error', error
    )
    FROM alert.trials
    WHERE trial_id = %(trial_id)s
)
"""

WINDOWS = """
-- Returns the maintenance windows that have not ended.
-- One row: a JSON array, the oldest first.
-- Reads alert.windows, by its index.
SELECT coalesce(json_agg(json_build_object(
    'window_id', window_id, 'rule', rule, 'labels', labels, 'hours', hours, 'ends_at', ends_at, 'author', author,
    'reason', reason, 'made_at', made_at
) ORDER BY window_id), '[]')
FROM alert.windows
WHERE ends_at > now() AND ended_at IS NULL
"""

IS_RULE = """
-- Says whether there is a rule of a name.
-- One row: true or false.
-- Reads alert.rules.
SELECT EXISTS (SELECT FROM alert.rules WHERE name = %(name)s AND removed_at IS NULL)
"""

ACT = f"SELECT {ACT_ON_INCIDENT}"
ADD = f"SELECT {ADD_SILENCE}"
END = f"SELECT {END_SILENCE}"
ADD_A_RULE = f"SELECT {ADD_RULE}"
CHANGE_A_RULE = f"SELECT {CHANGE_RULE}"
REMOVE_A_RULE = f"SELECT {REMOVE_RULE}"
OPEN_A_WINDOW = f"SELECT {ADD_WINDOW}"
CLOSE_A_WINDOW = f"SELECT {END_WINDOW}"
TRY_A_RULE = f"SELECT {REQUEST_TRIAL}"
"""One row each: what the function returns."""
