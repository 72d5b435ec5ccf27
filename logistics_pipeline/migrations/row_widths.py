"""How many bytes a row of a dataset needs at least: PostgreSQL keeps a row within a page.

Long texts and documents move out of the row, values of a fixed width do not.
"""

from collections import Counter

from logistics_core.catalogue import Dataset, FieldType

MOST_BYTES = 8_160
"""Of a row in a page of 8 kB."""

_HEADER_BYTES = 24
_SOURCE_BYTES = 12
"""`file_id` and `record_no`."""

LEAST_BYTES = {
    FieldType.STRING: 2,
    FieldType.INTEGER: 3,
    FieldType.NUMBER: 3,
    FieldType.BOOLEAN: 1,
    FieldType.DATE: 4,
    FieldType.DATETIME: 8,
    FieldType.TIME: 8,
    FieldType.DURATION: 16,
    FieldType.YEAR: 4,
    FieldType.YEAR_MONTH: 8,
    FieldType.OBJECT: 5,
    FieldType.ARRAY: 5,
}
"""Of a value in a row, by type: a zero, a text of one character, an empty document."""


def too_wide(dataset: Dataset) -> str | None:
    """Says why no row with every field filled fits; None if one can."""
    types = Counter(field.type for field in dataset.fields)
    sizes = {type: count * LEAST_BYTES[type] for type, count in types.items()}
    least = _HEADER_BYTES + _SOURCE_BYTES + sum(sizes.values())
    if least <= MOST_BYTES:
        return None
    widest = sorted(sizes, key=lambda type: -sizes[type])[:3]
    shares = ", ".join(f"{types[type]:,} of the type {type} {sizes[type]:,}" for type in widest)
    return (
        f"A row of {dataset.name} with all its {len(dataset.fields):,} fields filled needs at least {least:,} bytes, "
        f"and a row of PostgreSQL has at most {MOST_BYTES:,}. Of the fields, {shares}. Leave out fields that are not "
        "needed, or divide the columns among several files of different datasets, which share the key."
    )
