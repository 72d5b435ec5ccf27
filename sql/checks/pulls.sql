-- Says of resources of sources what their newest complete pulls were like.
-- One row per resource that has one: records by its pages, in the pull, landed and not mapped; warnings; newest record.
-- Reads source.pulls, source.pages.

SELECT
    named.source,
    named.resource,
    done.pull_id,
    (SELECT coalesce(sum(page.records), 0)::bigint FROM source.pages AS page WHERE page.pull_id = done.pull_id) AS of_pages,
    done.records,
    done.records_landed,
    done.records_unmapped,
    done.warnings,
    (
        SELECT pull.newest_record_at
        FROM source.pulls AS pull
        WHERE
            pull.source = named.source AND pull.resource = named.resource
            AND pull.state IN ('complete', 'unchanged') AND pull.newest_record_at IS NOT NULL
        ORDER BY pull.pull_id DESC
        LIMIT 1
    ) AS newest_record_at
FROM unnest(%(sources)s::text[], %(resources)s::text[]) AS named (source, resource)
INNER JOIN source.pulls AS done ON done.pull_id = (
    SELECT max(pull.pull_id)
    FROM source.pulls AS pull
    WHERE pull.source = named.source AND pull.resource = named.resource AND pull.state IN ('complete', 'unchanged')
);
