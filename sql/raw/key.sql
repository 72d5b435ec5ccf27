-- Gives a raw table another key, which the rows that there are fit.
-- The index of the key is built again; the table is not rewritten.

ALTER TABLE {table} DROP CONSTRAINT {key_index};
ALTER TABLE {table} ADD CONSTRAINT {key_index} PRIMARY KEY ({identity})
