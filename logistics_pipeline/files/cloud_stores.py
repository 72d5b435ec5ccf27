"""Containers of Azure Blob Storage and buckets of Google Cloud Storage, by obstore.

Names with `//`, `..` or control characters are beyond it: one such object ends the listing, and is named in the error.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from itertools import chain
from typing import Any

import obstore
from obstore import exceptions

from logistics_core.places.clients import cloud_store
from logistics_core.places.definition import PlaceDefinition
from logistics_pipeline.errors import FileChangedError, TransientError
from logistics_pipeline.files.stores import FileGoneError, ListedFile, PlaceError, Store, StoredVersion, in_parts

CHANGED = "The object was replaced while it was read. Its new content is a new version and is loaded as such"
GONE = "The object was removed while it was read"
_PAGE_FILES = 1_000
_PART_BYTES = 16 << 20


class CloudStore(Store):
    """The objects below a prefix of a container or bucket."""

    def __init__(self, place: PlaceDefinition) -> None:
        self._place = place
        with self._errors(""):
            self._store = cloud_store(place)

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
        parts = in_parts(blocks, _PART_BYTES)
        first, second = next(parts), next(parts, None)
        with self._errors(key):
            if second is None:
                obstore.put(self._store, key, first, use_multipart=False)
            else:
                obstore.put(self._store, key, chain((first, second), parts), use_multipart=True, chunk_size=_PART_BYTES)

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
            raise self._of_status(url, error) from error
        except exceptions.BaseError as error:
            raise PlaceError(f"{url}: {_first_line(error)}. Correct the source {self._place.name}.") from None

    def _of_status(self, url: str, error: Exception) -> Exception:
        """What an answer to a listing means: obstore does not tell those apart that are no success."""
        line = _first_line(error)
        found = _STATUS.search(line)
        if found is None or found[1] not in _REFUSALS:
            return TransientError(f"{url} cannot be read now: {line}")
        return PlaceError(f"{url}: {_REFUSALS[found[1]]} (source {self._place.name}).")


_STATUS = re.compile(r"status code: (\d{3})")
_DENIED = "access is denied. Correct the credentials; they need the right to list and to read"
_REFUSALS = {"401": _DENIED, "403": _DENIED, "404": "there is no such bucket. Correct `url`"}


def _version(meta: Mapping[str, Any]) -> StoredVersion:
    modified: datetime = meta["last_modified"]
    etag = meta.get("e_tag")
    return StoredVersion(
        meta["size"],
        int(modified.timestamp()) * 1_000_000_000 + modified.microsecond * 1_000,
        None if etag is None else str(etag).strip('"'),
        meta.get("version"),
    )


def _first_line(error: Exception) -> str:
    """What obstore says first; what follows repeats the request."""
    return str(error).partition("\n")[0].rstrip(".")
