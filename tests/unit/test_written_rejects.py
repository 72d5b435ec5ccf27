"""Rejects as COPY text and counts, and what of them is sent from the parser's process to the loader's."""

import pickle

from logistics_core.catalogue import built_in_catalogue
from logistics_pipeline.ledger.reject_kinds import EXAMPLE_BYTES
from logistics_pipeline.loading.contract.record_validator import Rejection
from logistics_pipeline.loading.formats.reader import Checkpoint
from logistics_pipeline.loading.layouts import RawRecord, Records, Table
from logistics_pipeline.loading.parse.chunks import Chunk, ChunkMaker
from logistics_pipeline.loading.parse.written_rejects import MAX_EXAMPLE_BYTES, Reject, merge_rejects, write_rejects

LONG = bytes(range(256)) * 500


def _reject(number: int, raw: bytes, reason: str = "cost must be a number, found x", offset: int | None = 5) -> Reject:
    return Reject(RawRecord(number, offset, raw), Rejection("cost", reason))


def test_rows_hold_each_reject_whole_whatever_its_length_and_characters() -> None:
    tricky = 'cost must be a number, found the text "a\\b\tc"'
    rejects = [_reject(1, b"a\tb"), _reject(2, LONG), _reject(3, LONG[:99]), _reject(4, b"", tricky, None)]
    lines = "".join(write_rejects(7, rejects).copy_text()).removesuffix("\n").split("\n")
    rows = [line.split("\t") for line in lines]
    assert [row[:3] for row in rows] == [["7", "1", "5"], ["7", "2", "5"], ["7", "3", "5"], ["7", "4", "\\N"]]
    assert [bytes.fromhex(row[6].removeprefix("\\\\x")) for row in rows] == [b"a\tb", LONG, LONG[:99], b""]
    assert rows[3][4] == 'cost must be a number, found the text "a\\\\b\\tc"'


def test_a_long_record_is_written_in_pieces() -> None:
    assert max(map(len, write_rejects(7, [_reject(1, LONG), _reject(2, LONG)]).copy_text())) <= 32 * 1024


def test_rejects_are_counted_by_kind_with_the_first_of_each() -> None:
    other = "cost must be at least 0, found -1"
    written = write_rejects(7, [_reject(3, LONG), _reject(5, b"5", other), _reject(6, b"6", other.replace("1", "2"))])
    counted = {kind: (each.first_record, each.example, each.count) for kind, each in written.kinds.items()}
    assert counted == {
        ("cost", "cost must be a number"): (3, LONG[:MAX_EXAMPLE_BYTES], 1),
        ("cost", "cost must be at least 0"): (5, b"5", 2),
    }
    assert MAX_EXAMPLE_BYTES >= EXAMPLE_BYTES


def test_parts_are_merged_with_the_first_of_each_kind_whatever_their_order() -> None:
    parts = [write_rejects(7, [_reject(5, b"5"), _reject(6, LONG)]), write_rejects(7, [_reject(2, b"2")])]
    merged = merge_rejects(parts)
    assert merged.count == 3
    assert [(each.first_record, each.example, each.count) for each in merged.kinds.values()] == [(2, b"2", 3)]
    assert [part.kinds["cost", "cost must be a number"].count for part in parts] == [2, 1]
    assert "".join(merged.copy_text()) == "".join(text for part in parts for text in part.copy_text())


def test_short_records_are_written_together() -> None:
    written = merge_rejects([write_rejects(7, [_reject(number, b"short")]) for number in range(100)])
    assert len(list(written.copy_text())) == 1


def test_another_process_gets_rejects_only_as_they_are_written() -> None:
    rejects = [_reject(1, LONG)]
    chunk = Chunk(Checkpoint(1, 9), rejects=rejects, written_rejects=write_rejects(7, rejects))
    sent = pickle.loads(pickle.dumps(chunk, protocol=5))
    assert (sent.rejects, sent.records, chunk.rejects) == ([], 1, rejects)
    assert list(sent.written_rejects.copy_text()) == list(chunk.written_rejects.copy_text())


def test_the_same_bad_text_is_rejected_alike_in_every_field_and_record() -> None:
    dataset = built_in_catalogue()["shipments"]
    texts = {"weight": "n.d.", "cost": "n.d.", "delivery_time": "5"}
    count = 2_500
    values = {
        field.name: [texts.get(field.name, f"{field.name}-{number}") for number in range(count)]
        for field in dataset.fields
    }
    values["weight"] = [("n.d.", "1", f"bad {number}")[number % 3] for number in range(count)]
    table = Table(values, count)
    records = Records(0, table, 0, lambda index: RawRecord(index + 1, None, b""))
    rejections = [reject.rejection for reject in ChunkMaker(dataset, 7).from_records(records).rejects]
    assert [each.field for each in rejections] == [("weight", "cost", "weight")[number % 3] for number in range(count)]
    for number, each in enumerate(rejections):
        found = ("n.d.", "n.d.", f"bad {number}")[number % 3]
        assert each.reason == f'{each.field} must be a number, found the text "{found}"'
