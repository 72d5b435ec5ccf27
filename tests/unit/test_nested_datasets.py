"""Contracts of datasets whose records are within those of another one."""

import pytest

from logistics_core.catalogue import Catalogue, ContractError
from logistics_core.catalogue.contract_files import contract_from_document, document_of, make_catalogue
from tests.contract_texts import ORDER_LINES, ORDERS


def catalogue(*texts: str) -> Catalogue:
    return make_catalogue(contract_from_document(document_of(text, "a contract"), "a contract") for text in texts)


def test_a_contract_says_where_nested_records_are() -> None:
    found = catalogue(ORDERS, ORDER_LINES)

    lines = found["order_lines"]
    assert lines.records is not None
    assert (lines.records.dataset, lines.records.array, lines.records.position) == ("orders", "lines", "line_no")
    assert lines.parent == found["orders"]
    assert lines.parent_fields == {"order_id": "order_id"}
    assert (found.nested_in("orders"), found.nested_in("order_lines"), found.nested_in(None)) == (
        ("order_lines",),
        (),
        (),
    )


def test_the_place_of_their_contract_is_no_place_for_files() -> None:
    found = catalogue(
        ORDERS.replace("path: orders.json", "path: sales/may.json"),
        ORDER_LINES.replace("path: order_lines.json", "path: sales/may.json"),
    )

    assert found.dataset_of_path("sales/june.json") == "orders"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("array: lines", "array: items", "records names items of orders, which is no field of type array. There are"),
        ("array: lines", "array: customer", "There are: lines."),
        ("position: line_no", "position: place", "records.position names 'place', which is no field"),
        ("position: line_no", "position: sku", "records.position names sku, which must be a required integer"),
        ("dataset: orders", "dataset: vehicles", "must declare one relation to it"),
        (
            "description: Its order,\n       constraints: {required: true}}",
            "description: Its order}",
            "order_id holds the key of orders, so it must be required",
        ),
    ],
)
def test_a_contract_that_does_not_lead_to_them_is_refused(old: str, new: str, message: str) -> None:
    text = ORDER_LINES.replace(old, new).replace("primaryKey: [order_id, line_no]\n", "primaryKey: []\n")
    with pytest.raises(ContractError) as refused:
        catalogue(ORDERS, text)
    assert message in str(refused.value)


def test_arrays_within_nested_records_are_no_dataset() -> None:
    lines = ORDER_LINES.replace("name: quantity, title: Quantity, type: number", "name: parts, title: P, type: array")
    lines = lines.replace(",\n       constraints: {minimum: 0}", "")
    parts = (
        ORDER_LINES.replace("order_lines", "line_parts")
        .replace("singular: order_line", "singular: line_part")
        .replace(
            "dataset: orders, array: lines, position: line_no", "dataset: order_lines, array: parts, position: part_no"
        )
        .replace("{fields: [order_id], reference: {resource: orders, fields: [order_id]}}", RELATION)
        .replace("primaryKey: [order_id, line_no]", "primaryKey: []")
        .replace("    - {name: sku", NUMBER + "    - {name: sku")
    )
    with pytest.raises(ContractError, match="whose records are within those of orders themselves"):
        catalogue(ORDERS, lines, parts)


RELATION = (
    "{fields: [order_id, line_no], reference: {resource: order_lines, fields: [order_id, line_no]}}"  # its whole key
)
NUMBER = (
    "    - {name: part_no, title: Part, type: integer, role: dimension, description: X,\n"
    "       constraints: {required: true}}\n"
)
