-- Makes the index of a raw table that finds the records of a day where another dataset dates them.
-- Its key is the field that leads to the other record.

CREATE INDEX {concurrently} IF NOT EXISTS {name} ON {table} USING btree ({day})
