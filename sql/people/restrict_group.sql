-- Says which rows people of a group may see.
-- One row: the group.
-- Writes access.group_row_access.
INSERT INTO access.group_row_access (group_name, row_access)
VALUES (%(group_name)s, %(row_access)s)
ON CONFLICT (group_name) DO UPDATE SET row_access = excluded.row_access
