"""Files of unknown shape: those that are sent are stored as uploads are; those in the raw folder are only named."""

from fastapi import Request

from logistics_api.contracts.schemas import ProposedFile
from logistics_api.database.pool import Database
from logistics_api.errors import ParameterError, Problem, refused_parameters
from logistics_api.uploads.digests import expected_sha256
from logistics_api.uploads.headers import announced_size
from logistics_api.uploads.sent_files import store_sent_file
from logistics_core.catalogue import Catalogue
from logistics_core.raw_folder_rules import is_ignored
from logistics_core.settings import Settings

PATH_EXPECTED = "the path of a file in the raw folder, relative to it, such as fuel/2024-06.csv"


async def store_file(request: Request, database: Database, where: ProposedFile) -> str:
    """Stores the request body in the raw folder; returns its path there.

    Raises:
        Problem: as an upload; 409, the file would belong to a dataset.
    """
    assert where.filename is not None
    path = where.filename if where.folder is None else f"{where.folder}/{where.filename}"
    refuse_known(path, request.app.state.catalogue)
    settings: Settings = request.app.state.settings
    sha256 = expected_sha256(request.headers)
    size = announced_size(request.headers, settings.upload_max_bytes)
    file, _ = await store_sent_file(request, database, path, size=size, sha256=sha256, replace=where.replace)
    return file.path


def check_path(path: str, catalogue: Catalogue) -> None:
    """Refuses what cannot be a file of unknown shape. Whether there is such a file, the pipeline finds out.

    Raises:
        Problem: 422, it is no path within the raw folder; 409, it belongs to a dataset.
    """
    parts = path.split("/")
    is_within = all(part not in ("", ".", "..") and not is_ignored(part) for part in parts)
    if not is_within or "\\" in path or not path.isprintable():
        error = ParameterError(parameter="path", location="body", expected=PATH_EXPECTED, found=path[:200])
        raise refused_parameters([error])
    refuse_known(path, catalogue)


def refuse_known(path: str, catalogue: Catalogue) -> None:
    """Refuses a file whose path says that it belongs to a dataset: it needs no contract of its own.

    Raises:
        Problem: 409.
    """
    dataset = catalogue.dataset_of_path(path)
    if dataset is not None:
        raise Problem(
            409,
            "known-dataset",
            "Known dataset",
            f"By its name, {path!r} belongs to the dataset {dataset}, which has a contract. Upload it there "
            f"(/api/ingestion/uploads?dataset={dataset}), or give it another name or folder.",
        )
