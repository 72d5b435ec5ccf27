-- Finds the external ids that are linked otherwise than figures have it, in the temporary table `relinked`.
-- One row per such external id, with the master key that it is linked with now.
-- Reads identity.links, identity.current_links.

CREATE TEMPORARY TABLE relinked ON COMMIT DROP AS
WITH newest AS (
    {newest}
),
known AS (
    SELECT * FROM identity.current_links WHERE {condition}
)
SELECT
    coalesce(newest.entity, known.entity) AS entity,
    coalesce(newest.system, known.system) AS system,
    coalesce(newest.external_id, known.external_id) AS external_id,
    newest.master_key,
    newest.link_id
FROM newest
FULL JOIN known
    ON newest.entity = known.entity
    AND newest.system = known.system
    AND newest.external_id = known.external_id
WHERE newest.master_key IS DISTINCT FROM known.master_key
