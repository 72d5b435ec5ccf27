"""Containers of Azure Blob Storage and buckets of Google Cloud Storage, by obstore.

Names with `//`, `..` or control characters are beyond it: one such object ends the listing, and is named in the error.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import obstore
from obstore import exceptions
from obstore.store import AzureStore, GCSStore

from logistics_pipeline.errors import FileChangedError, TransientError
from logistics_pipeline.files.stores import (
    FileGoneError,
    ListedFile,
    PlaceDefinition,
    PlaceError,
    Store,
    StoredVersion,
    nanoseconds,
)

CHANGED = "The object was replaced while it was read. Its new content is a new version and is loaded as such"
GONE = "The object was removed while it was read"
_PAGE_FILES = 1_000
_PART_BYTES = 16 << 20

_CREDENTIALS = {
    "az": {
        "accountName": "account_name",
        "accountKey": "account_key",
        "sasToken": "sas_key",
        "clientId": "client_id",
        "clientSecret": "client_secret",
        "tenantId": "tenant_id",
    },
    "gs": {"serviceAccountKey": "service_account_key", "serviceAccountFile": "service_account"},
}
_OPTIONS = {
    "az": {"accountName": "account_name", "endpoint": "endpoint", "anonymous": "skip_signature"},
    "gs": {"endpoint": "base_url", "anonymous": "skip_signature"},
}
"""What definitions name, as obstore names it."""


class CloudStore(Store):
    """The objects below a prefix of a container or bucket."""

    def __init__(self, place: PlaceDefinition) -> None:
        self._place = place
        self._scheme, _, rest = place.url.partition("://")
        bucket, _, prefix = rest.partition("/")
        with self._errors(""):
            self._store = _store(self._scheme, bucket, prefix.strip("/"), place)

    def look(self, key: str) -> StoredVersion | None:
        try:
            with self._errors(key):
                return _version(obstore.head(self._store, key))
        except FileGoneError:
            return None

    def read(self, key: str, version: StoredVersion, start: int, end: int) -> bytes:
        options: Any = {"range": (start, end), "if_match": f'"{version.etag}"'}
        with self._errors(key):
            answer = obstore.get(self._store, key, options=options)
            if _version(answer.meta).fingerprint != version.fingerprint:
                raise FileChangedError(CHANGED)
            data = answer.bytes().to_bytes()
        if len(data) != end - start:
            raise TransientError(f"The store has sent {len(data):,} of {end - start:,} bytes")
        return data

    def pages(self, after: str | None = None) -> Iterator[list[ListedFile]]:
        with self._errors(""):
            for page in obstore.list(self._store, offset=after, chunk_size=_PAGE_FILES):
                yield [ListedFile(each["path"], _version(each)) for each in page]

    def upload(self, key: str, blocks: Iterable[bytes]) -> None:
        with self._errors(key):
            obstore.put(self._store, key, iter(blocks), use_multipart=True, chunk_size=_PART_BYTES)

    def upload_url(self, key: str, seconds: int) -> str:
        with self._errors(key):
            return str(obstore.sign(self._store, "PUT", key, timedelta(seconds=seconds)))

    @contextmanager
    def _errors(self, key: str) -> Iterator[None]:
        url = f"{self._place.url.rstrip('/')}/{key}" if key else self._place.url
        try:
            yield
        except FileNotFoundError:
            raise (
                FileGoneError(GONE) if key else PlaceError(f"{url}: there is no such bucket. Correct `url`.")
            ) from None
        except exceptions.PreconditionError:
            raise FileChangedError(CHANGED) from None
        except (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError) as error:
            raise PlaceError(
                f"{url}: access is denied. The credentials need the right to list and to read (source "
                f"{self._place.name})."
            ) from error
        except (exceptions.InvalidPathError, ValueError) as error:
            raise PlaceError(
                f"{url}: an object has a name that cannot be read from this kind of store ({_first_line(error)}). "
                "Rename it, or narrow `url` to a folder without it."
            ) from None
        except exceptions.GenericError as error:
            raise TransientError(f"{url} cannot be read now: {_first_line(error)}") from error
        except exceptions.BaseError as error:
            raise PlaceError(f"{url}: {_first_line(error)}. Correct the source {self._place.name}.") from None


def _store(scheme: str, bucket: str, prefix: str, place: PlaceDefinition) -> Any:
    config: dict[str, Any] = {}
    for name, theirs in _OPTIONS[scheme].items():
        if (value := place.option(name)) is not None:
            config[theirs] = value
    for name, theirs in _CREDENTIALS[scheme].items():
        if (secret := place.credential(name)) is not None:
            config[theirs] = secret
    options: Any = {
        "allow_http": str(place.option("endpoint") or "").startswith("http://"),
        "connect_timeout": timedelta(seconds=10),
        "read_timeout": timedelta(seconds=30),
        "timeout": timedelta(seconds=120),
    }
    retries: Any = {"max_retries": 2, "retry_timeout": timedelta(seconds=30)}
    kind: Any = AzureStore if scheme == "az" else GCSStore
    return kind(bucket, prefix=prefix or None, config=config, client_options=options, retry_config=retries)


def _version(meta: Mapping[str, Any]) -> StoredVersion:
    modified: datetime = meta["last_modified"]
    etag = meta.get("e_tag")
    return StoredVersion(
        meta["size"],
        nanoseconds(int(modified.timestamp()), modified.microsecond),
        None if etag is None else str(etag).strip('"'),
        meta.get("version"),
    )


def _first_line(error: Exception) -> str:
    """What obstore says first; what follows repeats the request."""
    return str(error).partition("\n")[0].rstrip(".")
