-- Notes the templates that an endpoint declares, as a new version if it declared others before, or for the first time.
-- What was restored since then stays in force as long as the declaration does not change.
-- Changes notify.template_versions.
WITH declared AS (
    SELECT title_template, text_template
    FROM notify.template_versions
    WHERE endpoint_id = %(endpoint_id)s AND restored_from IS NULL
    ORDER BY version DESC
    LIMIT 1
)

INSERT INTO notify.template_versions (endpoint_id, version, title_template, text_template)
SELECT
    %(endpoint_id)s,
    1 + coalesce((SELECT max(version) FROM notify.template_versions WHERE endpoint_id = %(endpoint_id)s), 0),
    %(title_template)s::text,
    %(text_template)s::text
WHERE
    CASE
        WHEN EXISTS (SELECT FROM declared) THEN NOT EXISTS (
            SELECT FROM declared
            WHERE
                title_template IS NOT DISTINCT FROM %(title_template)s::text
                AND text_template IS NOT DISTINCT FROM %(text_template)s::text
        )
        ELSE coalesce(%(title_template)s::text, %(text_template)s::text) IS NOT NULL
    END
