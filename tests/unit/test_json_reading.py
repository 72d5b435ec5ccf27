"""Records out of JSON: whatever is in them, wherever blocks and files are cut, in bounded time and memory."""

import gzip
import json
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logistics_core import zstd
from logistics_core.zstd import CompressionParameter
from logistics_pipeline.errors import FileError
from logistics_pipeline.files.byte_stream import open_source
from logistics_pipeline.loading.formats.json_decoding import decode
from logistics_pipeline.loading.formats.json_reader import read_elements
from logistics_pipeline.loading.formats.json_scanner import (
    MAX_DEPTH,
    find_deeper,
    find_values,
    is_whole_objects,
    value_end,
)
from logistics_pipeline.loading.formats.reader import RUN_BYTES
from logistics_pipeline.loading.layouts import ElementsLayout, Unreadable
from tests.checkout import PROJECT_ROOT

MIB = 1 << 20
JSON_TEST_SUITE = PROJECT_ROOT.parent / "shared/data/json_test_suite/JSONTestSuite.tar.xz"

# -- documents ---------------------------------------------------------------------------------------------------------

CHARACTERS = st.one_of(
    st.sampled_from(
        [
            *'{}[],:"',
            "\\",
            "é",
            "漢",
            "😀",
            "\u2028",
            "\x7f",
            "\ufeff",
            "\\u0000",
            "\\ud83d\\ude00",
            "\\ud83d",
            "\\udc00",
        ]
    ).map(lambda text: "\\" + text if text in ('"', "\\") else text),
    st.sampled_from(["\\n", "\\/", "\\b", "\\u00e9", "12345678901234567890123"]),
    st.characters(min_codepoint=32, exclude_characters='"\\', exclude_categories=["Cs"]),
)
STRINGS = st.lists(CHARACTERS, max_size=8).map(lambda parts: f'"{"".join(parts)}"')
NUMBERS = st.one_of(
    st.from_regex(r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,3})?", fullmatch=True),
    st.sampled_from(["-0", "1.10", "12345678901234567890.123456789", "9" * 50, "0." + "1" * 50, "1e400", "5E-400"]),
)
SCALARS = st.one_of(STRINGS, NUMBERS, st.sampled_from(["true", "false", "null"]))
KEYS = st.one_of(STRINGS, st.sampled_from(['"a"', '"vehicle_id"', '"item"', '"logistics-wrapper"', '""', '"a.b"']))


def _values(gap: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.recursive(SCALARS, lambda inner: _arrays(inner, gap) | _objects(inner, gap), max_leaves=8)


def _arrays(inner: st.SearchStrategy[str], gap: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds(lambda items, g: f"[{g}{f'{g},{g}'.join(items)}{g}]", st.lists(inner, max_size=4), gap)


def _objects(inner: st.SearchStrategy[str], gap: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    members = st.lists(st.builds(lambda key, value, g: f"{key}{g}:{g}{value}", KEYS, inner, gap), max_size=4)
    return st.builds(lambda items, g: f"{{{g}{f'{g},{g}'.join(items)}{g}}}", members, gap)


GAPS = st.sampled_from(["", "", " ", "\n", "\r\n", "\t", " \n  "])
GAPS_IN_LINE = st.sampled_from(["", " ", "\t", "\r"])
VALUES = _values(GAPS)
OBJECTS = _objects(VALUES, GAPS)
LINES = _objects(_values(GAPS_IN_LINE), GAPS_IN_LINE)
BOMS = st.sampled_from(["", "\ufeff"])
BLOCKS = st.one_of(st.integers(1, 64), st.just(256 * 1024))
FIRST = '{"vehicle_id": "first"}'


@dataclass(frozen=True)
class Document:
    """Text with the records it holds."""

    layout: str
    text: str
    records: list[str]

    @property
    def content(self) -> bytes:
        return self.text.encode()


@st.composite
def array_documents(draw: st.DrawFn) -> Document:
    records, gap = draw(st.lists(VALUES | OBJECTS, max_size=6)), draw(GAPS)
    array = f"[{gap}{f'{gap},{gap}'.join(records)}{gap}]"
    return Document("json array", f"{draw(BOMS)}{gap}{array}{gap}", records)


@st.composite
def wrapped_documents(draw: st.DrawFn) -> Document:
    array, gap = draw(array_documents()), draw(GAPS)
    path = [*draw(st.lists(st.sampled_from(["data", "a.b", "item", "ключ", ""]), max_size=3)), "vehicles"]
    text = array.text.lstrip("\ufeff")
    for key in reversed(path):
        before, after = draw(VALUES).replace('"vehicle_id"', '"other"'), draw(VALUES)
        text = f'{{{gap}"before":{gap}{before},{gap}{json.dumps(key)}{gap}:{text},"after":{after}{gap}}}{gap}'
    # An array at the top of "before" may come first and is none of ours: the name decides.
    return Document("json array under " + ".".join(path), draw(BOMS) + text, array.records)


@st.composite
def objects_documents(draw: st.DrawFn) -> Document:
    gap = draw(GAPS)
    first = FIRST.replace("{", "{\n") if "\n" in gap else FIRST  # on one line it would begin NDJSON
    records = [first, *draw(st.lists(OBJECTS, min_size=1, max_size=5))]
    text = "".join(gap + record for record in records)
    return Document("json objects", draw(BOMS) + text + gap, records)


@st.composite
def line_documents(draw: st.DrawFn) -> Document:
    records = [FIRST, *draw(st.lists(LINES, min_size=1, max_size=5))]
    end = draw(st.sampled_from(["\n", "\r\n", "\n\n", " \n"]))
    return Document("ndjson", draw(BOMS) + end.join(records) + draw(st.sampled_from(["", end])), records)


DOCUMENTS = st.one_of(array_documents(), wrapped_documents(), objects_documents(), line_documents())


def exact(text: str | bytes) -> Any:
    """The reference: the standard library, numbers of any length."""
    text = text if isinstance(text, str) else text.decode()
    return json.loads(
        text, parse_float=Decimal, parse_int=lambda digits: int(digits) if len(digits) < 4000 else Decimal(digits)
    )


def compress(content: bytes, how: str) -> bytes:
    middle = len(content) // 2
    match how:
        case "gzip":
            return gzip.compress(content)
        case "gzip members":
            return gzip.compress(content[:middle]) + gzip.compress(b"") + gzip.compress(content[middle:])
        case "zstd":
            return zstd.compress(content, options={CompressionParameter.checksum_flag: True})
        case "zstd frames":
            unsized = {CompressionParameter.content_size_flag: False}
            skippable = b"\x50\x2a\x4d\x18\x03\0\0\0abc"
            halves = (zstd.compress(half, options=unsized) for half in (content[:middle], content[middle:]))
            return skippable.join(halves)
    return content


# -- whole documents ---------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=250)
@given(document=DOCUMENTS, block_bytes=BLOCKS)
def test_every_record_is_read_exactly_with_its_number_place_and_raw_text(
    read_content: Any, document: Document, block_bytes: int
) -> None:
    outcome = read_content(document.content, block_bytes=block_bytes)

    assert outcome.error is None
    assert outcome.format.split(" under ")[0] in (document.layout.split(" under ")[0], "ndjson")
    assert [record.raw.decode() for record in outcome.records] == document.records
    assert [record.number for record in outcome.records] == list(range(1, len(document.records) + 1))
    for record in outcome.records:
        assert document.content[record.offset : record.offset + len(record.raw)] == record.raw
        assert repr(record.value) == repr(exact(record.raw))
    assert all(one.offset + len(one.raw) <= other.offset for one, other in pairwise(outcome.records))


@settings(deadline=None, max_examples=80)
@given(document=DOCUMENTS, block_bytes=BLOCKS, run_bytes=st.integers(1, 100))
def test_runs_of_records_are_as_long_as_wanted(
    read_content: Any, document: Document, block_bytes: int, run_bytes: int
) -> None:
    whole = read_content(document.content)

    outcome = read_content(document.content, block_bytes=block_bytes, run_bytes=run_bytes)

    assert outcome.records == whole.records
    assert [run.before for run in outcome.runs] == [0, *(checkpoint.records for checkpoint in outcome.checkpoints)][:-1]
    for run in outcome.runs:
        last = run.raw_record(len(run.values) - 1)
        assert run.end >= last.byte_offset + len(last.raw)
    for before, run in pairwise(outcome.runs):
        assert run is outcome.runs[-1] or run.end - before.end >= run_bytes
        objects = [
            place.byte_offset for place in map(run.raw_record, range(len(run.values) - 1)) if place.raw[:1] == b"{"
        ]
        assert all(offset - before.end < run_bytes for offset in objects)


@settings(deadline=None, max_examples=80)
@given(document=DOCUMENTS, block_bytes=BLOCKS)
def test_a_load_resumes_behind_any_record_and_gets_exactly_the_rest(
    read_content: Any, document: Document, block_bytes: int
) -> None:
    whole = read_content(document.content, run_bytes=1)

    for checkpoint in whole.checkpoints:
        rest = read_content(document.content, after=checkpoint, block_bytes=block_bytes)
        assert rest.error is None
        assert rest.records == whole.records[checkpoint.records :]


@settings(deadline=None, max_examples=80)
@given(document=DOCUMENTS, block_bytes=BLOCKS, how=st.sampled_from(["gzip", "gzip members", "zstd", "zstd frames"]))
def test_compression_changes_nothing(read_content: Any, document: Document, block_bytes: int, how: str) -> None:
    plain = read_content(document.content, run_bytes=1)
    packed_content = compress(document.content, how)

    packed = read_content(packed_content, block_bytes=block_bytes)

    assert packed.error is None
    assert packed.records == plain.records
    assert packed.format == f"{plain.format}, {how.split()[0]}"
    for checkpoint in plain.checkpoints[:1]:
        rest = read_content(packed_content, after=checkpoint, block_bytes=block_bytes)
        assert rest.records == plain.records[checkpoint.records :]


# -- cut documents -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
@settings(deadline=None, max_examples=25)
@given(document=st.one_of(array_documents(), wrapped_documents()), block_bytes=BLOCKS)
def test_a_cut_array_gives_every_complete_record_and_then_an_error_with_its_place(
    read_content: Any, document: Document, block_bytes: int
) -> None:
    whole = read_content(document.content).records
    content = document.content.rstrip()

    for cut in _cuts(len(content)):
        outcome = read_content(content[:cut], block_bytes=block_bytes)

        assert isinstance(outcome.error, FileError), cut
        assert outcome.error.byte_offset is not None or "is empty" in outcome.error.message
        assert outcome.records == whole[: len(outcome.records)]
        complete = [record for record in whole if record.offset + len(record.raw) < cut]
        assert len(outcome.records) >= len(complete) or outcome.format == ""


@pytest.mark.slow
@settings(deadline=None, max_examples=25)
@given(document=objects_documents(), block_bytes=BLOCKS)
def test_cut_objects_give_every_complete_record_and_an_error_unless_cut_between_two(
    read_content: Any, document: Document, block_bytes: int
) -> None:
    whole = read_content(document.content).records

    for cut in _cuts(len(document.content)):
        outcome = read_content(document.content[:cut], block_bytes=block_bytes)
        complete = [record for record in whole if record.offset + len(record.raw) <= cut]
        rest = document.content[complete[-1].offset + len(complete[-1].raw) if complete else 0 : cut]

        if outcome.format == "ndjson":  # the objects stand on lines
            assert [record.raw for record in outcome.records[: len(complete)]] == [record.raw for record in complete]
            continue
        assert [record.raw for record in outcome.records] == [record.raw for record in complete]
        assert (outcome.error is None) == (not rest.strip() and bool(complete)), cut


@settings(deadline=None, max_examples=25)
@given(document=line_documents(), block_bytes=BLOCKS)
def test_a_line_that_was_cut_off_is_one_unreadable_record(
    read_content: Any, document: Document, block_bytes: int
) -> None:
    whole = read_content(document.content).records
    first_line = document.content.index(b"\n") + 1

    for cut in _cuts(len(document.content), first_line):
        outcome = read_content(document.content[:cut], block_bytes=block_bytes)
        complete = [record for record in whole if record.offset + len(record.raw) <= cut]
        rest = document.content[complete[-1].offset + len(complete[-1].raw) : cut].strip(b" \t\r\n")

        assert outcome.error is None
        assert [record.value for record in outcome.records[: len(complete)]] == [record.value for record in complete]
        assert [type(record.value) for record in outcome.records[len(complete) :]] == [Unreadable] * bool(rest)


@pytest.mark.parametrize("how", ["gzip", "gzip members", "zstd", "zstd frames"])
@pytest.mark.parametrize("layout", ["array", "lines", "csv"])
def test_a_compressed_file_that_was_cut_is_never_taken_for_a_whole_one(
    read_content: Any, how: str, layout: str
) -> None:
    rows = [f"v{number}" for number in range(300)]
    texts = {
        "array": json.dumps([{"vehicle_id": row} for row in rows]),
        "lines": "".join(f'{{"vehicle_id": "{row}"}}\n' for row in rows),
        "csv": "vehicle_id\n" + "".join(f"{row}\n" for row in rows),
    }
    packed = compress(texts[layout].encode(), how)
    boundary = len(compress(texts[layout].encode()[: len(texts[layout]) // 2], how.split()[0]))

    for cut in _cuts(len(packed), 1):
        if how.endswith("s") and layout != "array" and abs(cut - boundary) < 40:
            continue  # between members a file looks whole
        outcome = read_content(packed[:cut])
        assert outcome.error is not None, cut
        assert [record.value["vehicle_id"] for record in outcome.records if isinstance(record.value, dict)] == rows[
            : len(outcome.records)
        ]


def test_what_was_decompressed_before_the_damage_is_read(read_content: Any) -> None:
    rows = b"".join(b'{"vehicle_id": "%06d", "name": "%d"}\n' % (n, n * 7919 % 100_003) for n in range(20_000))
    packed = gzip.compress(rows)

    outcome = read_content(packed[: len(packed) // 2])

    assert "gzip stream is damaged or cut off" in str(outcome.error)
    assert len(outcome.records) > 9_000


def _cuts(length: int, first: int = 0) -> Iterator[int]:
    """Every place of a short text, some of a long one; the ends in any case."""
    step = max(1, length // 150)
    yield from range(first, min(first + 40, length))
    yield from range(first + 40, length, step)
    yield from range(max(first, length - 20), length)


# -- what must not be silently changed ---------------------------------------------------------------------------------


def test_halves_of_surrogate_pairs_and_broken_bytes_reach_validation_in_every_layout(read_content: Any) -> None:
    text = rb'{"vehicle_id": "\ud83d", "name": "' + b"\xff\xed\xa0\x80" + b'}"}'
    expected = {"vehicle_id": "\ud83d", "name": "\udcff\udced\udca0\udc80}"}

    for content in (b"[1, " + text + b"]", b'[1, 2, {"x": "}"}, ' + text + b"]", text + b"\n" + text, text + text):
        for block_bytes in (1, 2, 3, 7, 1000):
            assert read_content(content, block_bytes=block_bytes).values[-1] == expected


@settings(deadline=None, max_examples=150)
@given(
    parts=st.lists(st.sampled_from([r"\ud83d", r"\uDE00", r"\uD83D", r"\udc00", r"\\", r"\n", "u", "d83d", "x", "é"])),
    other=st.booleans(),
)
def test_any_mixture_of_halves_is_read_as_the_standard_library_reads_it(
    read_content: Any, parts: list[str], other: bool
) -> None:
    text = f'{{"vehicle_id":"{"".join(parts)}"}}'
    content = f"[{text},{json.dumps({'vehicle_id': '1'})},{text}]" if other else f"[{text},{text}]"

    assert read_content(content.encode()).values == json.loads(content)


def test_form_feeds_are_not_white_space(read_content: Any) -> None:
    for control in (b"\f", b"\v"):
        assert "Not JSON" in str(read_content(b'[{"vehicle_id": "1"},' + control + b"{}]").error)
        assert "Not JSON" in str(read_content(b"[" + control + b"]").error)
        assert "Not JSON" in str(read_content(b'{"data": [], "x": ' + control + b"1}").error)
        assert isinstance(decode(b'{"a":' + control + b"1}"), Unreadable)


@pytest.mark.parametrize(
    "number", ["1" * 4301, "-" + "9" * 20_000, "1e99999999999999999999", "1E-99999999999999999999"]
)
def test_a_number_beyond_all_bounds_costs_its_record_only(read_content: Any, number: str) -> None:
    records = [
        '{"vehicle_id": "1"}',
        f'{{"total_mileage": {number}}}',
        f'{{"other": "}}", "total_mileage": {number}}}',
        "{}",
    ]

    for content in (
        f"[{','.join(records)}]",
        f'{{"vehicles": [{",".join(records)}]}}',
        "\n".join(records),
        "".join(records),
    ):
        for block_bytes in (11, 4096, 1 << 20):
            outcome = read_content(content.encode(), block_bytes=block_bytes)
            assert outcome.error is None
            assert [record.raw.decode() for record in outcome.records] == records
            assert isinstance(outcome.records[1].value["total_mileage"], Decimal)


@pytest.mark.parametrize("number", ["1" * 5000, "1e99999999999999999999"])
def test_a_number_beyond_all_bounds_around_the_array_does_no_harm(read_content: Any, number: str) -> None:
    content = f'{{"before": {number}, "vehicles": [{{"vehicle_id": "1"}}], "after": [{number}]}}'.encode()

    assert read_content(content).values == [{"vehicle_id": "1"}]
    assert read_content(content, block_bytes=3).error is None


@pytest.mark.parametrize(
    "content", [b"[1,]", b"[,1]", b"[1,,2]", b"[1 2]", b"[1]]", b"[1][2]", b"[1] x", b"[1}", b"[1,2]}"]
)
def test_what_is_wrong_between_records_is_an_error(read_content: Any, content: bytes) -> None:
    for block_bytes in (1, 100):
        outcome = read_content(content, block_bytes=block_bytes)
        assert outcome.error is not None
        assert outcome.values in ([], [1], [1, 2])


def test_records_before_an_error_are_read_wherever_the_blocks_end(read_content: Any) -> None:
    content = b'[1, {"a": 1}, "two", [3], nonsense, 4]'

    for block_bytes in range(1, len(content) + 1):
        outcome = read_content(content, block_bytes=block_bytes)
        assert outcome.values == [1, {"a": 1}, "two", [3]]
        assert (outcome.error.record_no, outcome.error.byte_offset) == (5, 24)


def test_a_tail_that_repeats_the_path_of_the_array_adds_no_records(read_content: Any) -> None:
    content = b'{"vehicles": [{"vehicle_id": "1"}], "logistics-wrapper": [{"vehicle_id": "2"}], "vehicles": [3]}'

    for block_bytes in (1, 5, 1000):
        assert read_content(content, block_bytes=block_bytes).values == [{"vehicle_id": "1"}]


@pytest.mark.slow
@settings(deadline=None, max_examples=200)
@given(document=array_documents(), closing=st.sampled_from(["", "}", '{"}":', '{"', '"}', '\\"}', "{[}]"]))
def test_text_that_is_said_to_be_whole_objects_is_so_wherever_it_ends(document: Document, closing: str) -> None:
    text = ",".join([*document.records, closing]).encode()

    for brace in re.finditer(b"}", text):
        piece = text[: brace.end()]
        if is_whole_objects(piece):
            spans = list(find_values(piece))
            assert spans[-1][1] == len(piece)
            for begin, end in spans:
                exact(piece[begin:end])


def test_flat_objects_are_said_to_be_whole_and_brackets_in_strings_are_not_taken_for_any() -> None:
    assert is_whole_objects(b'{"a":"x","b":1},\n{"a":"\\\\\\"","c":[{"d":[]}]} , 5, {}')
    for text in (b'{"a":"}', b'{"}":{"}":{"}', b'{"a":{"b":1}', b'{"a":"}"}', b'{"a":"\\"}', b"[1]]}", b"[}"):
        assert not is_whole_objects(text)
    assert not is_whole_objects(b'{"a":' * (MAX_DEPTH + 1) + b"}" * (MAX_DEPTH + 1))


def test_what_is_broken_is_noticed_before_much_more_is_read(tmp_path: Path) -> None:
    good, bad = b'{"vehicle_id": "1", "x": "[{"}', b'{"vehicle_id": "1""}'
    (tmp_path / "file").write_bytes(b"[" + b",".join([*[good] * 10, bad, *[good] * 200_000]) + b"]")

    with open_source(tmp_path / "file") as source, pytest.raises(FileError, match="Not JSON") as caught:
        source.skip_to(1)
        for _ in read_elements(source, ElementsLayout(1), 0, 32 * MIB, RUN_BYTES):
            pass

    assert caught.value.record_no == 11
    assert source.position < MIB


# -- bounds ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("opening, closing", [("[", "]"), ('{"a":', "}")])
def test_depth_is_bounded_alike_in_arrays_and_lines(read_content: Any, opening: str, closing: str) -> None:
    def record(depth: int) -> str:
        return f'{{"x": {opening * (depth - 1)}1{closing * (depth - 1)}}}'

    deepest, too_deep = record(MAX_DEPTH), record(MAX_DEPTH + 1)
    assert not isinstance(decode(deepest.encode()), Unreadable)
    assert decode(too_deep.encode()) == Unreadable("nested deeper than 64 levels")
    for block_bytes in (1, 10, 1000):
        array = read_content(f"[{deepest}, {too_deep}]".encode(), block_bytes=block_bytes)
        assert len(array.records) == 1
        assert "record 2" in str(array.error)


def test_brackets_in_strings_are_not_depth(read_content: Any) -> None:
    record = json.dumps({"vehicle_id": "1", "x": '[{"' * 200 + "\\" * 3})

    for block_bytes in (1, 7, 64, 10_000):
        outcome = read_content(f"[{record}, {record}]".encode(), block_bytes=block_bytes)
        assert (len(outcome.records), outcome.error) == (2, None)


def test_a_record_of_exactly_the_bound_is_read_and_one_byte_more_refused(read_content: Any) -> None:
    record = '{"vehicle_id":"' + "x" * 84 + '"}'  # 101 bytes
    for content in (
        f"[{record}]",
        f'{{"vehicles":[{record}]}}',
        record + record,
        f"{record}\n{record}",
        f"vehicle_id\n{record}",
    ):
        for block_bytes in (1, 50, 1000):
            assert read_content(content.encode(), max_record_bytes=102, block_bytes=block_bytes).error is None
            outcome = read_content(content.encode(), max_record_bytes=100, block_bytes=block_bytes)
            assert "larger than 100 bytes" in str(outcome.error) or "longer than 100 bytes" in str(outcome.error)
            assert outcome.records == []


def test_many_small_records_in_one_block_may_exceed_the_bound_of_one(read_content: Any) -> None:
    assert len(read_content(f"[{','.join(['1'] * 1000)}]".encode(), max_record_bytes=20).records) == 1000


BOMBS = {
    "open brackets": "b'[' * 100_000",
    "open objects": "b'{\"a\":' * 100_000",
    "open brackets in a record": 'b\'[{"vehicle_id": "1", "x": \' + b\'[\' * 100_000',
    "open brackets line": "b'{\"vehicle_id\": \"1\"}\\n{\"x\":' + b'[' * 100_000 + b'\\n'",
    "brackets before the array": "b'{\"x\": ' + b'[' * 100_000",
    "brackets behind the array": "b'{\"vehicles\": [1], \"x\": ' + b'[' * 100_000",
    "brackets in a string before": 'b\'{"x": "\' + b\'[{\' * 500_000 + b\'", "vehicles": [{"vehicle_id": "1"}]}\'',
    "braces in a string": 'b\'[{"vehicle_id": "1", "x": "\' + b\'}\' * 20_000_000 + b\'"}]\'',
    "escaped quotes in a string": 'b\'[{"vehicle_id": "1", "x": "\' + b\'\\\\\\"}\' * 100_000 + b\'"}]\'',
    "many small objects in a record": "b'[{\"vehicle_id\": \"1\", \"x\": [' + b'{},' * 100_000 + b'1]}]'",
    "objects under keys that close them": "b'[' + b'{\"}\":' * 100_000",
    "objects under keys that close them, in a record": 'b\'[{"vehicle_id": "1"},\' + b\'{"}":\' * 100_000',
    "empty arrays": "b'[' + b'[],' * 200_000 + b'1]'",
    "a record of 20 MB": 'b\'[{"vehicle_id": "\' + b\'x\' * 20_000_000 + b\'"}, {"vehicle_id": "1"}]\'',
    "a line of 20 MB": 'b\'{"vehicle_id": "1"}\\n{"vehicle_id": "\' + b\'x\' * 20_000_000 + b\'"}\\n\'',
}
GIGABYTES = {  # begin, what is repeated up to a gigabyte
    "spaces in a record": ("[{", " "),
    "spaces in an array": ("[", " "),
    "spaces at the start": ("", " "),
    "spaces behind the array": ("[1]", " "),
    "string in a record": ('[{"vehicle_id": "', "x"),
    "string of quotes": ('[{"vehicle_id": "', '\\"'),
    "string in a line": ('{"vehicle_id": "1"}\n{"vehicle_id": "', "x"),
    "string before the array": ('{"x": "', "x"),
    "string behind the array": ('{"vehicles": [], "x": "', "x"),
    "number": ("[", "1"),
    "number behind the array": ('{"vehicles": [], "x": ', "1"),
    "brackets": ("[", "["),
    "brackets behind the array": ('{"vehicles": [], "x": ', "["),
    "key": ('[{"', "k"),
    "csv quote": ('vehicle_id\n"', "x\n"),
    "csv line": ("vehicle_id\n", "x"),
    "csv header": ("", "x"),
}

_READ_BOUNDED = """
import gzip, resource, sys
from pathlib import Path
from logistics_core import zstd
from tests.datasets import DATASETS, VEHICLES
from logistics_pipeline.errors import FileError
from logistics_pipeline.loading.formats.reader import Checkpoint, detect_format, open_after, read_records

path = Path(sys.argv[1])
for line in sys.stdin:
    begin, unit, count, packer = eval(line)
    if packer:
        with (gzip.open if packer == "gzip" else zstd.ZstdFile)(path, "wb") as file:
            file.write(begin)
            block = unit * (4_000_000 // len(unit))
            for _ in range(count // 4_000_000):
                file.write(block)
    else:
        path.write_bytes(begin)
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (400 << 20, hard))
    records = 0
    try:
        layout = detect_format(path, VEHICLES, DATASETS, int(sys.argv[2]) << 20).layout
        with open_after(path, layout, Checkpoint()) as source:
            for run in read_records(source, layout, 0, int(sys.argv[2]) << 20):
                records += len(run.values)
        print("read", records, flush=True)
    except FileError as error:
        print("refused", records, str(error)[:200], flush=True)
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
"""


def _read_bounded(tmp_path: Path, cases: list[str], max_record_mib: int) -> list[str]:
    """Reads files made by expressions in one process of bounded memory; returns a line per file."""
    done = subprocess.run(
        [sys.executable, "-c", _READ_BOUNDED, str(tmp_path / "file"), str(max_record_mib)],
        input="".join(f"{case}\n" for case in cases),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.splitlines()


def test_bombs_are_read_or_refused_in_bounded_memory(tmp_path: Path) -> None:
    lines = _read_bounded(tmp_path, [f"({content}), b'', 0, None" for content in BOMBS.values()], 32)

    outcomes = dict(zip(BOMBS, lines, strict=True))
    for name in BOMBS:
        expected = "read" if re.search("string|20 MB|small|line|empty", name) else "refused"
        assert outcomes[name].startswith(expected), (name, outcomes[name])
    assert outcomes["a record of 20 MB"] == "read 2"
    assert outcomes["open brackets line"] == "read 2"


@pytest.mark.slow
def test_a_few_kilobytes_that_unfold_to_a_gigabyte_are_refused(tmp_path: Path) -> None:
    cases = [f"{begin.encode()!r}, {unit.encode()!r}, 400_000_000, 'zstd'" for begin, unit in GIGABYTES.values()]

    for name, outcome in zip(GIGABYTES, _read_bounded(tmp_path, cases, 4), strict=True):
        assert outcome.startswith("refused"), (name, outcome)


# -- the pieces --------------------------------------------------------------------------------------------------------


@given(text=VALUES)
@settings(deadline=None, max_examples=100)
def test_the_first_bracket_that_is_too_deep_is_found(text: str) -> None:
    depth = _depth(json.loads(text, object_pairs_hook=lambda pairs: [value for _, value in pairs]))

    for limit in range(depth + 1):
        found = find_deeper(text.encode(), limit)
        assert (found is not None) == (depth > limit)
        if found is not None:
            before = text.encode()[:found].decode()
            assert _depth_at_end(before) == limit
            assert text.encode()[found : found + 1] in (b"[", b"{")


def _depth_at_end(text: str) -> int:
    outside = re.sub(r'"(?:[^"\\]|\\.)*"', "", text, flags=re.DOTALL)
    return sum(outside.count(bracket) for bracket in "[{") - sum(outside.count(bracket) for bracket in "]}")


def _depth(value: object) -> int:
    return 1 + max(map(_depth, value), default=0) if isinstance(value, list) else 0


@given(text=VALUES, rest=st.sampled_from(["", ",", "]", " ", "}", "\n{"]))
@settings(deadline=None, max_examples=100)
def test_a_value_ends_where_it_ends(text: str, rest: str) -> None:
    assert value_end((text + rest).encode(), 0) == len(text.encode())


# -- other people's documents ------------------------------------------------------------------------------------------


def has_unreadable(outcome: Any) -> bool:
    """Whether a record is rejected alone: the suite's `NaN`, `Infinity` and `-Infinity`, as Python writes them."""
    return any(isinstance(value, Unreadable) for value in outcome.values)


def _suite() -> list[tuple[str, bytes]]:
    if not JSON_TEST_SUITE.exists():
        return []
    with tarfile.open(JSON_TEST_SUITE) as archive:
        members = [member for member in archive if "test_parsing/" in member.name and member.isfile()]
        return [(Path(member.name).stem, archive.extractfile(member).read()) for member in members]  # type: ignore[union-attr]


@pytest.mark.skipif(not JSON_TEST_SUITE.exists(), reason="the shared data is not here")
def test_the_json_test_suite_is_accepted_and_refused_as_it_says(read_content: Any) -> None:
    documents = _suite()
    assert len(documents) == 318
    disagreements = []
    for name, content in documents:
        for block_bytes in (1, 256 * 1024) if len(content) < 5000 else (256 * 1024,):
            outcome = read_content(content, block_bytes=block_bytes)
            if name.startswith("y_") and content.lstrip().startswith(b"["):
                if outcome.error is not None or outcome.values != exact(content):
                    disagreements.append((name, outcome))
            elif name.startswith("n_") and outcome.error is None and not has_unreadable(outcome):
                disagreements.append((name, outcome))
    assert disagreements == []


@pytest.mark.skipif(not JSON_TEST_SUITE.exists(), reason="the shared data is not here")
def test_the_json_test_suite_as_records_is_one_by_one_what_the_standard_library_says(read_content: Any) -> None:
    for name, content in _suite():
        if name.startswith("i_") or b"\n" in content or not content.strip():
            continue
        line = b'{"vehicle_id": "1", "x": ' + content + b"}"
        lines = read_content(line + b"\n" + line)
        by_line = lines.values
        in_array = read_content(b"[" + line + b"]")
        if name.startswith("y_"):
            assert in_array.error is None
            assert by_line == [in_array.values[0]] * 2, name
            assert not isinstance(by_line[0], Unreadable)
        elif name != "n_structure_close_unopened_array":
            assert in_array.error is not None or isinstance(in_array.values[0], Unreadable), name
            assert lines.error is not None or all(isinstance(value, Unreadable) for value in by_line), name
