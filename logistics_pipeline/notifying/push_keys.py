"""The VAPID key of this installation: made once and kept in the database, or declared by reference.

The API reads the public part, with which browsers subscribe.
"""

import subprocess
import sys
from importlib import import_module

from logistics_pipeline.database.connections import Connection
from logistics_pipeline.errors import ConfigurationError
from logistics_pipeline.notifying.channels.configuration import Configuration

_VAPID = "logistics_pipeline.notifying.channels.vapid"
"""Loaded where a key is declared: most workers do without."""


def keep_push_key(connection: Connection) -> list[str]:
    """Makes sure that there is a key, the declared one if there is one. Returns what it did, a sentence each.

    Raises:
        ConfigurationError: the declared one cannot be used, or none can be made.
    """
    row = connection.execute("SELECT settings -> 'push' FROM notify.shared_settings").fetchone()
    declared = Configuration((row and row[0]) or {}).text("key")
    known = connection.execute("SELECT public_key, private_key IS NULL FROM notify.push_keys").fetchone()
    if not declared:
        if known is not None and not known[1]:
            return []
        _store(connection, *_new_key())
        return ["A key for web push was made."]
    public: str = import_module(_VAPID).public_key(declared)
    if known == (public, True):
        return []
    _store(connection, public, None)
    return ["The key for web push is the declared one. Browsers that knew another have to be added again."]


def _new_key() -> tuple[str, str]:
    """A public and a private key, made in a process of its own that ends: the 11 MB that it takes are not needed again.

    Raises:
        ConfigurationError: none can be made.
    """
    try:
        done = subprocess.run([sys.executable, "-m", _VAPID], capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        said = str(getattr(error, "stderr", None) or error).strip().splitlines()[-1:] or ["no reason was given"]
        raise ConfigurationError(f"No key for web push could be made: {said[0][:300]}") from error
    public, private = done.stdout.split()
    return public, private


def _store(connection: Connection, public: str, private: str | None) -> None:
    """Two workers may do so at once: one of them is first, and what is made stays."""
    connection.execute(
        "INSERT INTO notify.push_keys AS known (public_key, private_key) VALUES (%s, %s) "
        "ON CONFLICT (key_id) DO UPDATE SET public_key = excluded.public_key, private_key = excluded.private_key, "
        "made_at = excluded.made_at WHERE (known.private_key IS NULL) <> (excluded.private_key IS NULL) "
        "OR (excluded.private_key IS NULL AND known.public_key <> excluded.public_key)",
        (public, private),
    )
