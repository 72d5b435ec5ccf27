"""How rejects become JSON: both programs write lines that `logistics rejects replay` reads."""

import json
from base64 import b64encode
from decimal import Decimal

_encode = json.JSONEncoder(ensure_ascii=False).encode


def as_json(value: object) -> bytes:
    """Encodes a decoded value as JSON on one line: every digit kept, every character as it is.

    Halves of surrogate pairs, which also represent broken bytes, become escapes: they are still broken when read again.
    """
    return _as_text(value).encode("utf-8", "backslashreplace")


def _as_text(value: object) -> str:
    match value:
        case dict():
            return f"{{{', '.join(f'{_as_text(name)}: {_as_text(item)}' for name, item in value.items())}}}"
        case list():
            return f"[{', '.join(map(_as_text, value))}]"
        case Decimal():
            return str(value)  # the json module would turn it into a float
        case _:
            return _encode(value)


def raw_text(raw: bytes) -> dict[str, str]:
    """Returns a rejected record's raw text for JSON: as text, or in base64 if it is not UTF-8."""
    try:
        return {"raw": raw.decode()}
    except UnicodeDecodeError:
        return {"raw_base64": b64encode(raw).decode()}
