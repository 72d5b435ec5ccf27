-- Makes this transaction print index definitions that mean the same in every session: all names with their schema.
-- One row.
-- Reads nothing.

SELECT
    set_config('search_path', '', true),
    set_config('datestyle', 'ISO', true),
    set_config('intervalstyle', 'postgres', true),
    set_config('extra_float_digits', '1', true)
