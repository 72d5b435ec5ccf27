-- Makes what isolates the rows that PostgreSQL refuses, for this session: two tables, emptied by every commit, and a
-- function that merges staged rows or notes why it cannot.
-- One row per row to merge, as JSON, so that its values become the table's types inside the function; and one per
-- result of a merge, or per refused row.
-- Filled and read by logistics_pipeline.loading.write.row_isolation.

CREATE TEMPORARY TABLE IF NOT EXISTS {documents} (ordinal integer PRIMARY KEY, document json) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS {results} (
    file_id             integer,
    overwritten_file_id integer,
    rows                bigint,
    touched             {touched_type},
    filled              bigint[],
    refused             integer,
    message             text,
    column_name         text,
    constraint_name     text
) ON COMMIT DELETE ROWS;

CREATE OR REPLACE FUNCTION {merge_or_note}(first_row integer, last_row integer) RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    part_size integer := ceil((last_row - first_row + 1) / 8.0);
    found_message text;
    found_column text;
    found_constraint text;
    result record;
BEGIN
    BEGIN
        {keep_repeated};
        FOR result IN {merge} LOOP
            INSERT INTO {results} (file_id, overwritten_file_id, rows, touched, filled)
            VALUES (result.file_id, result.overwritten_file_id, result.count, result.touched, result.filled);
        END LOOP;
        RETURN;
    EXCEPTION WHEN data_exception OR integrity_constraint_violation OR raise_exception OR program_limit_exceeded THEN
        GET STACKED DIAGNOSTICS
            found_message = MESSAGE_TEXT, found_column = COLUMN_NAME, found_constraint = CONSTRAINT_NAME;
        IF SQLSTATE = '23505' AND found_constraint = {key_constraint} THEN
            RAISE;  -- another loader wrote one of the keys
        END IF;
    END;
    IF first_row = last_row THEN
        INSERT INTO {results} (refused, message, column_name, constraint_name)
        VALUES (first_row, found_message, found_column, found_constraint);
        RETURN;
    END IF;
    WHILE first_row <= last_row LOOP
        PERFORM {merge_or_note}(first_row, least(first_row + part_size - 1, last_row));
        first_row := first_row + part_size;
    END LOOP;
END
$$;
