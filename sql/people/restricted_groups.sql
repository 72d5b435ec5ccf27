-- Lists the groups whose people may see some rows only.
-- One row per group: its name, the rows as JSON.
-- Reads access.group_row_access.
SELECT
    group_name,
    row_access
FROM access.group_row_access
ORDER BY group_name
