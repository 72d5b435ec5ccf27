"""Recognises the body of an API's error response whose array of records is there, but empty.

An error without such an array is refused anyway: it holds no records.
"""

import json

from logistics_pipeline.errors import FileError
from logistics_pipeline.loading.excerpts import excerpt
from logistics_pipeline.loading.formats.json_decoding import decode
from logistics_pipeline.loading.layouts import ElementsLayout

_ERROR_KEYS = frozenset({"error", "errors"})
_STATUS_KEYS = frozenset({"status", "statuscode", "code", "httpstatus"})
_SUCCESS_KEYS = frozenset({"success", "ok"})
_FAILED = frozenset({"error", "fail", "failed", "failure"})


def check_no_error(body: bytes, layout: ElementsLayout) -> None:
    """Raises an error if the text is one object that reports an error and has no records in its array.

    Raises:
        FileError: it does.
    """
    document = decode(body)
    if not isinstance(document, dict) or _array_in(document, layout) != []:
        return
    reports = [f"{key} is {_shown(value)}" for key, value in document.items() if _says_error(key, value)]
    if reports:
        raise FileError(
            f"An error response of an API, without records: {', '.join(reports[:3])}, and the array under "
            f"{excerpt('.'.join(layout.keys), 100)} is empty. Request the data again"
        )


def _array_in(document: object, layout: ElementsLayout) -> object:
    for key in layout.keys:
        document = document.get(key) if isinstance(document, dict) else None
    return document


def _says_error(key: str, value: object) -> bool:
    name = key.casefold().replace("_", "").replace("-", "")
    if name in _ERROR_KEYS:
        return bool(value)
    if name in _SUCCESS_KEYS:
        return value is False
    if name not in _STATUS_KEYS or isinstance(value, bool):
        return False
    return value.casefold() in _FAILED if isinstance(value, str) else isinstance(value, int) and 400 <= value <= 599


def _shown(value: object) -> str:
    return excerpt(json.dumps(value, ensure_ascii=False, default=str), 100)
