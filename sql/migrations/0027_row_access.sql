-- Keys of the API may be for some rows only.

ALTER TABLE access.keys ADD COLUMN IF NOT EXISTS row_access jsonb
CONSTRAINT keys_row_access_check CHECK (jsonb_typeof(row_access) = 'object');
COMMENT ON COLUMN access.keys.row_access IS 'The rows it may see: dataset → alternatives, each of field → values that it may have; NULL: all rows';

-- What holds all rows, such as files, is out of reach of such a key.
ALTER TABLE access.keys DROP CONSTRAINT IF EXISTS keys_scopes_of_some_rows_check;
ALTER TABLE access.keys ADD CONSTRAINT keys_scopes_of_some_rows_check
CHECK (row_access IS NULL OR scopes <@ ARRAY['read', 'export', 'boards']);
