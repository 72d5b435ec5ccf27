"""Names of uploaded files: an accepted name is the same in the raw folder, in the ledger and in Dagster.

Nothing is made of a bad name, it is refused: a file under another name than the one its sender knows is lost to him.
"""

import re
import unicodedata
from typing import Annotated, Any

from pydantic import WithJsonSchema
from pydantic.functional_validators import PlainValidator
from pydantic_core import PydanticCustomError

from logistics_core.raw_folder_rules import UNFINISHED, is_ignored

MOST_CHARACTERS = 200
MOST_BYTES = 255
"""Longest name on all common file systems."""

# Separators; characters that partition keys encode; invisible or direction-changing characters; surrogates for bytes
# that are not UTF-8.
_REFUSED = r"/\\%\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff0-\uffff"
_ENDINGS = "|".join(
    "".join(f"[{letter}{letter.upper()}]" if letter.isalpha() else re.escape(letter) for letter in ending)
    for ending in UNFINISHED
)
PATTERN = rf"^(?![.\s])(?!.*\.\.\.)(?!.*({_ENDINGS})$)[^{_REFUSED}]+$"
_PATTERN = re.compile(PATTERN[:-1])

EXPECTED = (
    "a file name without path, such as 2024-03.ndjson.gz: no slash, backslash, percent sign, control character or "
    "`...`; neither hidden nor with a blank at its beginning, and not named like an unfinished download"
)


def parse_name(value: Any) -> str:
    """Returns the name in composed Unicode form (NFC), so that names that look the same are the same."""
    if isinstance(value, str):
        name = unicodedata.normalize("NFC", value)
        fits = len(name) <= MOST_CHARACTERS and len(name.encode("utf-8", "surrogatepass")) <= MOST_BYTES
        if fits and _PATTERN.fullmatch(name) and not is_ignored(name):
            return name
    raise PydanticCustomError("file_name", EXPECTED)


FileName = Annotated[
    str,
    PlainValidator(parse_name),
    WithJsonSchema(
        {
            "type": "string",
            "minLength": 1,
            "maxLength": MOST_CHARACTERS,
            "pattern": PATTERN,
            "examples": ["2024-03.ndjson.gz"],
        }
    ),
]
