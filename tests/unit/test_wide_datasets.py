"""Contracts of very many fields, and records that are wider than a row of PostgreSQL."""

import re
from typing import Any

import pytest

from logistics_core.catalogue import ContractError, FieldType
from logistics_core.catalogue.contract_files import contract_from_document
from logistics_pipeline.loading.write.row_isolation import _rejection
from logistics_pipeline.migrations.row_widths import LEAST_BYTES, too_wide

ROLES = {"string": "dimension", "datetime": "time"}


def contract(fields: int, type: str = "number") -> dict[str, Any]:
    names = [f"channel_{number}" for number in range(1, fields + 1)]
    each = {"title": "Channel", "type": type, "role": ROLES.get(type, "measure"), "description": "Voltage"}
    schema = {"primaryKey": [], "fields": [{"name": name, **each} for name in names]}
    about = {"title": "Voltages", "description": "Voltages of sensors", "path": "voltages.csv"}
    return {
        "$schema": "https://datapackage.org/profiles/2.0/dataresource.json",
        "name": "voltages",
        **about,
        "schema": schema,
    }


def test_a_contract_has_at_most_1500_fields() -> None:
    assert len(contract_from_document(contract(1_500), "it").fields) == 1_500
    with pytest.raises(ContractError, match="at most 1,500 fields, not 1,501"):
        contract_from_document(contract(1_501), "it")


@pytest.mark.parametrize(
    ("type", "most"), [("datetime", 1_015), ("duration", 507), ("number", 1_500), ("string", 1_500)]
)
def test_what_can_be_a_row_of_postgresql_is_told_by_the_types(type: str, most: int) -> None:
    assert too_wide(contract_from_document(contract(most, type), "it")) is None
    if most < 1_500:
        reason = too_wide(contract_from_document(contract(most + 1, type), "it"))
        assert reason is not None
        assert re.match(
            rf"A row of voltages with all its {most + 1:,} fields filled needs at least 8,16\d bytes, and a row of "
            rf"PostgreSQL has at most 8,160\. Of the fields, {most + 1:,} of the type {type} 8,1\d\d\. Leave out",
            reason,
        )


def test_every_type_has_a_width() -> None:
    assert LEAST_BYTES.keys() == set(FieldType)


def test_a_record_that_is_too_wide_says_so_and_what_to_do() -> None:
    rejection = _rejection(None, None, "row is too big: size 10720, maximum size 8160")
    assert rejection.reason == (
        "The values of the record need 10,720 bytes, and a row of PostgreSQL has at most 8,160. Divide the columns "
        "among several files of different datasets, which share the key."
    )
