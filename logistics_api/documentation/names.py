"""Keeps the names used by generated clients unique: a dataset must not reuse the API's own names."""

from collections import Counter
from collections.abc import Iterator

from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import BaseModel

from logistics_api.errors import ConfigurationError
from logistics_api.rows.schemas import RowPage, Source, page_model, row_model
from logistics_core.catalogue import Catalogue, Dataset


def refuse_taken_names(app: FastAPI, catalogue: Catalogue) -> None:
    """Checks the operations and models of all datasets.

    Raises:
        ConfigurationError: a contract gives a dataset a name that is already in use.
    """
    all_names = Counter(_operations(app)) + Counter(_own_models(BaseModel))
    all_names.update(name for dataset in catalogue.values() for name in _models_of(dataset))
    for dataset in catalogue.values():
        operations = f"read_{dataset.name}", f"read_{dataset.singular}", f"export_{dataset.name}"
        for name in (*operations, *_models_of(dataset)):
            if all_names[name] > 1:
                raise ConfigurationError(
                    f"The dataset {dataset.name} cannot be served: the API already uses the name {name}. "
                    "Change `name` or `singular` in its contract."
                )


def _operations(app: FastAPI) -> Iterator[str]:
    for context in iter_route_contexts(app.routes):
        if isinstance(context.original_route, APIRoute):
            yield context.original_route.name


def _models_of(dataset: Dataset) -> tuple[str, str]:
    return row_model(dataset).__name__, page_model(dataset).__name__


def _own_models(base: type[BaseModel]) -> set[str]:
    """Names of the models that the API declares, except those generated for datasets."""
    found: set[str] = set()
    for model in base.__subclasses__():
        if model.__module__.startswith("logistics_api.") and model not in (Source, RowPage):
            found |= {model.__name__, model.model_config.get("title") or model.__name__} | _own_models(model)
    return found
