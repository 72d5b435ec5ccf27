"""PostgreSQL's types of the columns that hold fields."""

from logistics_core.catalogue.model import Field, FieldType

_TYPES = {
    FieldType.STRING: "text",
    FieldType.INTEGER: "numeric",  # of any size, and a number with decimals later needs no new column
    FieldType.NUMBER: "numeric",
    FieldType.BOOLEAN: "boolean",
    FieldType.DATE: "date",
    FieldType.DATETIME: "timestamp without time zone",
    FieldType.TIME: "time without time zone",
    FieldType.DURATION: "interval",
    FieldType.YEAR: "integer",
    FieldType.YEAR_MONTH: "text",
    FieldType.OBJECT: "jsonb",
    FieldType.ARRAY: "jsonb",
}
"""PostgreSQL's types, as it names them itself. Keys, and text other than free text (`Role.TEXT`), are compared by
bytes: faster than by a language's rules, and the same on every machine."""


def type_name(field: Field) -> str:
    """The type of a field's column, as PostgreSQL names it."""
    return "timestamp with time zone" if field.has_time_zone else _TYPES[field.type]
