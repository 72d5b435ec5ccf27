-- Has figures follow the newest links, of the external ids in the temporary table `relinked`.
-- Reads pg_temp.relinked.

WITH gone AS (
    DELETE FROM identity.current_links AS known
    USING pg_temp.relinked AS now
    WHERE known.entity = now.entity AND known.system = now.system AND known.external_id = now.external_id
    AND now.master_key IS NULL
)
INSERT INTO identity.current_links (entity, system, external_id, master_key, link_id)
SELECT entity, system, external_id, master_key, link_id
FROM pg_temp.relinked
WHERE master_key IS NOT NULL
ON CONFLICT (entity, system, external_id)
DO UPDATE SET master_key = excluded.master_key, link_id = excluded.link_id
