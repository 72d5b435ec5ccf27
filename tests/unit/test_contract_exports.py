"""Contracts in the formats of others: what each says, and that records of the API are valid by the JSON Schema."""

from typing import Any

import jsonschema_rs
import pytest
import yaml

from logistics_core.catalogue.contract_files import BUILT_IN, BUILT_IN_FOLDER
from logistics_core.contract_exports import ExportFormat, export_contract
from logistics_pipeline.contracts.texts import ContractText, contract_of_file, contract_of_text
from tests.contract_texts import FUEL
from tests.many_types import DOCUMENT


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


MANY_TYPES = contract_of_text(yaml.dump(DOCUMENT, Dumper=_Dumper), "the contract")
CONTRACTS = [
    *(contract_of_file(BUILT_IN_FOLDER / f"{name}.yaml") for name in BUILT_IN),
    contract_of_text(FUEL, "the contract"),
    MANY_TYPES,
]
every_contract = pytest.mark.parametrize("contract", CONTRACTS, ids=[each.name for each in CONTRACTS])


def exported(contract: ContractText, format: ExportFormat, version: int = 3) -> dict[str, Any]:
    return export_contract(contract.dataset, contract.document, version, format)


@every_contract
def test_a_data_package_holds_the_contract_as_its_resource(contract: ContractText) -> None:
    package = exported(contract, ExportFormat.DATA_PACKAGE)
    assert package["$schema"] == "https://datapackage.org/profiles/2.0/datapackage.json"
    (resource,) = package["resources"]
    assert contract_of_text(yaml.safe_dump(resource), "the resource").dataset == contract.dataset


@every_contract
def test_odcs_has_a_property_for_each_field_and_none_of_our_keys_outside_custom_properties(
    contract: ContractText,
) -> None:
    document = exported(contract, ExportFormat.ODCS)
    assert (document["apiVersion"], document["kind"], document["version"]) == ("v3.1.0", "DataContract", "3.0.0")
    (table,) = document["schema"]
    assert table["physicalName"] == contract.dataset.table
    assert [each["name"] for each in table["properties"]] == list(contract.dataset.columns)
    logical = {"string", "date", "timestamp", "time", "number", "integer", "object", "array", "boolean"}
    assert {each["logicalType"] for each in table["properties"]} <= logical
    keys = {each["primaryKeyPosition"]: each["name"] for each in table["properties"] if each.get("primaryKey")}
    assert tuple(keys[position] for position in sorted(keys)) == contract.dataset.key
    allowed = {
        *("name", "businessName", "logicalType", "physicalType", "description", "required", "unique", "primaryKey"),
        *("primaryKeyPosition", "examples", "logicalTypeOptions", "relationships", "customProperties"),
    }
    assert all(set(each) <= allowed for each in table["properties"])


def test_odcs_names_the_key_that_a_field_refers_to() -> None:
    (table,) = exported(contract_of_file(BUILT_IN_FOLDER / "shipments.yaml"), ExportFormat.ODCS)["schema"]
    log_id = next(each for each in table["properties"] if each["name"] == "log_id")
    assert log_id["relationships"] == [{"type": "foreignKey", "to": "vehicle_logs.log_id"}]


@every_contract
def test_a_json_schema_is_valid_itself(contract: ContractText) -> None:
    schema = exported(contract, ExportFormat.JSON_SCHEMA)
    jsonschema_rs.meta.validate(schema)
    assert list(schema["properties"]) == list(contract.dataset.columns)


@pytest.mark.parametrize(
    ("changes", "is_valid"),
    [
        ({}, True),
        ({"litres": None}, True),
        ({"litres": 1000}, True),
        ({"litres": 1000.5}, False),
        ({"litres": -1}, False),
        ({"litres": "3"}, False),
        ({"payment": None}, False),
        ({"paid_on": "31.01.2024"}, False),
    ],
)
def test_a_json_schema_tells_good_records_from_bad_ones(changes: dict[str, Any], is_valid: bool) -> None:
    schema = exported(contract_of_text(FUEL, "the contract"), ExportFormat.JSON_SCHEMA)
    record = {"payment": "P-1", "paid_on": "2024-01-31", "litres": 3.5} | changes
    assert jsonschema_rs.validator_for(schema, validate_formats=True).is_valid(record) is is_valid
