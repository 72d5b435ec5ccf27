"""Statements about boards."""

from logistics_core.database_contract.boards import ADD_BOARD, CHANGE_BOARD, DELETE_BOARD

ALL_BOARDS = """
-- Returns all boards.
-- One row: a JSON array by title.
-- Reads boards.boards.
SELECT coalesce(json_agg(json_build_object(
    'board_id', board_id, 'version', version, 'title', title, 'description', description, 'owner', owner,
    'panels', json_array_length(panels), 'changed_at', changed_at
) ORDER BY lower(title), board_id), '[]')
FROM boards.boards
"""

ONE_BOARD = """
-- Returns a board.
-- One row: a JSON object, NULL if the board does not exist.
-- Reads boards.boards.
SELECT (SELECT json_build_object(
    'board_id', board_id, 'version', version, 'title', title, 'description', description, 'panels', panels,
    'owner', owner, 'created_at', created_at, 'changed_at', changed_at, 'changed_by', changed_by
) FROM boards.boards WHERE board_id = %(board_id)s)
"""

ADD = f"SELECT {ADD_BOARD}"
CHANGE = f"SELECT {CHANGE_BOARD}"
DELETE = f"SELECT {DELETE_BOARD}"
"""One row each: what the function returns."""
