"""Where exports go, and where they are read from again: a folder on disk, or a prefix of an object store.

A file shows only when it is whole, in either.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, NamedTuple

from logistics_core.places.definition import PlaceDefinition
from logistics_pipeline.atomic_files import replacing
from logistics_pipeline.errors import ConfigurationError
from logistics_pipeline.files.places import is_url, root_of
from logistics_pipeline.files.remote_file import RemoteFile, store_of
from logistics_pipeline.files.stores import FileGoneError, PlaceError

WRITABLE = ("s3", "az", "gs")


class Written(NamedTuple):
    """A file that was written."""

    name: str
    size_bytes: int
    sha256: str


class Destination(ABC):
    """Files by name, below one folder."""

    def __init__(self, url: str) -> None:
        self.url = url

    def write(self, name: str, blocks: Iterable[bytes]) -> Written:
        """Writes a file; none shows if that fails."""
        counted = _Counted(blocks)
        self._write(name, counted)
        return Written(name, counted.size, counted.digest.hexdigest())

    @abstractmethod
    def _write(self, name: str, blocks: Iterable[bytes]) -> None: ...

    @abstractmethod
    def open(self, name: str) -> BinaryIO:
        """Opens a file for reading.

        Raises:
            FileGoneError: there is none.
        """


class _Counted:
    """Passes blocks on, counts their bytes and hashes them."""

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self._blocks = blocks
        self.size = 0
        self.digest = sha256()

    def __iter__(self) -> Iterator[bytes]:
        for block in self._blocks:
            self.size += len(block)
            self.digest.update(block)
            yield block


class FolderDestination(Destination):
    """A folder on disk."""

    def _write(self, name: str, blocks: Iterable[bytes]) -> None:
        path = Path(self.url) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            for block in blocks:
                file.write(block)

    def open(self, name: str) -> BinaryIO:
        try:
            return (Path(self.url) / name).open("rb")
        except FileNotFoundError:
            raise FileGoneError(f"There is no file {Path(self.url) / name}") from None


class StoreDestination(Destination):
    """A prefix of an object store."""

    def __init__(self, place: PlaceDefinition) -> None:
        super().__init__(place.url)
        self._place = place

    def _write(self, name: str, blocks: Iterable[bytes]) -> None:
        store_of(self._place).upload(name, blocks)

    def open(self, name: str) -> BinaryIO:
        version = store_of(self._place).look(name)
        if version is None:
            raise FileGoneError(f"There is no object {self.url.rstrip('/')}/{name}")
        return RemoteFile(self._place, name, version).open()


def destination(url: str, places: Iterable[PlaceDefinition], folder: str = "") -> Destination:
    """The destination that an argument means. A source with the same bucket lends its options and credentials.

    Raises:
        PlaceError: nothing can be written there, or what is written would be loaded.
    """
    whole = f"{url.rstrip('/')}/{folder}" if folder else url.rstrip("/")
    if not is_url(url):
        return FolderDestination(whole)
    known = tuple(places)
    _refuse(url, known)
    same = next((place for place in known if _bucket(place.url) == _bucket(url)), PlaceDefinition("export", url))
    return StoreDestination(replace(same, url=whole, dataset=None, land=False))


def _refuse(url: str, places: Iterable[PlaceDefinition]) -> None:
    scheme = url.partition("://")[0]
    if scheme not in WRITABLE:
        raise PlaceError(f"{url}: exports go to a folder, or to {', '.join(f'{each}://' for each in WRITABLE)}.")
    for place in places:
        if f"{url.rstrip('/')}/".startswith(root_of(place)):
            raise PlaceError(
                f"{url} is watched: the source {place.name} would load what is exported there. Export to a prefix that "
                "no source watches."
            )


def _bucket(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}"


class UnfitExportError(ConfigurationError):
    """What is to be restored is not whole, not ours, or of another version."""
