-- Finds what each external id is linked with by the newest of its links.
-- One row per external id that has ever been linked: the master key is NULL where it stands for itself again.
-- Reads identity.links.

SELECT DISTINCT ON (entity, system, external_id)
    entity,
    system,
    external_id,
    master_key,
    link_id
FROM identity.links
WHERE withdrawn_at IS NULL AND {condition}
ORDER BY entity, system, external_id, made_at DESC, file_id DESC NULLS FIRST, record_no DESC, link_id DESC
