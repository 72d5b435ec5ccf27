"""Text from files made safe for messages, logs and the database: short, on one line, valid UTF-8, without NUL."""

import re

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")


def printable(text: str) -> str:
    """Returns `text` with unprintable characters escaped: what a terminal would take for commands, or new lines."""
    if text.isprintable():  # a tenth of the time
        return text
    return _UNPRINTABLE.sub(lambda match: match.group().encode("unicode_escape").decode(), text)


def excerpt(text: str, max_characters: int = 40) -> str:
    """Returns the beginning of `text` with unprintable characters escaped, and an ellipsis if it was cut."""
    beginning = printable(text[:max_characters])
    return f"{beginning}…" if len(text) > max_characters else beginning
