-- Incidents and events remember which rows they are about, so that who may see some rows only sees and hears of those that
-- are about their own rows alone.

ALTER TABLE alert.incidents ADD COLUMN IF NOT EXISTS about_rows jsonb;
COMMENT ON COLUMN alert.incidents.about_rows IS 'Rows that all of its figures are made of: [{"dataset": …, "fields": {path: value}}]; NULL: it is not known, so only who may see all rows sees it';
ALTER TABLE notify.events ADD COLUMN IF NOT EXISTS about_rows jsonb;
COMMENT ON COLUMN notify.events.about_rows IS 'As in alert.incidents, of all incidents that it tells of';

CREATE OR REPLACE FUNCTION access.are_rows_permitted(about jsonb, granted jsonb[])
RETURNS boolean
LANGUAGE sql
IMMUTABLE
AS $$
    SELECT coalesce(jsonb_array_length(about) > 0, false)
    AND NOT EXISTS (
        SELECT
        FROM jsonb_array_elements(about) AS part
        WHERE NOT EXISTS (
            SELECT
            FROM unnest(granted) AS document
            CROSS JOIN LATERAL jsonb_array_elements(document -> (part ->> 'dataset')) AS alternative
            WHERE NOT EXISTS (
                SELECT
                FROM jsonb_each(alternative) AS condition (path, chosen)
                WHERE NOT coalesce(condition.chosen ? (part -> 'fields' ->> condition.path), false)
            )
            AND NOT EXISTS (  -- a value of a record referred to, whether or not that may be seen
                SELECT
                FROM jsonb_object_keys(part -> 'fields') AS path
                WHERE strpos(path, '.') > 0 AND NOT alternative ? path
            )
        )
    )
$$;
COMMENT ON FUNCTION access.are_rows_permitted IS 'Whether all rows that something is about are among those that one of the documents of access.group_row_access grants';

-- With the rows of the event. The function of 0033, without them, stays for workers of versions before.
CREATE OR REPLACE FUNCTION notify.why_not_told(
    endpoint_person bigint, event_person bigint, reading_groups text[], about jsonb
)
RETURNS text
LANGUAGE sql
STABLE
AS $$
    SELECT CASE
        WHEN event_person <> coalesce(endpoint_person, 0) THEN 'It is for somebody else.'
        WHEN endpoint_person IS NULL THEN NULL
        WHEN person.disabled_at IS NOT NULL THEN 'The person may not sign in any more.'
        WHEN NOT person.groups && reading_groups
            THEN 'No group of the person has a role, as LOGISTICS_GROUP_ROLES and LOGISTICS_DEFAULT_ROLE of the worker say.'
        WHEN event_person IS NULL AND cardinality(permitted.documents) > 0
            AND NOT access.are_rows_permitted(about, permitted.documents)
            THEN 'The person may see some rows only, and it may be about others.'
    END
    FROM (SELECT) AS one
    LEFT JOIN access.people AS person ON person.person_id = endpoint_person
    CROSS JOIN LATERAL (
        SELECT ARRAY(
            SELECT grants.row_access FROM access.group_row_access AS grants WHERE grants.group_name = ANY(person.groups)
        ) AS documents
    ) AS permitted
$$;
COMMENT ON FUNCTION notify.why_not_told(bigint, bigint, text[], jsonb) IS 'Why a person must not be told of an event, in a sentence; NULL if they may. Groups that may read: NULL if everybody may; rows that it is about: NULL if they are not known';
