"""Pictures in messages: drawn if that is quick, left out otherwise. No message fails or waits long because of one."""

import logging
from collections import OrderedDict
from collections.abc import Mapping
from hashlib import sha256
from threading import Lock
from typing import Any

import msgspec

from logistics_core.languages.translating import Language
from logistics_pipeline.drawing import WIDTH, DrawingError, draw
from logistics_pipeline.notifying.rendering.incident_charts import IncidentChart

LONGEST_SECONDS = 10.0
"""For one picture, and as long to wait for others to be drawn: one at a time is, as each takes 100 MB."""
_KEPT = 8
"""An incident is told to several addresses at once."""

logger = logging.getLogger("logistics.notifications")
_drawing = Lock()
_drawn: OrderedDict[bytes, bytes | None] = OrderedDict()


def picture_of(chart: IncidentChart, language: Language) -> bytes | None:
    """The chart of an incident as PNG, in a language; None if it cannot be drawn."""
    specification = chart.specification(WIDTH, language)
    key = sha256(msgspec.json.encode(specification)).digest()
    if not _drawing.acquire(timeout=LONGEST_SECONDS):
        return None
    try:
        if key not in _drawn:
            _drawn[key] = _draw(specification)
            while len(_drawn) > _KEPT:
                _drawn.popitem(last=False)
        return _drawn[key]
    finally:
        _drawing.release()


def _draw(specification: Mapping[str, Any]) -> bytes | None:
    try:
        return draw([specification], LONGEST_SECONDS)[0]
    except DrawingError as error:
        logger.warning("A mail has no picture. %s", error)
        return None
