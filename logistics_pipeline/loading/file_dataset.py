"""The dataset of a file in the ledger. Its contract may have left the catalogue since the file was registered."""

from logistics_core.catalogue import Catalogue, Dataset
from logistics_pipeline.errors import FileError
from logistics_pipeline.ledger import LedgerFile


def file_dataset(catalogue: Catalogue, file: LedgerFile) -> Dataset:
    """Returns the dataset that a registered file belongs to.

    Raises:
        FileError: the catalogue holds no contract for it.
    """
    dataset = catalogue.get(file.dataset) if file.dataset is not None else None
    if dataset is None:
        raise FileError(
            f"The file belongs to the dataset {file.dataset!r}, which no longer has a contract; those that have are "
            f"{', '.join(catalogue)}. To use that again: logistics contracts show NAME > FILE.yaml, then "
            "logistics contracts accept FILE.yaml"
        )
    return dataset
