-- Makes an index of a raw table that a contract declares.
-- Finds rows by the values of its columns, in their order.

CREATE INDEX IF NOT EXISTS {name} ON {table} USING btree ({columns})
