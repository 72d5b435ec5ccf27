"""Finds files and identifies them: dataset (by the path), partition key and fingerprint. Opens none of them.

A partition key is the path relative to the raw folder. Dagster and PostgreSQL accept nearly every character; those that
break something (control characters, bytes that are not UTF-8, and `...`, which Dagster reads as a range) are
percent-encoded, and so is the percent sign itself.

A file whose records hold records of other datasets (`Dataset.records`) is a partition of each of those as well, under
its key followed by `%#` and the name of that dataset: `orders/june.json%#order_lines`. No file itself has such a key.
"""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from stat import S_ISREG
from urllib.parse import unquote_to_bytes

from logistics_core.catalogue import Catalogue, built_in_catalogue
from logistics_core.raw_folder_rules import is_ignored
from logistics_pipeline.files.stored_file import StoredFile

LONGEST_KEY = 1_000
"""Bytes: an index entry in PostgreSQL, and so in Dagster's tables, may have about 2,700."""

_SHORTENED = "%\N{HORIZONTAL ELLIPSIS}"
"""Appears in no other key: in those, two digits follow a percent sign."""
NESTED_MARK = "%#"
"""Between the key of a file and the dataset whose records are within those of the file. Appears in no other key."""
_ENCODED_CHARACTERS = re.compile(r"[\x00-\x1f\x7f-\x9f%\ud800-\udfff]|(?<=\.)\.(?=\.)")


@dataclass(frozen=True)
class FoundFile:
    """A file as it is now. `dataset` is None if its path names none, or is too long for a key."""

    key: str
    path: StoredFile
    dataset: str | None
    size_bytes: int
    modified_ns: int
    place: str = ""
    """How the keys of all files of its place begin; empty for a file on disk."""
    etag: str | None = None
    """What the store calls this content."""
    version_id: str | None = None
    """Which content this is, where the store keeps earlier ones."""
    is_whole: bool = False
    """Whether it cannot be incomplete: its store shows files only when they are whole, or it was renamed into place."""

    @property
    def is_too_long(self) -> bool:
        """Whether the key is only the beginning of the path, with a hash that keeps it unique."""
        return is_shortened(self.key)

    @property
    def is_remote(self) -> bool:
        """Whether it is at a declared place, and not on disk."""
        return bool(self.place)

    @property
    def place_path(self) -> str:
        """Its path within its place, as its key gives it: what tells its dataset."""
        return path_within(self.key, self.place)

    @property
    def is_nested(self) -> bool:
        """Whether its records are those within the records of the file."""
        return is_nested(self.key)

    @property
    def fingerprint(self) -> tuple[int, int | str]:
        """Changes when the file does: size and modification time, or the name that the store gives the content."""
        return self.size_bytes, self.modified_ns if self.etag is None else self.etag


@dataclass(frozen=True)
class RawFolder:
    """The raw folder: which files are in it, and to which dataset each belongs."""

    path: Path
    catalogue: Catalogue = field(default_factory=built_in_catalogue)

    def find_files(self, on_error: Callable[[OSError], None] | None = None) -> Iterator[FoundFile]:
        """Yields every file under the raw folder, in no particular order, each once for every dataset that it holds.

        Leaves out hidden files, files whose name says that they are still being written (`.tmp`, `.part`, ...), and
        files that disappear meanwhile. Links to folders elsewhere are followed, to each such folder once.

        `on_error` is called with each folder that cannot be read.
        """
        entered = {Path(self.path).resolve()}
        for folder, subfolders, names in os.walk(self.path, onerror=on_error, followlinks=True):
            visible = sorted(name for name in subfolders if not name.startswith("."))
            subfolders[:] = [name for name in visible if _is_new(folder, name, entered)]
            for name in names:
                if is_ignored(name):
                    continue
                found = self.look_at(Path(folder, name))
                if found is not None:
                    yield from self.with_nested(found)

    def with_nested(self, found: FoundFile) -> Iterator[FoundFile]:
        """The file, and the same once more for each dataset whose records are within its own."""
        yield found
        if found.dataset is not None and not found.is_nested:
            for name in self.catalogue.nested_in(found.dataset):
                yield replace(found, key=nested_key(found.key, name), dataset=name)

    def look_at(self, path: Path, dataset: str | None = None) -> FoundFile | None:
        """Examines one file, in the raw folder or elsewhere; None if there is no file. `dataset` overrides its path."""
        try:
            status = path.stat()
        except OSError:
            return None
        if not S_ISREG(status.st_mode):
            return None
        key = self.key_of(path)
        known = None if is_shortened(key) else dataset or self.catalogue.dataset_of_path(key)
        return FoundFile(key, path, known, status.st_size, status.st_mtime_ns)

    def look_again(self, found: FoundFile) -> FoundFile | None:
        """Examines a file once more, for the same dataset if it had one; None if there is no file any more."""
        now = self.look_at(Path(str(found.path)), found.dataset)
        return None if now is None else replace(now, key=found.key)

    def look_at_key(self, key: str, dataset: str | None = None) -> FoundFile | None:
        """Examines the file of a partition key; None if there is no file. `dataset` overrides its path."""
        if not is_nested(key):
            return self.look_at(self.path_of(key), dataset)
        file_key, nested = split_key(key)
        found = self.look_at(self.path_of(file_key))
        return None if found is None else replace(found, key=key, dataset=nested)

    def key_of(self, path: Path) -> str:
        """The partition key of a file. See `key_of`."""
        return key_of(path, self.path)

    def path_of(self, key: str) -> Path:
        """The file of a partition key."""
        return path_of(key, self.path)


def _is_new(folder: str, name: str, entered: set[Path]) -> bool:
    """Whether a folder is to be searched.

    A link is not if its target is searched anyway, as part of a folder in `entered`, nor if it leads upwards, which
    would never end.
    """
    path = Path(folder, name)
    if not path.is_symlink():
        return True
    target = path.resolve()
    if Path(folder).resolve().is_relative_to(target) or any(target.is_relative_to(other) for other in entered):
        return False
    entered.add(target)
    return True


def key_of(path: Path, raw_dir: Path) -> str:
    """The partition key of a file: relative inside the raw folder, absolute elsewhere; shortened if it is too long."""
    absolute, root = Path(os.path.abspath(path)), Path(os.path.abspath(raw_dir))
    text = str(absolute.relative_to(root)) if absolute.is_relative_to(root) else str(absolute)
    return encoded_key(os.fsencode(text).decode("utf-8", "surrogateescape"))  # the same in every locale


def encoded_key(name: str, longest: int = LONGEST_KEY) -> str:
    """A name as a partition key: what would break something is encoded; shortened if longer than so many bytes."""
    key = _ENCODED_CHARACTERS.sub(lambda match: _percent_encode(match.group()), name)
    whole = key.encode()
    if len(whole) <= longest:
        return key
    return whole[: longest - 100].decode(errors="ignore") + _SHORTENED + sha256(whole).hexdigest()


def is_shortened(key: str) -> bool:
    """Whether a key is only the beginning of a path, with a hash that keeps it unique."""
    return _SHORTENED in key


def path_within(key: str, place: str) -> str:
    """The path that tells the dataset of a file: its key without the address of its place."""
    return key.removeprefix(place).lstrip("/") if place else key


def path_of(key: str, raw_dir: Path) -> Path:
    """The file of a partition key."""
    encoded = split_key(key)[0].encode("utf-8", "surrogateescape")
    return Path(os.path.abspath(raw_dir)) / os.fsdecode(unquote_to_bytes(encoded))


def nested_key(key: str, dataset: str) -> str:
    """The partition key of a file for a dataset whose records are within those of the file."""
    return f"{key}{NESTED_MARK}{dataset}"


def is_nested(key: str) -> bool:
    """Whether a partition key is of a dataset whose records are within those of the file."""
    return NESTED_MARK in key


def split_key(key: str) -> tuple[str, str | None]:
    """The key of the file itself, and the dataset whose records are within its own, if the key is of one."""
    file_key, _, dataset = key.partition(NESTED_MARK)
    return file_key, dataset or None


def _percent_encode(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "surrogateescape"))


def shortened(stem: str, longest: int) -> str:
    """Returns a name of at most `longest` bytes: if too long, its beginning and a hash that keeps it unique."""
    whole = os.fsencode(stem)
    if len(whole) <= longest:
        return stem
    return os.fsdecode(whole[: longest - 9]).encode(errors="ignore").decode() + "~" + sha256(whole).hexdigest()[:8]
