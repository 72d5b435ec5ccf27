"""Keeps the names used by generated clients unique: a dataset must not reuse the API's own names."""

from collections import Counter
from collections.abc import Iterable

from pydantic import BaseModel

from logistics_api.errors import ConfigurationError
from logistics_api.rows.schemas import RowPage, Source, page_model, row_model
from logistics_core.catalogue import Catalogue, Dataset


def refuse_taken_names(operations: Iterable[str], catalogue: Catalogue) -> None:
    """Checks the names of operations and models: `operations` are those of the whole API.

    Raises:
        ConfigurationError: a contract gives a dataset a name that is already in use.
    """
    all_names = Counter(operations) + Counter(_own_models(BaseModel))
    all_names.update(name for dataset in catalogue.values() for name in _models_of(dataset))
    for dataset in catalogue.values():
        of_dataset = f"read_{dataset.name}", f"read_{dataset.singular}", f"export_{dataset.name}"
        for name in (*of_dataset, *_models_of(dataset)):
            if all_names[name] > 1:
                raise ConfigurationError(
                    f"The dataset {dataset.name} cannot be served: the API already uses the name {name}. "
                    "Change `name` or `singular` in its contract."
                )


def _models_of(dataset: Dataset) -> tuple[str, str]:
    return row_model(dataset).__name__, page_model(dataset).__name__


def _own_models(base: type[BaseModel]) -> set[str]:
    """Names of the models that the API declares, except those generated for datasets."""
    found: set[str] = set()
    for model in base.__subclasses__():
        if model.__module__.startswith("logistics_api.") and model not in (Source, RowPage):
            found |= {model.__name__, model.model_config.get("title") or model.__name__} | _own_models(model)
    return found
