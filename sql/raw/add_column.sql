-- Adds the column of a new optional field to a raw table.
-- NULL in every row that there is; nothing is rewritten.

ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {changed_column} {new_type}
