"""Copies files of stores to disk before they are loaded, where their source declares `land: true`.

A copy is of one version, shows only when it is whole, and is never changed: it is read again in place of the store.
"""

import os
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from logistics_pipeline.errors import FileChangedError
from logistics_pipeline.files.places import path_of_url
from logistics_pipeline.files.range_reader import patiently
from logistics_pipeline.files.remote_file import RemoteFile

CHANGED = "The file changed while it was copied. Its new content is a new version and is loaded as such"


def land(file: RemoteFile, key: str, folder: Path) -> Path:
    """Returns the copy of a version of a file, made now if there is none.

    Raises:
        FileError: the file has changed or is gone, or the place refuses to hand it out.
        TransientError: the store does not answer.
        OSError: the folder cannot be written to.
    """
    copy = folder / path_of_url(key) / sha256(repr(file.version).encode()).hexdigest()[:16]
    if not copy.exists():
        copy.parent.mkdir(parents=True, exist_ok=True)
        part = copy.with_name(f"{copy.name}.{os.getpid()}.part")
        try:
            patiently(lambda: _download(file, part))
            part.replace(copy)
        finally:
            with suppress(FileNotFoundError):
                part.unlink()
    return copy


def _download(file: RemoteFile, part: Path) -> None:
    with part.open("wb") as out:
        file.store.download(file.key, file.version, out)
        out.flush()
        os.fsync(out.fileno())
        if out.tell() != file.version.size_bytes:
            raise FileChangedError(CHANGED)
