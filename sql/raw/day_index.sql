-- Makes the index of a raw table that finds the records of a day, and so what a refresh computes anew.
-- Its key is the day of a record: a block range index, as the records of one day mostly arrive together.

CREATE INDEX {concurrently} IF NOT EXISTS {name} ON {table} USING brin ({day})
    WITH (pages_per_range = 32, autosummarize = on)
