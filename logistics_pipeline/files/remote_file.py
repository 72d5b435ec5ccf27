"""A version of a file of a store, as it is handed to whatever reads files: also to a process of its own."""

import os
from dataclasses import dataclass
from threading import Lock
from typing import BinaryIO, Literal, cast

from logistics_core.places.definition import PlaceDefinition
from logistics_core.places.secrets import SecretError
from logistics_pipeline.files.range_reader import RangeReader
from logistics_pipeline.files.stores import PlaceError, Store, StoredVersion


@dataclass(frozen=True)
class RemoteFile:
    """One version of a file at a place: what is read of it is of this version, or an error."""

    place: PlaceDefinition
    key: str
    """Its path below the URL of the place, as the store has it."""
    version: StoredVersion

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.key.rpartition("/")[2]

    @property
    def store(self) -> Store:
        """The store that has it; its secrets are looked up in this process."""
        return store_of(self.place)

    def open(self, mode: Literal["rb"] = "rb", /) -> BinaryIO:
        return cast(BinaryIO, RangeReader(self))

    def __str__(self) -> str:
        return f"{self.place.url.rstrip('/')}/{self.key}"


_stores: dict[PlaceDefinition, Store] = {}
_lock = Lock()


def store_of(place: PlaceDefinition) -> Store:
    """The store of a place, by the scheme of its URL; the same one for the same definition.

    Raises:
        PlaceError: the definition cannot be used: a secret is missing, or an option makes no sense.
    """
    with _lock:
        if place not in _stores:
            try:
                _stores[place] = _make_store(place)
            except SecretError as error:
                raise PlaceError(f"{place.url}: {error}") from None
        return _stores[place]


def close_stores() -> None:
    """Closes the connections to all stores."""
    with _lock:
        for store in _stores.values():
            store.close()
        _stores.clear()


def _make_store(place: PlaceDefinition) -> Store:
    scheme = place.url.partition("://")[0]
    match scheme:
        case "s3":
            from logistics_pipeline.files.s3 import S3Store

            return S3Store(place)
        case "az" | "gs":
            from logistics_pipeline.files.cloud_stores import CloudStore

            return CloudStore(place)
        case "http" | "https":
            from logistics_pipeline.files.http_files import HttpStore

            return HttpStore(place)
        case _:
            from logistics_pipeline.files.sftp import SftpStore

            return SftpStore(place)


os.register_at_fork(after_in_child=_stores.clear)
"""Two processes must not use the same connections."""
