"""Contracts as people write them, for tests of versions, proposals and the folder."""

from pathlib import Path
from typing import Any

from logistics_core.catalogue import Catalogue
from logistics_pipeline.contracts.folder import sync_folder
from logistics_pipeline.database.connections import connect
from logistics_pipeline.database.contracts import catalogue_in_force

FUEL = """\
$schema: https://datapackage.org/profiles/2.0/dataresource.json
name: fuel
path: fuel.csv
title: Fuel cards
description: Payments with fuel cards
schema:
  primaryKey: [payment]
  fields:
    - {name: payment, title: Payment, type: string, role: identifier, description: Its number,
       constraints: {required: true}}
    - {name: paid_on, title: Paid on, type: date, role: time, description: Its day,
       constraints: {required: true, minimum: 2000-01-01}}
    - {name: litres, title: Litres, type: number, role: measure, unit: L, description: Amount,
       constraints: {minimum: 0, maximum: 1000}}
datedBy: {field: paid_on}
"""
"""A dataset of three fields."""

STATION = "    - {name: station, title: Station, type: string, role: dimension, description: Where}\n"
"""An optional field for it."""


def with_station(contract: str = FUEL) -> str:
    """The contract with the optional field at the end."""
    return contract.replace("datedBy:", f"{STATION}datedBy:")


def payment(number: int, **changes: Any) -> dict[str, Any]:
    """A record of it."""
    return {"payment": f"P-{number:03}", "paid_on": f"2024-05-{1 + number % 28:02}", "litres": number * 1.5} | changes


def synced_catalogue(url: str, folder: Path) -> Catalogue:
    """Has the contracts in a folder accepted, as `logistics migrate` does, and returns what is in force."""
    with connect(url) as connection:
        report = sync_folder(connection, folder)
        assert report.problems == [], report.problems
        return catalogue_in_force(connection)


ORDERS = """\
$schema: https://datapackage.org/profiles/2.0/dataresource.json
name: orders
path: orders.json
title: Orders
singular: order
description: Orders of customers
schema:
  primaryKey: [order_id]
  fields:
    - {name: order_id, title: Order, type: string, role: identifier, description: Its number,
       constraints: {required: true}}
    - {name: customer, title: Customer, type: string, role: dimension, description: Who ordered}
    - {name: lines, title: Lines, type: array, role: text, description: What was ordered}
"""
"""A dataset whose records hold arrays of objects."""

ORDER_LINES = """\
$schema: https://datapackage.org/profiles/2.0/dataresource.json
name: order_lines
path: order_lines.json
title: Order lines
singular: order_line
description: Lines of orders
records: {dataset: orders, array: lines, position: line_no}
schema:
  primaryKey: [order_id, line_no]
  foreignKeys:
    - {fields: [order_id], reference: {resource: orders, fields: [order_id]}}
  fields:
    - {name: order_id, title: Order, type: string, role: dimension, description: Its order,
       constraints: {required: true}}
    - {name: line_no, title: Line, type: integer, role: dimension, description: Its place in the order,
       constraints: {required: true}}
    - {name: sku, title: Article, type: string, role: dimension, description: What was ordered, aliases: [product.sku]}
    - {name: quantity, title: Quantity, type: number, role: measure, description: How much of it,
       constraints: {minimum: 0}}
"""
"""The dataset of these objects."""
