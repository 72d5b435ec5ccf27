-- Finds the key that a source declares for the records of one of its resources, by the names that its files have.
-- One row per part of the key, in order: the field of the file; NULL if the mapping leaves the value out.
-- Reads source.sources.

SELECT
    CASE WHEN resource -> 'fields' IS NULL THEN part.path ELSE (
        SELECT field.key
        FROM json_each(resource -> 'fields') AS field
        WHERE
            CASE json_typeof(field.value)
                WHEN 'string' THEN field.value #>> '{}'
                WHEN 'object' THEN CASE WHEN field.value -> 'values' IS NULL THEN field.value ->> 'path' END
            END = part.path
        LIMIT 1
    ) END AS field
FROM source.sources
CROSS JOIN json_array_elements(sources.definition -> 'resources') AS resource
CROSS JOIN json_array_elements_text(resource -> 'key') WITH ORDINALITY AS part (path, number)
WHERE
    sources.name = %(source)s
    AND sources.removed_at IS NULL
    AND resource ->> 'name' = %(resource)s
    AND resource ->> 'dataset' = %(dataset)s
ORDER BY part.number;
