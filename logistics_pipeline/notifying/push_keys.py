"""The VAPID key of this installation: made once and kept in the database, or declared by reference.

The API reads the public part, with which browsers subscribe.
"""

from importlib import import_module
from typing import Any

from logistics_pipeline.database.connections import Connection
from logistics_pipeline.notifying.channels.configuration import Configuration


def keep_push_key(connection: Connection) -> list[str]:
    """Makes sure that there is a key, the declared one if there is one. Returns what it did, a sentence each.

    Raises:
        ConfigurationError: the declared one cannot be used.
    """
    row = connection.execute("SELECT settings -> 'push' FROM notify.shared_settings").fetchone()
    declared = Configuration((row and row[0]) or {}).text("key")
    known = connection.execute("SELECT public_key, private_key IS NULL FROM notify.push_keys").fetchone()
    if not declared:
        if known is not None and not known[1]:
            return []
        made = _vapid().make_key()
        _store(connection, _vapid().public_key(made), made)
        return ["A key for web push was made."]
    public: str = _vapid().public_key(declared)
    if known == (public, True):
        return []
    _store(connection, public, None)
    return ["The key for web push is the declared one. Browsers that knew another have to be added again."]


def _vapid() -> Any:
    """Loaded where a key is made or declared: what it needs takes memory that a worker otherwise does without."""
    return import_module("logistics_pipeline.notifying.channels.vapid")


def _store(connection: Connection, public: str, private: str | None) -> None:
    """Two workers may do so at once: one of them is first, and what is made stays."""
    connection.execute(
        "INSERT INTO notify.push_keys AS known (public_key, private_key) VALUES (%s, %s) "
        "ON CONFLICT (key_id) DO UPDATE SET public_key = excluded.public_key, private_key = excluded.private_key, "
        "made_at = excluded.made_at WHERE (known.private_key IS NULL) <> (excluded.private_key IS NULL) "
        "OR (excluded.private_key IS NULL AND known.public_key <> excluded.public_key)",
        (public, private),
    )
