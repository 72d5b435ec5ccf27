"""Describes the datasets of a catalogue to programs and to the dashboard."""

from collections.abc import Iterator
from typing import get_args

from logistics_api.datasets.schemas import DatasetDescription, DatasetField, DatasetReference, Datasets, DatasetSort
from logistics_api.exports.formats import Format
from logistics_api.rows.tables import Table, table_of
from logistics_core.catalogue import Catalogue, Dataset, Field


def describe(catalogue: Catalogue, currency: str | None = None) -> Datasets:
    """All datasets of the catalogue, in its order; `currency` is the label of that of the feed."""
    return Datasets(datasets=[_describe(dataset, currency) for dataset in catalogue.values()])


def below(prefix: str, datasets: Datasets) -> Datasets:
    """The same datasets with the addresses that they have behind a proxy."""
    found = [
        each.model_copy(
            update={
                "rows": prefix + each.rows,
                "exports": {format: prefix + address for format, address in each.exports.items()},
            }
        )
        for each in datasets.datasets
    ]
    return Datasets(datasets=found)


def _describe(dataset: Dataset, currency: str | None) -> DatasetDescription:
    table = table_of(dataset)
    dating = dataset.dated_through
    return DatasetDescription(
        name=dataset.name,
        slug=dataset.slug,
        title=dataset.title,
        description=dataset.description,
        key=",".join(dataset.key),
        key_fields=list(dataset.key),
        references=[
            DatasetReference(fields=list(each.fields), dataset=each.dataset, key_fields=list(each.target_fields))
            for each in dataset.references
        ],
        date=dataset.dating.field if dataset.dating is not None and dataset.dating.is_own else None,
        fields=[_field(field, dataset, field.name, currency) for field in dataset.fields],
        sorts=[sort for sort in _sorts(table) if sort.field not in table.added],
        added_fields=[_field(each.field, dating, each.source, currency) for each in table.added.values()],
        added_sorts=[sort for sort in _sorts(table) if sort.field in table.added],
        rows=f"/api/{dataset.slug}",
        exports={format: f"/api/exports/{dataset.slug}.{format}" for format in get_args(Format)},
    )


def _field(field: Field, origin: Dataset | None, source: str, currency: str | None) -> DatasetField:
    """Describes a field, which is the field `source` of the dataset `origin`."""
    reference = None if origin is None else origin.reference_of(source)
    return DatasetField(
        name=field.name,
        title=field.title,
        label=f"{field.title}, {currency}" if currency and field.unit == "currency" else field.label,
        description=field.description,
        type=field.type,
        role=field.role,
        unit=field.unit,
        required=field.required,
        references=None if reference is None else reference.dataset,
    )


def _sorts(table: Table) -> Iterator[DatasetSort]:
    """The default first, then the same order reversed."""
    first = table.default_sort.removeprefix("-")
    for sort in sorted(table.sorts, key=lambda sort: (sort.removeprefix("-") != first, sort != table.default_sort)):
        field = sort.removeprefix("-")
        yield DatasetSort(sort=sort, field=field, direction="ascending" if sort == field else "descending")
