"""People who have signed in, without an identity provider: sessions as the API starts them."""

from hashlib import sha256
from itertools import count
from typing import Any

from logistics_pipeline.database.connections import Connection

_numbers = count(1)


def sign_in(
    connection: Connection,
    subject: str = "ada",
    *,
    groups: str = "{dispatch}",
    email: str | None = "ada@example.org",
    zone: str | None = None,
) -> tuple[int, str]:
    """Signs a person in; their number, and the token of the session."""
    token = f"{next(_numbers):043}"
    row = connection.execute(
        "SELECT person_id, outcome FROM access.sign_in('https://idp', %s, %s, %s, %s, %s, NULL, %s, 'openid-connect', "
        "NULL, '1 hour', '1 day')",
        (subject, subject.title(), email, groups, zone, sha256(token.encode()).digest()),
    ).fetchone()
    assert row is not None and row[1] == "started"
    return row[0], token


class Person:
    """Somebody who asks a running API in a session."""

    def __init__(self, api: Any, token: str) -> None:
        self._api = api
        self.headers = {"Cookie": f"logistics_session={token}", "Sec-Fetch-Site": "same-origin"}

    def get(self, path: str, **query: Any) -> Any:
        """The answer, held against what the OpenAPI document declares."""
        return self._api.get(path, headers=self.headers, **query)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The response."""
        return self._api.client.request(method, path, json=body, headers=self.headers | headers)
