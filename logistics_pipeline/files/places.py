"""The raw folder and the declared places beside it, under one roof: who has a key gets the file, wherever it is.

The key of a file at a place is its URL: `s3://bucket/prefix/shipments/june.csv`, with the characters encoded that keys
of the raw folder encode as well (`files.folder`). To which dataset it belongs is decided by its path below the URL of
the place.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote

from logistics_core.catalogue import Catalogue, built_in_catalogue
from logistics_core.places.definition import PlaceDefinition
from logistics_core.places.reading import declared_places
from logistics_core.raw_folder_rules import is_ignored
from logistics_core.settings import Settings
from logistics_pipeline.files.folder import (
    FoundFile,
    RawFolder,
    encoded_key,
    is_nested,
    is_shortened,
    shortened,
    split_key,
)
from logistics_pipeline.files.http_paths import folder_path
from logistics_pipeline.files.remote_file import RemoteFile, store_of
from logistics_pipeline.files.stores import ListedFile, PlaceError, StoredVersion

LONGEST_REMOTE_KEY = 2_000
"""Bytes: keys of S3 have up to 1,024; an index entry in PostgreSQL, and so in Dagster's tables, about 2,700."""

LONGEST_NAME = 200
"""Bytes of a file or folder that is named after a key, of the 255 that a name may have."""

_URL = re.compile(r"[a-z][a-z0-9+.-]*://")


def is_url(text: str) -> bool:
    """Whether a key or an argument names a file at a place, and not one on disk."""
    return _URL.match(text) is not None


def path_of_url(key: str) -> Path:
    """A relative path for the key of a file at a place: its parts, none of which leads anywhere else.

    `s3://bucket/a//../b.csv` becomes `s3/bucket/a/%/%2E%2E/b.csv`; no two keys share a name.
    """
    parts = key.replace("://", "/", 1).split("/")
    return Path(
        *(
            shortened("%" if not part else part.replace(".", "%2E") if not part.strip(".") else part, LONGEST_NAME)
            for part in parts
        )
    )


@dataclass(frozen=True)
class Place:
    """A declared place: which of its files count, and to which dataset each belongs."""

    definition: PlaceDefinition
    catalogue: Catalogue = field(default_factory=built_in_catalogue)

    @property
    def name(self) -> str:
        """Of the source that declares it."""
        return self.definition.name

    @cached_property
    def root(self) -> str:
        """How the keys of its files begin."""
        return root_of(self.definition)

    def key_of(self, raw_key: str) -> str:
        """The partition key of a file."""
        return encoded_key(self.root + raw_key, LONGEST_REMOTE_KEY)

    def raw_key(self, key: str) -> str:
        """The file of a partition key, as the store knows it."""
        return unquote(split_key(key)[0].removeprefix(self.root), errors="surrogateescape")

    def found(self, raw_key: str, version: StoredVersion, dataset: str | None = None) -> FoundFile:
        """A file that was seen at the place. `dataset` overrides its path."""
        key = self.key_of(raw_key)
        known = dataset or self.definition.dataset or self.catalogue.dataset_of_path(raw_key.lstrip("/"))
        return FoundFile(
            key,
            RemoteFile(self.definition, raw_key, version),
            None if is_shortened(key) else known,
            version.size_bytes,
            version.modified_ns,
            place=self.root,
            etag=version.etag,
            version_id=version.version_id,
            is_whole=store_of(self.definition).has_whole_files,
        )

    def look_at(self, raw_key: str, dataset: str | None = None) -> FoundFile | None:
        """Examines one file; None if there is none.

        Raises:
            TransientError: the store does not answer.
            PlaceError: it refuses to.
        """
        version = store_of(self.definition).look(raw_key)
        return None if version is None else self.found(raw_key, version, dataset)

    def counts(self, listed: ListedFile) -> bool:
        """Whether a file of a listing is one, by the rules of the raw folder: not hidden, not being written."""
        parts = (part for part in listed.key.split("/") if part.strip("."))  # `.` and `..` hide nothing in a key
        return not listed.key.endswith("/") and not any(map(is_ignored, parts))


def root_of(place: PlaceDefinition) -> str:
    """How the keys of the files of a place begin: its URL with a slash at the end, without user and credentials."""
    scheme, _, rest = place.url.partition("://")
    if scheme in ("http", "https"):
        return f"{scheme}://{rest.partition('/')[0]}{encoded_key(folder_path(place))}"
    if scheme == "sftp":
        rest = rest.rpartition("@")[2]
    return f"{scheme}://{rest.rstrip('/')}/"


@dataclass(frozen=True)
class WatchedPlaces(RawFolder):
    """The raw folder, and the declared places."""

    places: tuple[Place, ...] = ()

    @classmethod
    def of(cls, raw_dir: Path, catalogue: Catalogue, definitions: Iterable[PlaceDefinition]) -> "WatchedPlaces":
        """The raw folder and these places."""
        return cls(raw_dir, catalogue, tuple(Place(each, catalogue) for each in definitions))

    @classmethod
    def of_settings(cls, settings: Settings, catalogue: Catalogue) -> "WatchedPlaces":
        """The raw folder and the places that the settings declare."""
        return cls.of(settings.raw_dir, catalogue, declared_places(settings.sources_dir))

    def place_of(self, key: str) -> Place:
        """The declared place of a key that is a URL: of two within each other, the inner one.

        Raises:
            PlaceError: no source declares it.
        """
        at = [place for place in self.places if key.startswith(place.root) or key == place.root.rstrip("/")]
        if not at:
            raise PlaceError(
                f"{key} is at no declared place. Declare it in a file of the folder of sources (`kind: files`, `url: "
                "...`), or correct the URL."
            )
        return max(at, key=lambda place: len(place.root))

    def look_again(self, found: FoundFile) -> FoundFile | None:
        if not isinstance(found.path, RemoteFile):
            return super().look_again(found)
        now = Place(found.path.place, self.catalogue).look_at(found.path.key, found.dataset)
        return None if now is None else replace(now, key=found.key, dataset=found.dataset)

    def files_below(self, url: str, dataset: str | None = None) -> list[FoundFile]:
        """The files whose keys begin with a URL and a slash, or with that of a whole place.

        Raises:
            TransientError: the store does not answer.
            PlaceError: it refuses to, or no source declares the place.
        """
        place, below = self.place_of(url), f"{url.rstrip('/')}/"
        files = (each for page in store_of(place.definition).pages() for each in page if place.counts(each))
        found = (place.found(each.key, each.version, dataset) for each in files)
        return [each for each in found if each.key.startswith(below)]

    def exists(self, key: str) -> bool:
        """Whether there is a file of that key.

        Raises:
            TransientError: its store does not answer.
            PlaceError: it refuses to, or no source declares it.
        """
        return self.look_at_key(key) is not None

    def look_at_key(self, key: str, dataset: str | None = None) -> FoundFile | None:
        if not is_url(key):
            return super().look_at_key(key, dataset)
        place = self.place_of(key)
        if not is_nested(key):
            return place.look_at(place.raw_key(key), dataset)
        found = place.look_at(place.raw_key(key))
        return None if found is None else replace(found, key=key, dataset=split_key(key)[1])
