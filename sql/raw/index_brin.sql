-- Makes a block range index of a raw table that a contract declares.
-- Finds rows that are adjacent, such as those of one file, and costs COPY next to nothing.

CREATE INDEX IF NOT EXISTS {name} ON {table} USING brin ({columns})
    WITH (pages_per_range = 32, autosummarize = on)
