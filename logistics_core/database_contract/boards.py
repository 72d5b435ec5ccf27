"""Boards of the dashboard, in the schema `boards`: the statements with which the API changes them."""

ADD_BOARD = "boards.add_board(%(title)s, %(description)s, %(panels)s, %(requested_by)s)"
"""SQL call that makes a board and returns its ID; NULL if there are a thousand already."""

CHANGE_BOARD = (
    "boards.change_board(%(board_id)s, %(version)s, %(title)s, %(description)s, %(panels)s, %(requested_by)s)"
)
"""SQL call that changes a board and returns its new version; NULL if it does not have the known version any more."""

DELETE_BOARD = "boards.delete_board(%(board_id)s, %(version)s)"
"""SQL call that deletes a board and returns its version; NULL if it does not have the known version any more."""
