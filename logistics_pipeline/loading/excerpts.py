"""Text from files as it may stand in a message, a log or the database: short, on one line, valid UTF-8, without NUL."""

import re

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def shown(text: str, most: int = 40) -> str:
    """Returns the beginning of `text`, what cannot be printed as escapes, an ellipsis if there is more."""
    beginning = _UNPRINTABLE.sub(lambda match: match.group().encode("unicode_escape").decode(), text[:most])
    return f"{beginning}…" if len(text) > most else beginning
