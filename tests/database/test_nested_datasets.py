"""Datasets whose records are elements of arrays within the records of another one: loaded from its files."""

import gzip
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from logistics_core.catalogue import load_catalogue
from logistics_core.database_contract.file_states import FileState
from logistics_pipeline import ledger
from logistics_pipeline.analytics.quality import count_references
from logistics_pipeline.contracts.accepting import accept_contract
from logistics_pipeline.contracts.texts import contract_of_text
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.database.contracts import catalogue_in_force
from logistics_pipeline.files.folder import FoundFile, nested_key
from logistics_pipeline.ledger import LedgerFile
from logistics_pipeline.loading.formats.large_records import LARGE_BYTES
from logistics_pipeline.loading.options import BatchLimits
from logistics_pipeline.loading.rejects.replay import replay_stored
from logistics_pipeline.loading.unload import unload_file
from logistics_pipeline.migrations import migrate
from tests.contract_texts import ORDER_LINES, ORDERS
from tests.database.conftest import FolderUnderTest, Interrupted, at_statement, every_trouble
from tests.database.records import as_array, as_csv, as_lines, as_objects, as_wrapped

Record = dict[str, Any]
Row = tuple[str, int, str | None, float | None]


@pytest.fixture
def shop(raw_folder: FolderUnderTest, raw_dir: Path) -> FolderUnderTest:
    """The raw folder of an installation with orders and, within them, their lines."""
    return with_contracts(raw_folder, raw_dir, orders=ORDERS, order_lines=ORDER_LINES)


def with_contracts(folder: FolderUnderTest, raw_dir: Path, **texts: str) -> FolderUnderTest:
    contracts = raw_dir.parent / "contracts"
    contracts.mkdir(exist_ok=True)
    for name, text in texts.items():
        (contracts / f"{name}.yaml").write_text(text)
    catalogue = load_catalogue(contracts)
    migrate(folder.url, catalogue=catalogue)
    return replace(folder, options=replace(folder.options, catalogue=catalogue))


def order(number: int, *lines: object, **changes: Any) -> Record:
    return {"order_id": f"o{number}", "customer": f"c{number % 3}", "lines": list(lines)} | changes


def line(number: int, **changes: Any) -> Record:
    return {"product": {"sku": f"s{number}"}, "quantity": number + 0.5} | changes


ORDERED = [order(number, *(line(10 * number + each) for each in range(number % 4))) for number in range(1, 30)]
"""Some orders have no line."""


def expected(orders: list[Record]) -> list[Row]:
    return [
        (each["order_id"], place, one["product"]["sku"], one["quantity"])
        for each in orders
        for place, one in enumerate(each["lines"] or (), start=1)
    ]


def lines_of(shop: FolderUnderTest, found: FoundFile) -> FoundFile:
    """The same file for the dataset of the lines."""
    orders, lines = shop.options.folder.with_nested(found)
    assert (orders, lines.key) == (found, f"{found.key}%#order_lines")
    return lines


def load_lines(shop: FolderUnderTest, name: str, content: bytes, **changes: Any) -> LedgerFile:
    return shop.load(lines_of(shop, shop.drop(name, content)), **changes).file


def rows(connection: Connection) -> list[Row]:
    found = connection.execute("SELECT order_id, line_no, sku, quantity FROM raw.order_lines").fetchall()
    as_rows = [(key, int(place), sku, None if much is None else float(much)) for key, place, sku, much in found]
    return sorted(as_rows, key=lambda row: (int(row[0][1:]), row[1]))


def rejects(connection: Connection, file: LedgerFile) -> list[tuple[int, str | None, str, Any]]:
    found = ledger.rejects(connection, file_id=file.file_id)
    return [(each.record_no, each.field, each.reason, each.raw) for each in found]


def as_csv_cells(records: list[Record]) -> bytes:
    return as_csv([each | {"lines": json.dumps(each["lines"])} for each in records])


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("orders/may.json", as_array),
        ("orders/may.ndjson", as_lines),
        ("orders/may.json", as_objects),
        ("orders/may.json", as_wrapped),
        ("orders/may.csv", as_csv_cells),
        ("orders/may.json.gz", lambda records: gzip.compress(as_array(records))),
    ],
)
def test_the_elements_of_arrays_are_records_of_a_dataset_of_their_own(
    shop: FolderUnderTest, connection: Connection, name: str, write: Callable[[list[Record]], bytes]
) -> None:
    found = shop.drop(name, write(ORDERED))
    orders, lines = shop.load(found).file, shop.load(lines_of(shop, found)).file

    assert (orders.dataset, orders.records_loaded, orders.records_rejected) == ("orders", 29, 0)
    assert (lines.state, lines.dataset, lines.error) == (FileState.LOADED, "order_lines", None)
    assert rows(connection) == expected(ORDERED)
    assert (lines.records_read, lines.records_loaded) == (len(expected(ORDERED)),) * 2
    assert lines.content_hash == orders.content_hash
    kept = connection.execute("SELECT lines FROM raw.orders WHERE order_id = 'o3'").fetchone()
    assert kept == (ORDERED[2]["lines"],), "the dataset around them keeps its array"


def test_an_array_under_the_key_that_the_contract_names_is_found(
    raw_folder: FolderUnderTest, raw_dir: Path, connection: Connection
) -> None:
    orders = ORDERS + 'dialect: {property: "data.items"}\n'
    shop = with_contracts(raw_folder, raw_dir, orders=orders, order_lines=ORDER_LINES)
    lines = load_lines(shop, "orders.json", json.dumps({"a": [1], "data": {"items": ORDERED}}).encode())

    assert lines.state is FileState.LOADED
    assert rows(connection) == expected(ORDERED)


def test_an_array_in_an_object_and_under_another_name_is_found(
    raw_folder: FolderUnderTest, raw_dir: Path, connection: Connection
) -> None:
    orders = ORDERS.replace("What was ordered}", "What was ordered, aliases: [basket.content]}")
    shop = with_contracts(raw_folder, raw_dir, orders=orders, order_lines=ORDER_LINES)
    records = [{"order_id": each["order_id"], "basket": {"content": each["lines"]}} for each in ORDERED]
    records.append({"order_id": "o99", "basket": {"content": [line(1, quantity="many")]}})
    file = load_lines(shop, "orders.json", as_array(records))

    assert rows(connection) == expected(ORDERED)
    ((_, field, _, raw),) = rejects(connection, file)
    assert (field, json.loads(raw)["product"]) == ("quantity", {"sku": "s1"})


@pytest.mark.parametrize("write", [as_array, as_lines, as_csv_cells])
def test_no_array_or_an_empty_one_means_no_records(
    shop: FolderUnderTest, connection: Connection, write: Callable[[list[Record]], bytes]
) -> None:
    records = [order(1), order(2, lines=None), order(3, line(1)), order(4)]
    file = load_lines(shop, "orders.json", write(records))

    assert (file.state, file.records_read, file.records_rejected) == (FileState.LOADED, 1, 0)
    none = load_lines(shop, "orders/none.json", write([order(5), order(6, lines=None)]))
    assert (none.state, none.records_read) == (FileState.LOADED, 0)


BAD: list[tuple[object, str | None, str]] = [
    (order(1, line(1), order_id=None), "order_id", "order_id is missing"),
    (order(1, line(1), order_id={"a": 1}), "order_id", "order_id must be text, found an object"),
    (order(1, lines="none"), "lines", "lines must be an array of objects, found a text that is not JSON"),
    (order(1, lines=7), "lines", "lines must be an array of objects, found the number 7"),
    (order(1, lines={"product": "x"}), "lines", "lines must be an array of objects, found an object"),
    (order(1, 7), "lines", "lines must hold objects, found the number 7"),
    (order(1, None), "lines", "lines must hold objects, found null"),
    (order(1, [line(1)]), "lines", "lines must hold objects, found an array"),
    (order(1, line(1, quantity=-1)), "quantity", "quantity must be at least 0, found -1"),
    (order(1, line(1, order_id="o2")), "order_id", 'order_id is the text "o2" in the object, and the text "o1" around'),
    (order(1, line(1, line_no=4)), "line_no", "line_no is the number 4 in the object, and the number 1 around it"),
    (order(1, line(1, product=7)), "sku", "sku is expected in the object `product`, which is the number 7"),
    (5, None, "expected an object, found the number 5"),
]


@pytest.mark.parametrize("write", [as_array, as_lines])
@pytest.mark.parametrize(("bad", "field", "reason"), BAD)
def test_what_is_no_record_is_rejected_by_itself_and_stays_so(
    shop: FolderUnderTest,
    connection: Connection,
    bad: object,
    field: str | None,
    reason: str,
    write: Callable[[list[object]], bytes],
) -> None:
    good = [order(7, line(1), line(2)), order(8, line(3))]
    file = load_lines(shop, "orders.json", write([good[0], bad, good[1]]))

    assert (file.state, file.records_read, file.records_rejected) == (FileState.LOADED, 4, 1)
    assert rows(connection) == expected(good)
    ((number, found, text, _),) = rejects(connection, file)
    assert (number, found) == (3, field) and text.startswith(reason), text

    done = replay_stored(shop.url, shop.options, dataset="order_lines")
    assert (done.loaded, len(rows(connection))) == (0, 3)


def test_a_line_that_is_not_json_is_one_reject(shop: FolderUnderTest, connection: Connection) -> None:
    content = as_lines([order(1, line(1))]) + b'{"order_id": "o2", "lines": [{"quantity": NaN}]}\n{"a\n'
    file = load_lines(shop, "orders.ndjson", content + as_lines([order(3, line(3))]))

    assert [row[0] for row in rows(connection)] == ["o1", "o3"]
    assert [(number, raw[:5]) for number, _, _, raw in rejects(connection, file)] == [(2, b'{"ord'), (3, b'{"a')]
    assert replay_stored(shop.url, shop.options).loaded == 0


def test_a_reject_holds_the_element_as_it_was_written_and_is_replayed_by_a_later_contract(
    shop: FolderUnderTest, raw_dir: Path, connection: Connection
) -> None:
    written = (
        b'[{"order_id": "o1", "lines": [{"quantity": 1},\n  {"quantity": -1.50,\n "product": {"sku": "\xc3\xa9"}}]}]'
    )
    file = load_lines(shop, "orders.json", written)

    ((number, field, _, raw),) = rejects(connection, file)
    assert (number, field) == (2, "quantity")
    assert raw == b'{"order_id": "o1", "line_no": 2, "quantity": -1.50,  "product": {"sku": "\xc3\xa9"}}'
    (reject,) = ledger.rejects(connection, file_id=file.file_id)
    assert reject.byte_offset == 1, "where the record around it is"
    (exported,) = shop.options.failed_dir.glob("*.json")
    assert exported.name == "order_lines.rejected.orders.records.json"
    assert json.loads(exported.read_bytes())["line_no"] == 2

    lenient = with_contracts(shop, raw_dir, order_lines=ORDER_LINES.replace("minimum: 0", "minimum: -5"))
    assert replay_stored(lenient.url, lenient.options).loaded == 1
    assert rows(connection) == [("o1", 1, None, 1.0), ("o1", 2, "é", -1.5)]


def test_corrected_rejects_may_be_delivered_as_a_file_of_their_own(
    shop: FolderUnderTest, connection: Connection
) -> None:
    load_lines(shop, "orders.json", as_array([order(1, line(1), line(2, quantity="x"))]))
    (exported,) = shop.options.failed_dir.glob("*.json")
    mended = shop.drop(exported.name, exported.read_bytes().replace(b'"x"', b"2.5"))

    assert (mended.dataset, mended.is_nested) == ("order_lines", False)
    assert shop.load(mended).file.records_loaded == 1
    assert rows(connection) == [("o1", 1, "s1", 1.5), ("o1", 2, "s2", 2.5)]


def test_unknown_members_of_elements_are_kept(shop: FolderUnderTest, connection: Connection) -> None:
    file = load_lines(shop, "orders.json", as_array([order(1, line(1, colour="red"))]))

    assert file.unknown_fields == ["colour"]
    assert connection.execute("SELECT extras FROM raw.order_lines").fetchone() == ({"colour": "red"},)


# -- exactly once ------------------------------------------------------------------------------------------------------

SMALL = {"batch": BatchLimits(4, 1 << 20), "chunk_bytes": 64, "own_process_bytes": 1 << 40}


@pytest.mark.slow
@pytest.mark.parametrize("write", [as_array, as_lines, as_csv_cells])
@every_trouble
def test_a_load_that_dies_anywhere_resumes_and_loses_and_doubles_nothing(
    shop: FolderUnderTest,
    connection: Connection,
    write: Callable[[list[Record]], bytes],
    trouble: Callable[[Connection], None],
) -> None:
    records = [order(100), *ORDERED[:8], order(101, line(5, quantity="x"), line(6)), order(102)]
    good = [*ORDERED[:8], order(101, lines=[])]
    lines = lines_of(shop, shop.drop("orders.json", write(records)))

    for number in count():
        connection.execute("TRUNCATE raw.order_lines, ingest.files RESTART IDENTITY CASCADE")
        with at_statement(number, trouble) as seen, suppress(Interrupted):
            shop.load(lines, **SMALL)
        if len(seen) <= number:
            break
        file = shop.load(lines, **SMALL).file
        assert rows(connection) == [*expected(good), ("o101", 2, "s6", 6.5)], f"died before: {seen[number]}"
        assert (file.records_read, file.records_rejected) == (len(expected(good)) + 2, 1)

    assert number > 25


def test_records_without_any_elements_between_batches_are_read_once(
    shop: FolderUnderTest, connection: Connection
) -> None:
    records = [*(order(number) for number in range(50)), order(60, line(1), line(2)), *map(order, range(70, 90))]
    file = load_lines(shop, "orders.json", as_array(records), **SMALL)

    assert (file.records_read, rows(connection)) == (2, expected([records[50]]))


def test_numbers_that_only_the_whole_file_explains_are_read_alike(
    shop: FolderUnderTest, connection: Connection
) -> None:
    records = [order(1), *(order(each, line(each, quantity="1.234")) for each in range(2, 40))]
    records.append(order(50, line(50, quantity="7.654,5")))
    file = load_lines(shop, "orders.json", as_array(records), **SMALL)

    assert file.records_rejected == 0
    assert {row[3] for row in rows(connection)} == {1234.0, 7654.5}


@pytest.mark.parametrize("write", [as_array, as_lines])
def test_the_array_of_a_large_record_is_read_in_parts(
    shop: FolderUnderTest, connection: Connection, write: Callable[[list[Record]], bytes]
) -> None:
    many = [line(each) for each in range(30_000)]
    many[12_345]["quantity"] = "x"
    records = [order(1, line(1)), order(2, *many, None), order(3, line(3))]
    content = write(records)
    assert len(content) > LARGE_BYTES
    file = load_lines(shop, "orders.json", content, batch=BatchLimits(1_000, 1 << 16), max_record_bytes=8 << 20)

    assert (file.state, file.records_read, file.records_rejected) == (FileState.LOADED, 30_003, 2)
    found = rejects(connection, file)
    assert [each[:3] for each in found] == [
        (12_347, "quantity", 'quantity must be a number, found the text "x"'),
        (30_002, "lines", "lines must hold objects, found null"),
    ]
    assert json.loads(found[0][3]) == {"order_id": "o2", "line_no": 12_346} | many[12_345]
    ends = {last for (last,) in connection.execute("SELECT last_record FROM ingest.batches").fetchall()}
    assert not any(1 < last < 30_002 for last in ends), "no load resumes within a record"
    assert rows(connection)[12_344:12_347] == [
        ("o2", 12_344, "s12343", 12343.5),
        ("o2", 12_345, "s12344", 12344.5),
        ("o2", 12_347, "s12346", 12346.5),
    ]


def test_a_file_that_ends_in_the_middle_keeps_what_is_before_and_says_where(
    shop: FolderUnderTest, connection: Connection
) -> None:
    file = load_lines(shop, "orders.json", as_array(ORDERED)[:-300])

    assert file.state is FileState.FAILED and "ends in the middle" in str(file.error)
    assert 0 < file.records_loaded == len(rows(connection))


# -- files and versions ------------------------------------------------------------------------------------------------


def test_a_later_file_replaces_lines_by_their_key_and_lines_it_does_not_have_stay(
    shop: FolderUnderTest, connection: Connection
) -> None:
    first = load_lines(shop, "orders/1.json", as_array([order(1, line(1), line(2), line(3)), order(2, line(4))]))
    second = load_lines(shop, "orders/2.json", as_array([order(1, line(9), line(8))]))

    assert rows(connection) == [
        ("o1", 1, "s9", 9.5),
        ("o1", 2, "s8", 8.5),
        ("o1", 3, "s3", 3.5),
        ("o2", 1, "s4", 4.5),
    ]
    first = ledger.file_by_id(connection, first.file_id)
    assert (first.records_superseded, second.records_loaded) == (2, 2)


def test_a_new_version_of_the_file_is_a_version_for_its_lines(shop: FolderUnderTest, connection: Connection) -> None:
    load_lines(shop, "orders.json", as_array([order(1, line(1), line(2))]))
    again = load_lines(shop, "orders.json", as_array([order(1, line(7))]))
    assert (again.version, again.records_loaded) == (2, 1)
    assert rows(connection) == [("o1", 1, "s7", 7.5), ("o1", 2, "s2", 2.5)]

    unload_file(shop.url, again.path, shop.options, version=1)
    assert rows(connection) == [("o1", 1, "s7", 7.5)], "the lines that only the version before had"


def test_a_touched_file_is_no_version(shop: FolderUnderTest) -> None:
    found = shop.drop("orders.json", as_array(ORDERED))
    shop.load(lines_of(shop, found))
    report = shop.load(lines_of(shop, shop.touch(found.path)))

    assert (report.was_loaded_before, report.file.version) == (True, 1)


def test_lines_are_unloaded_apart_from_the_records_around_them(shop: FolderUnderTest, connection: Connection) -> None:
    found = shop.drop("orders.json", as_array(ORDERED))
    shop.load(found)
    shop.load(lines_of(shop, found))
    unloaded = unload_file(shop.url, nested_key("orders.json", "order_lines"), shop.options)

    assert (unloaded.removed.rows, rows(connection)) == (len(expected(ORDERED)), [])
    assert connection.execute("SELECT count(*) FROM raw.orders").fetchone() == (29,)
    assert shop.load(lines_of(shop, found)).file.records_loaded == len(expected(ORDERED))


def test_files_that_seem_to_be_named_after_the_key_are_other_files(
    shop: FolderUnderTest, connection: Connection
) -> None:
    plain = shop.drop("orders.json#order_lines", as_array([order(1, line(1))]))
    marked = shop.drop("orders.json%#order_lines", as_array([order(2, line(2))]))

    assert (plain.key, marked.key) == ("orders.json#order_lines", "orders.json%25#order_lines")
    assert {found.key for found in shop.options.folder.find_files()} == {
        key + suffix for key in (plain.key, marked.key) for suffix in ("", "%#order_lines")
    }
    for found in (plain, marked):
        assert shop.load(lines_of(shop, found)).file.records_loaded == 1
    assert [row[0] for row in rows(connection)] == ["o1", "o2"]


def test_files_have_the_same_order_for_both_datasets(shop: FolderUnderTest) -> None:
    for name in ("orders/a.json", "orders/a b.json", "orders/a!.json", "orders/a-b.json"):
        path = shop.drop(name, as_array(ORDERED)).path
        path.touch()
    files = [replace(found, modified_ns=1) for found in shop.options.folder.find_files()]
    in_order = ledger.in_registration_order(files)

    orders = [found.key for found in in_order if not found.is_nested]
    assert [nested_key(key, "order_lines") for key in orders] == [found.key for found in in_order if found.is_nested]


# -- a contract that comes later ---------------------------------------------------------------------------------------


def accept(connection: Connection, text: str) -> None:
    accept_contract(connection, contract_of_text(text, "the contract"), accepted_by="somebody")


def paths(connection: Connection, dataset: str) -> list[str]:
    return [file.path for file in ledger.files_in_order(connection) if file.dataset == dataset]


def test_files_that_are_loaded_already_are_registered_for_the_lines_in_their_own_order(
    raw_folder: FolderUnderTest, connection: Connection
) -> None:
    accept(connection, ORDERS)
    shop = replace(raw_folder, options=replace(raw_folder.options, catalogue=catalogue_in_force(connection)))
    late = shop.drop("orders/a.json", as_array([order(1, line(1))]))
    early = shop.drop("orders/z.json", as_array([order(1, line(2))]))
    for found in (early, late):  # the later file is the one that was registered first
        shop.load(found)
    assert paths(connection, "orders") == ["orders/z.json", "orders/a.json"]

    accept(connection, ORDER_LINES)
    assert paths(connection, "order_lines") == ["orders/z.json%#order_lines", "orders/a.json%#order_lines"]
    accept(connection, ORDER_LINES + "indexes: [{name: lines_by_sku, fields: [sku]}]\n")
    assert len(paths(connection, "order_lines")) == 2, "each once"

    shop = replace(raw_folder, options=replace(raw_folder.options, catalogue=catalogue_in_force(connection)))
    for found in (late, early):
        shop.load(lines_of(shop, found))
    assert rows(connection) == [("o1", 1, "s1", 1.5)], "the file wins that wins for the orders"


def test_lines_whose_orders_are_not_there_are_counted(shop: FolderUnderTest, connection: Connection) -> None:
    found = shop.drop("orders.json", as_array([order(1, line(1)), order(2, line(2), customer=["none"])]))
    orders, lines = shop.load(found).file, shop.load(lines_of(shop, found)).file

    assert (orders.records_rejected, lines.records_loaded) == (1, 2)
    count_references(shop.url, shop.options.catalogue)
    counted = connection.execute("SELECT file_id, field, asked, found FROM ingest.reference_counts").fetchall()
    assert counted == [(lines.file_id, "order_id", 2, 1)]
