-- Requires a value in a column of a raw table, as its field belongs to the key from now on; every row has one.

ALTER TABLE {table} ALTER COLUMN {changed_column} SET NOT NULL
