-- Withdraws the links whose records are gone or have become others: their files were unloaded or loaded anew.
-- Reads identity.links and the raw table of the links.

UPDATE identity.links AS known
SET withdrawn_at = clock_timestamp(), refreshed_as = NULL
WHERE known.dataset = {dataset} AND known.withdrawn_at IS NULL AND NOT EXISTS (
    SELECT
    FROM {table} AS page
    WHERE page.file_id = known.file_id AND page.record_no = known.record_no
    AND (known.entity, known.system, known.external_id, known.master_key, known.reason)
    IS NOT DISTINCT FROM ({columns})
)
