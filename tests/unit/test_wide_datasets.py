"""Contracts of very many fields, and records that are wider than a row of PostgreSQL."""

from typing import Any

import pytest

from logistics_core.catalogue import ContractError
from logistics_core.catalogue.contract_files import contract_from_document
from logistics_pipeline.loading.write.row_isolation import _rejection


def contract(fields: int) -> dict[str, Any]:
    names = [f"channel_{number}" for number in range(1, fields + 1)]
    each = {"title": "Channel", "type": "number", "role": "measure", "description": "Voltage"}
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


def test_a_record_that_is_too_wide_says_so_and_what_to_do() -> None:
    rejection = _rejection(None, None, "row is too big: size 10720, maximum size 8160")
    assert rejection.reason == (
        "The values of the record need 10,720 bytes, and a row of PostgreSQL has at most 8,160. Divide the columns "
        "among several files of different datasets, which share the key."
    )
