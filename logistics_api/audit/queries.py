"""Statements about the audit log."""

from collections.abc import Collection

from logistics_api.http.listings import page_query
from logistics_core.database_contract.audit import listed_entries


def page(given: Collection[str]) -> str:
    """Builds the query for a page of entries, the newest first.

    One row: a JSON array; the entry_id of the last entry; whether there are more. Reads access.audit.
    """
    return page_query(listed_entries(given))


def lines(given: Collection[str]) -> str:
    """Builds the query for the next entries of an export, the newest first.

    One row per entry: its entry_id, and its document as text. Reads access.audit.
    """
    return f"SELECT entry_id, document::text FROM ({listed_entries(given)}) AS listed"
