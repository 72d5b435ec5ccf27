-- Lets a column of a raw table be NULL, as its field has become optional.

ALTER TABLE {table} ALTER COLUMN {changed_column} DROP NOT NULL
