"""Keys of several fields, keys that are no texts, and records without a key: exactly once in every case."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from logistics_core.catalogue import load_catalogue
from logistics_pipeline import ledger
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.errors import ConfigurationError
from logistics_pipeline.loading.options import CHUNK_BYTES, BatchLimits
from logistics_pipeline.loading.rejects.replay import replay_stored
from logistics_pipeline.loading.unload import unload_file
from logistics_pipeline.migrations import migrate
from tests.database.conftest import FolderUnderTest, Interrupted, at_statement, raise_interrupted
from tests.database.records import as_array, as_csv, as_lines
from tests.keyed import VISITS, add_contracts, reading, visit

WRITERS = {"json": as_array, "ndjson": as_lines, "csv": as_csv}
Rows = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture
def folder(raw_folder: FolderUnderTest) -> FolderUnderTest:
    """The raw folder of an installation that knows `readings` and `visits`, and its migrated database."""
    catalogue = add_contracts(raw_folder.options.raw_dir.parent)
    migrate(raw_folder.url, catalogue=catalogue)
    return replace(raw_folder, options=replace(raw_folder.options, catalogue=catalogue))


@pytest.fixture
def rows(connection: Connection) -> Rows:
    def read(columns: str) -> list[tuple[Any, ...]]:
        return connection.execute(f"SELECT {columns} ORDER BY 1, 2, 3".encode()).fetchall()

    return read


READ = "slot::text, station, value::integer, file_id, record_no::integer FROM raw.readings"


# -- a key of several fields -----------------------------------------------------------------------------------------


def test_the_primary_key_has_the_fields_in_the_order_of_the_key(
    folder: FolderUnderTest, connection: Connection
) -> None:
    found = connection.execute(
        "SELECT indexname, indexdef FROM pg_indexes WHERE indexname IN ('readings_pkey', 'visits_pkey') ORDER BY 1"
    ).fetchall()

    assert [definition.partition("USING ")[2] for _, definition in found] == [
        "btree (slot, station)",
        "btree (file_id, record_no)",
    ]


@pytest.mark.parametrize("suffix", WRITERS)
def test_the_record_registered_last_wins_by_equal_values_not_texts(
    suffix: str, folder: FolderUnderTest, rows: Rows
) -> None:
    first = folder.drop_and_load(
        f"readings/1.{suffix}",
        WRITERS[suffix](
            [
                reading(0, slot="1", value=2),
                reading(1, slot="1", value=4),
                reading(0, slot="01.00", value=5),  # the same key as the first
            ]
        ),
    )
    second = folder.drop_and_load(
        f"readings/2.{suffix}", WRITERS[suffix]([reading(0, slot="1.000", value=7), reading(0, slot="10", value=9)])
    )

    assert (first.file.records_loaded, first.file.records_superseded) == (2, 1)
    assert (second.file.records_loaded, second.file.records_superseded) == (2, 0)
    assert rows(READ) == [
        ("1.0", "s1", 4, 1, 2),
        ("1.000", "s0", 7, 2, 1),
        ("10", "s0", 9, 2, 2),
    ]


def test_parts_of_a_key_are_kept_apart(folder: FolderUnderTest, rows: Rows) -> None:
    records = [
        reading(0, station="a\tb", slot="1", value=1),
        reading(0, station="a", slot="1", value=3),
        reading(0, station="a\\", slot="1", value=5),
        reading(0, station="a\nb", slot="1", value=7),
    ]

    for name in ("readings/1.json", "readings/2.json"):
        assert folder.drop_and_load(name, records).file.records_loaded == 4

    assert [values[1:4] for values in rows(READ)] == [
        *(("a", 3, 2), ("a\tb", 1, 2), ("a\nb", 7, 2), ("a\\", 5, 2)),
    ]


def test_many_known_keys_are_found_before_copy_is_tried(folder: FolderUnderTest, connection: Connection) -> None:
    records = [reading(number) for number in range(300)]
    folder.drop_and_load("readings/1.json", records)
    found = folder.drop("readings/2.json", records)

    with at_statement(10_000, raise_interrupted) as statements:
        assert folder.load(found, chunk_bytes=CHUNK_BYTES, batch=BatchLimits(200, 1 << 20)).file.records_loaded == 300

    assert any("WITH sampled AS" in statement for statement in statements)
    assert [file.records_superseded for file in ledger.files_in_order(connection)] == [300, 0]


def test_an_unload_gives_superseded_records_back(folder: FolderUnderTest, connection: Connection, rows: Rows) -> None:
    first = folder.drop("readings/1.json", [reading(0, value=1), reading(1, value=1)])
    folder.load(first)
    second = folder.drop("readings/2.csv", as_csv([reading(0, value=2), reading(2, value=2)]))
    folder.load(second)

    unloaded = unload_file(folder.url, second.key, folder.options)
    assert [file.path for file in unloaded.to_reload] == [first.key]
    folder.load(first)

    assert [values[:3] for values in rows(READ)] == [("0", "s0", 1), ("0", "s1", 1)]
    assert [(file.records_loaded, file.records_superseded) for file in ledger.files_in_order(connection)] == [
        (2, 0),
        (0, 0),
    ]


def test_a_row_that_is_refused_does_not_take_its_batch_along(
    folder: FolderUnderTest, connection: Connection, rows: Rows
) -> None:
    connection.execute("ALTER TABLE raw.readings ADD CHECK (value <> 13)")

    report = folder.drop_and_load("readings/1.json", [reading(0, value=13), reading(0, value=2), reading(1, value=13)])

    assert (report.file.records_loaded, report.file.records_rejected) == (1, 2)
    assert [values[:3] for values in rows(READ)] == [("0.0", "s0", 2)]


def test_a_key_longer_than_an_index_can_hold_is_rejected(raw_folder: FolderUnderTest, connection: Connection) -> None:
    names = [f"part_{number}" for number in range(12)]
    fields = "".join(
        f"    - {{name: {name}, title: P, type: string, role: identifier, description: P, constraints: {{required: "
        "true}}\n"
        for name in names
    )
    contract = (
        VISITS.partition("  foreignKeys:")[0].replace("visits", "parts").replace("singular: visit", "singular: p")
    )
    folder = raw_folder.options.raw_dir.parent / "contracts"
    folder.mkdir()
    (folder / "parts.yaml").write_text(f"{contract}  primaryKey: [{', '.join(names)}]\n  fields:\n{fields}")
    catalogue = load_catalogue(folder)
    migrate(raw_folder.url, catalogue=catalogue)
    short, long = (dict.fromkeys(names, text) for text in ("x", "".join(map(chr, range(0x4E00, 0x4EFF)))))

    report = raw_folder.drop_and_load("parts.json", [short, long], catalogue=catalogue)

    assert (report.file.state, report.file.records_loaded, report.file.records_rejected) == ("loaded", 1, 1)
    (reject,) = ledger.rejects(connection)
    assert reject.record_no == 2
    assert reject.reason.startswith("PostgreSQL refused it: index row ")


# -- no key ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", WRITERS)
def test_without_a_key_every_record_is_a_row(suffix: str, folder: FolderUnderTest, connection: Connection) -> None:
    content = WRITERS[suffix]([visit(0)] * 3)

    first = folder.drop_and_load(f"visits/1.{suffix}", content)
    again = folder.load(folder.touch(folder.options.raw_dir / f"visits/1.{suffix}"))
    second = folder.drop_and_load(f"visits/2.{suffix}", content)

    assert first.file.warning is None
    assert again.was_loaded_before
    assert second.file.warning == (
        f"The file visits/1.{suffix}, which has the same content, is loaded as well. Records of visits have no key, so "
        f"its 3 rows stay beside those of this file. If they should not, run: logistics unload visits/1.{suffix}."
    )
    found = connection.execute("SELECT file_id, record_no FROM raw.visits ORDER BY 1, 2").fetchall()
    assert found == [(file_id, number) for file_id in (1, 2) for number in (1, 2, 3)]
    assert [(file.records_loaded, file.records_superseded) for file in ledger.files_in_order(connection)] == [
        (3, 0)
    ] * 2


def test_rows_of_an_earlier_version_stay_and_a_warning_says_so(folder: FolderUnderTest, connection: Connection) -> None:
    folder.drop_and_load("visits/it's.json", [visit(0)])

    report = folder.drop_and_load("visits/it's.json", [visit(0), visit(1)])

    assert report.file.warning is not None
    assert report.file.warning.startswith("Version 1 of this file is loaded as well.")
    assert report.file.warning.endswith("""logistics unload 'visits/it'"'"'s.json' --version 1.""")
    unload_file(folder.url, report.file.path, folder.options, version=1)
    assert connection.execute("SELECT file_id, record_no FROM raw.visits ORDER BY 2").fetchall() == [(2, 1), (2, 2)]


def test_a_keyed_dataset_is_not_warned_of(folder: FolderUnderTest) -> None:
    folder.drop_and_load("readings/1.json", [reading(0)])

    assert folder.drop_and_load("readings/2.json", [reading(0)]).file.warning is None


@pytest.mark.parametrize("statement", range(0, 24, 3))
def test_without_a_key_an_interrupted_load_is_resumed_exactly_once(
    statement: int, folder: FolderUnderTest, connection: Connection
) -> None:
    found = folder.drop("visits/1.json", [visit(0)] * 8)
    options = {"batch": BatchLimits(3, 1 << 20)}

    try:
        with at_statement(statement, raise_interrupted):
            folder.load(found, **options)
    except Interrupted:
        folder.load(found, **options)

    numbers = connection.execute("SELECT array_agg(record_no ORDER BY record_no) FROM raw.visits").fetchone()
    assert numbers == (list(range(1, 9)),)


def test_without_a_key_a_replayed_record_keeps_its_number(folder: FolderUnderTest, connection: Connection) -> None:
    connection.execute("ALTER TABLE raw.visits ADD CONSTRAINT few CHECK (guests <> 13)")
    report = folder.drop_and_load("visits/1.json", [visit(0), visit(0, guests=13), visit(0), visit(0, guests=13)])
    assert (report.file.records_loaded, report.file.records_rejected) == (2, 2)
    connection.execute("ALTER TABLE raw.visits DROP CONSTRAINT few")

    first, second = (replay_stored(folder.url, folder.options) for _ in range(2))

    assert (first.loaded, first.superseded, second.accepted) == (2, 0, 0)
    numbers = connection.execute("SELECT record_no, guests::integer FROM raw.visits ORDER BY 1").fetchall()
    assert numbers == [(1, 3), (2, 13), (3, 3), (4, 13)]
    (file,) = ledger.files_in_order(connection)
    assert (file.records_loaded, file.records_rejected, file.is_balanced) == (4, 0, True)


def test_without_a_key_copy_is_never_tried_twice(folder: FolderUnderTest) -> None:
    found = folder.drop("visits/1.json", [visit(0)] * 300)

    with at_statement(10_000, raise_interrupted) as statements:
        folder.load(found, chunk_bytes=CHUNK_BYTES)

    assert not any("WITH sampled AS" in statement or "stage_visits" in statement for statement in statements)


# -- a table and its contract ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        (
            "readings",
            "[slot, station]",
            "[station]",
            "with the key slot, station, but its contract has the key station",
        ),
        ("readings", "[slot, station]", "[station, slot]", "its contract has the key station, slot"),
        ("readings", "[slot, station]", "[]", "with the key slot, station, but its contract has no key"),
        (
            "visits",
            "  fields:\n    - {name: place",
            "  primaryKey: [place]\n  fields:\n    - {name: place",
            "with no key",
        ),
    ],
)
def test_a_table_keeps_the_key_it_was_made_with(
    name: str, old: str, new: str, said: str, folder: FolderUnderTest
) -> None:
    contracts = folder.options.raw_dir.parent / "contracts"
    text = (contracts / f"{name}.yaml").read_text()
    assert old in text
    (contracts / "visits.yaml").unlink()  # it refers to the key of the other
    (contracts / f"{name}.yaml").write_text(text.replace(old, new))

    with pytest.raises(ConfigurationError, match=said):
        migrate(folder.url, catalogue=load_catalogue(contracts))
