"""Paths that end in the key of a row: one segment per field, percent-encoded, so that a value may hold `/` as well.

A key of one field keeps the plain route (`parameters.path_text`), where whatever follows is the key.
"""

from collections.abc import MutableMapping
from typing import Any
from urllib.parse import unquote_to_bytes

from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.types import Scope


class KeyPathRoute(APIRoute):
    """A route whose path ends in several parameters of any text, each of them one segment of the path as it was sent.

    The path that servers hand over is decoded already, and its slashes may be those of a value.
    """

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Matches if the last segments are one per parameter, and what precedes them is the beginning of the route."""
        match, child = super().matches(scope)
        if match is Match.NONE:
            return match, child
        segments = _last_segments(scope, self.path.partition("{")[0].rstrip("/"), len(self.param_convertors))
        if segments is None:
            return Match.NONE, {}
        child["path_params"] = {**child["path_params"], **dict(zip(self.param_convertors, segments, strict=True))}
        return match, child


def _last_segments(scope: MutableMapping[str, Any], beginning: str, count: int) -> list[str] | None:
    """The last segments of the path, decoded; None unless they directly follow the beginning of the route."""
    raw = scope.get("raw_path") or scope["path"].encode()
    before, *segments = raw.rsplit(b"/", count)
    if len(segments) < count or not unquote_to_bytes(before).endswith(beginning.encode()):
        return None
    try:
        return [unquote_to_bytes(segment).decode() for segment in segments]
    except UnicodeDecodeError:
        return None
