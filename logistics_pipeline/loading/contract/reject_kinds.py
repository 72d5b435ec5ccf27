"""The kind of a reason: what is the same for all records that break a rule in the same way."""

import re
from functools import lru_cache

from logistics_core.database_contract.reject_kinds import FOUND

LONGEST_KIND = 300
"""Characters: an index of the ledger holds the kinds."""

_ROW_LENGTH = re.compile(r"the row has [0-9,]+ fields?\b.*")
_QUOTED = re.compile(r'"[^"]*("|$)')
# A number that is no part of a word such as UTF-8, and no bound of a rule, as in "at most 100 digits".
_NUMBER = re.compile(r"(?<!at most )(?<!at least )(?<!than )(?<![\w.+-])[+-]?[0-9](?:[\w.,:-]*\w)?")


@lru_cache(maxsize=1024)  # many records break a rule in the very same way
def reject_kind(reason: str) -> str:
    """Returns a reason without the value found; if it names none, without its quoted texts and its numbers."""
    kind, found, _ = reason.partition(FOUND)
    if not found:
        kind = _ROW_LENGTH.sub("the row has another number of fields than the header", kind)
        kind = _NUMBER.sub("…", _QUOTED.sub('"…"', kind))
    return kind[:LONGEST_KIND]


@lru_cache(maxsize=1024)
def stored_kind(reason: str) -> str | None:
    """Returns the kind as `ingest.rejects` stores it: None if the database can tell it from the reason."""
    kind = reject_kind(reason)
    return None if kind == reason.partition(FOUND)[0] else kind
