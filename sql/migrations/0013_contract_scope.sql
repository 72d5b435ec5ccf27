-- Keys of the API may have a scope of their own for decisions about contracts.

ALTER TABLE access.keys DROP CONSTRAINT IF EXISTS keys_scopes_check;
ALTER TABLE access.keys ADD CONSTRAINT keys_scopes_check
CHECK (cardinality(scopes) > 0 AND scopes <@ ARRAY['read', 'export', 'ingest', 'contracts']);
COMMENT ON COLUMN access.keys.scopes IS 'read: figures, rows, events; export: /api/exports; ingest: uploads, proposals; contracts: decisions about contracts. None contains another';
