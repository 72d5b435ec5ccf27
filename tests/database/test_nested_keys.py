"""The key of records that others are within: it changes only together with the relation of these."""

import pytest

from logistics_core.catalogue import ContractError
from logistics_pipeline.contracts.accepting import accept_contract
from logistics_pipeline.contracts.texts import contract_of_text
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.database.contracts import catalogue_in_force
from tests.contract_texts import ORDER_LINES, ORDERS

LONGER = ORDERS.replace("primaryKey: [order_id]", "primaryKey: [order_id, shop]").replace(
    "    - {name: customer,",
    "    - {name: shop, title: Shop, type: string, role: dimension, description: Where,\n"
    "       constraints: {required: true}}\n    - {name: customer,",
)
NONE = ORDERS.replace("  primaryKey: [order_id]\n", "")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            LONGER,
            "order_lines: order_id refers to order_id of orders, whose key is order_id, shop. A relation leads to",
        ),
        (NONE, "order_lines: order_id refers to orders, whose records have no key. Remove the relation"),
    ],
)
def test_another_key_of_the_records_around_is_refused_while_the_relation_leads_to_the_old_one(
    text: str, message: str, connection: Connection
) -> None:
    for each in (ORDERS, ORDER_LINES):
        accept_contract(connection, contract_of_text(each, "the contract"), accepted_by="Anna")

    with pytest.raises(ContractError) as refused:
        accept_contract(connection, contract_of_text(text, "the contract"), accepted_by="Anna", may_break=True)

    assert message in str(refused.value)
    assert catalogue_in_force(connection)["orders"].key == ("order_id",)
