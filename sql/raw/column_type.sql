-- Gives a column of texts another collation, as its field has become free text or is that no longer.
-- Its indexes are built again; the table is not rewritten.

ALTER TABLE {table} ALTER COLUMN {changed_column} TYPE {new_type}
