-- Describes a column of a raw table.
-- Run for each field of the dataset's contract.

COMMENT ON COLUMN {column} IS {description}
