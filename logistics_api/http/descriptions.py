"""Responses that describe the API's own vocabulary: built when it starts, the same until it is started again."""

from hashlib import sha256

from fastapi import Request, Response
from pydantic import BaseModel

from logistics_api.http.negotiation import matches
from logistics_api.http.responses import REFUSED_PARAMETERS, Responses

_ETAG = {
    "description": "Of the content: the same as long as it does not change. For If-None-Match",
    "schema": {"type": "string"},
}
DESCRIPTION_RESPONSES: Responses = REFUSED_PARAMETERS | {
    200: {"headers": {"ETag": _ETAG}},
    304: {"description": "Nothing has changed since the ETag in If-None-Match"},
}


class Description:
    """One such response."""

    def __init__(self, content: BaseModel) -> None:
        self._body = content.model_dump_json().encode()
        self._headers = {"ETag": f'"{sha256(self._body).hexdigest()[:16]}"', "Cache-Control": "no-cache"}

    def respond(self, request: Request) -> Response:
        """The content, or 304 if the client has it."""
        known = request.headers.get("if-none-match", "").encode()
        if matches(known, self._headers["ETag"].encode()):
            return Response(status_code=304, headers=self._headers)
        return Response(self._body, media_type="application/json", headers=self._headers)
