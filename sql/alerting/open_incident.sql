-- Opens an incident with the first event of its timeline, unless one of the same rule, subject and kind is open.
-- No rows.
-- Writes alert.incidents, alert.events.

WITH opened AS (
    INSERT INTO alert.incidents (
        rule, rule_version, kind, labels, severity, title, summary, facts, words, about_rows, path, value,
        data_version, opened_at
    )
    VALUES (
        %(rule)s, %(version)s, %(kind)s, %(labels)s, %(severity)s, %(title)s, %(summary)s, %(facts)s, %(words)s,
        %(about_rows)s, %(page)s, %(value)s, %(data_version)s, %(moment)s
    )
    ON CONFLICT (rule, labels, kind) WHERE closed_at IS NULL DO NOTHING
    RETURNING incident_id, opened_at, summary, value
)

INSERT INTO alert.events (incident_id, number, kind, at, author, text, value)
SELECT incident_id, 1, 'opened', opened_at, %(author)s, left(summary, 4000), value
FROM opened
