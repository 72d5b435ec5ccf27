"""How long stores of files may take."""

CONNECT_SECONDS = 10
SILENCE_SECONDS = 30
"""A store that sends nothing for so long is taken as gone."""
RANGE_SECONDS = 120
"""A range that is not complete after so long is asked for again."""
