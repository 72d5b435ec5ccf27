"""The catalogue of datasets: their names, fields, keys, units and relations, read from contract files.

Everything else is derived from it: validation, COPY, merge, tables, partitions, assets, rows, filters, exports, metrics
and the dashboard's Data page. `contracts/` holds the contracts of the built-in datasets; `contract_files` reads them
and those that a user adds; `model` is what they become.
"""

from logistics_core.catalogue.contract_files import ContractError, built_in_catalogue, load_catalogue
from logistics_core.catalogue.model import (
    Catalogue,
    Dataset,
    Dating,
    Expectations,
    Field,
    FieldType,
    Index,
    InvalidValues,
    Role,
)

__all__ = [
    "Catalogue",
    "ContractError",
    "Dataset",
    "Dating",
    "Expectations",
    "Field",
    "FieldType",
    "Index",
    "InvalidValues",
    "Role",
    "built_in_catalogue",
    "load_catalogue",
]
