-- Lifts the restriction of a group.
-- One row: the group, if it had one.
-- Writes access.group_row_access.
DELETE FROM access.group_row_access
WHERE group_name = %(group_name)s
