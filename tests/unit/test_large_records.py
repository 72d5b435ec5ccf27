"""Records of many megabytes: read or rejected as small ones are, in bounded memory and time, in every layout."""

import json
import os
import subprocess
import sys
import tracemalloc
from itertools import cycle
from pathlib import Path
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logistics_pipeline.errors import FileError
from logistics_pipeline.loading.contract.record_validator import compile_validator, value_validator
from logistics_pipeline.loading.formats import large_records
from logistics_pipeline.loading.formats.json_decoding import decode
from logistics_pipeline.loading.formats.reader import detect_format
from logistics_pipeline.loading.layouts import CsvLayout, ElementsLayout, LinesLayout, ObjectsLayout, Unreadable
from tests.datasets import DATASETS, SHIPMENTS, VEHICLES
from tests.unit.test_json_constants import VALUES as CONSTANTS
from tests.unit.test_json_reading import VALUES

TEXTS = st.text(st.sampled_from('a \t\n😀é\u2003\ud83d\ude00\udc00\\"\0'), max_size=400).flatmap(
    lambda text: st.sampled_from([text, text * 30, " " * 300 + text, f" {text} " * 50])
)
MEMBERS = st.one_of(VALUES, TEXTS.map(json.dumps), CONSTANTS.map(json.dumps), st.just("[1,]"), st.just("tru"))


@st.composite
def objects(draw: st.DrawFn) -> bytes:
    names = draw(st.lists(st.sampled_from([*SHIPMENTS.columns, "x", "y\\n", "é", ""]), max_size=9, unique=True))
    return (
        "{" + draw(st.sampled_from([",", " , ", ",,"])).join(f'"{name}" : {draw(MEMBERS)}' for name in names) + "}"
    ).encode()


@given(raw=objects())
@settings(max_examples=400, deadline=None)
def test_a_large_record_is_judged_as_a_small_one(raw: bytes) -> None:
    validate = compile_validator(SHIPMENTS)
    small = decode(raw)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(large_records, "LARGE_BYTES", 0)
        patch.setattr(large_records, "_LONG_TEXT_BYTES", 10)
        large = large_records.decode_record(raw)

    if isinstance(small, Unreadable) and not small.is_json:
        assert isinstance(large, Unreadable)
        assert not large.is_json
    else:
        assert validate(large) == validate(small)
    if isinstance(small, dict):
        assert isinstance(large, dict)
        assert list(large) == list(small)


ZEROS = "e-" + "0" * 3000
NUMBERS = [
    sign + whole + fraction + exponent
    for sign in ("", "-")
    for whole in ("0", "5", "9" * 50, "1" + "0" * 3000)
    for fraction in ("", "." + "0" * 2500, "." + "0" * 2500 + "1" * 20, "." + "0" * 1500 + "1" * 3000, "." + "7" * 3000)
    for exponent in ("", "e5", "E+2500", "e-2500", "e2501", "e2550", "e" + "1" * 3000, "e-" + "1" * 3000, ZEROS + "5")
]


def test_a_long_number_is_judged_as_with_all_its_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large_records, "LARGE_BYTES", 0)
    monkeypatch.setattr(large_records, "_LONG_NUMBER_BYTES", 2000)
    weight = next(field for field in SHIPMENTS.fields if field.name == "weight")
    validate = value_validator(weight)

    for number in NUMBERS:
        raw = f'{{"weight":{number}}}'.encode()
        small, large = decode(raw), large_records.decode_record(raw)
        assert isinstance(small, dict)
        assert isinstance(large, dict)
        assert validate(large["weight"]) == validate(small["weight"]), number


@pytest.mark.slow
@pytest.mark.parametrize("text", ["\\ud83d\\\\", "\\ud83d\\ude00", "😀a", "漢", "\\n"])
def test_a_walk_passes_over_the_rest_of_a_long_text(tmp_path: Path, text: str) -> None:
    long = text * (3_000_000 // len(text))
    for broken in ("", "\\x", "\n"):
        path = tmp_path / "file"
        path.write_text(f'{{"{long}{broken}{long}":"{long}","vehicles":[{{"vehicle_id":"1"}}]}}')
        if broken:
            with pytest.raises(FileError, match="Not JSON"):
                detect_format(path, VEHICLES, DATASETS, 32 << 20)
        else:
            assert detect_format(path, VEHICLES, DATASETS, 32 << 20).layout == ElementsLayout(
                len(path.read_bytes()) - len('{"vehicle_id":"1"}]}'), ("vehicles",)
            )


def test_a_long_header_names_columns_of_any_length(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text('vehicle_id,"' + 'é""\n' * 500_000 + '",name\nV1,x,n\n', "utf-8")
    layout = detect_format(path, VEHICLES, DATASETS, 32 << 20).layout

    assert isinstance(layout, CsvLayout)
    assert (layout.header[0], layout.header[2], len(layout.header)) == ("vehicle_id", "name", 3)
    assert layout.start == path.stat().st_size - len("V1,x,n\n")
    assert len(layout.header_text) < 2_000
    assert layout.header_text.startswith(b'"vehicle_id","')
    assert layout.header_text.endswith(b',"name"\n')


def test_the_beginning_of_a_long_name_is_no_field(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("vehicle_id" + " " * 100_000 + "x,name\nV1,n\n")
    with pytest.raises(FileError, match=r"lacks vehicle_id|must name vehicle_id"):
        detect_format(path, VEHICLES, DATASETS, 32 << 20)


def test_more_fields_than_memory_can_hold_reject_the_record(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large_records, "LARGE_BYTES", 0)
    monkeypatch.setattr(large_records, "MAX_FIELDS", 3)

    assert large_records.decode_record(b'{"a":1,"b":2,"c":3,"c":4}') == {"a": 1, "b": 2, "c": 4}
    rejected = large_records.decode_record(b'{"a":1,"b":2,"c":3,"d":4}')
    assert isinstance(rejected, Unreadable)
    assert rejected.reason == "has more than 3 fields"


_READ = """
import sys
from pathlib import Path
from logistics_pipeline.loading.formats.reader import Checkpoint, check_format, detect_format
from logistics_pipeline.loading.parse.parsers import ReadTask, read_chunks
from tests.datasets import DATASETS, VEHICLES
path, reference = Path(sys.argv[1]), sys.argv[2] == "True"
found = detect_format(path, VEHICLES, DATASETS, 32 << 20)
check_format(path, found, VEHICLES, 32 << 20)
task = ReadTask(path, VEHICLES, found.layout, 1, Checkpoint(), None, 65536, 32 << 20, reference_parser=reference)
for chunk in read_chunks(task):
    assert chunk.error is None, chunk.error
    print(chunk.rows, len(chunk.rejects))
"""

FULL_MB = 30
MB = int(os.environ.get("LOGISTICS_TEST_RECORD_MB", "10"))
"""Size of the records. In proportion, the limit is that of the full size, which takes three times as long; the
benchmark's part `memory` loads records of the full size."""
SIZE = MB * 1000 * 1000
PROCESS_MIB, FULL_MIB = 24, 192
"""A process that has read small records, and the most that one may take for records of the full size."""
LIMIT_MIB = PROCESS_MIB + (FULL_MIB - PROCESS_MIB) * MB / FULL_MB
HOSTILE = {
    "empty lists": ("[", "[],", "[]]"),
    "empty objects": ("[", "{},", "1]"),
    "deep lists": ("[", "[[[[[[]]]]]],", "1]"),
    "numbers": ("[", "1,", "1]"),
    "decimals": ("[", "0.1,", "1]"),
    "repeated keys": ("{", '"a":1,', '"a":1}'),
    "escapes": ('"', "\\n", '"'),
    "surrogate halves": ('"', "\\ud83d\\\\", '"'),
    "one long text": ('"😀', "a", '"'),
    "decimal places": ("0.", "1", "1"),
    "constants": ("[", "NaN,", "1]"),
}
AROUND = {
    "array": '[{{"vehicle_id":"1","unknown":{}}},{{"vehicle_id":"2"}}]',
    "lines": '{{"vehicle_id":"1","unknown":{}}}\n{{"vehicle_id":"2"}}\n',
    "known field": '[{{"vehicle_id":"1","name":{}}},{{"vehicle_id":"2"}}]',
    "key": '{{"unknown":{},"vehicle_id":"1"}}\n{{"vehicle_id":"2"}}\n',
    "wrapper": '{{"meta":{0},"vehicles":[{{"vehicle_id":"1"}},{{"vehicle_id":"2"}}],"rest":{0}}}',
}


def _seconds_to_detect(path: Path) -> float:
    began = process_time()
    assert isinstance(detect_format(path, VEHICLES, DATASETS, 32 << 20).layout, LinesLayout | ObjectsLayout)
    return process_time() - began


def test_many_arrays_before_the_key_cost_time_in_proportion(tmp_path: Path) -> None:
    path = tmp_path / "file"
    seconds = []
    for size in (20_000, 80_000):
        path.write_text('{"unknown":[' + "[]," * size + '[]],"vehicle_id":"1"}\n{"vehicle_id":"2"}\n')
        seconds.append(min(_seconds_to_detect(path) for _ in range(3)))  # a collection of garbage may fall into one
    assert seconds[1] < 10 * seconds[0] + 1, "four times as many; in proportion to the square, it would be sixteen"


# One content in every place, and every content in one of them: all pairs would take half an hour.
PAIRS = sorted({("empty lists", place) for place in AROUND} | set(zip(HOSTILE, cycle(AROUND), strict=False)))


@pytest.mark.slow
@pytest.mark.parametrize(("hostile", "around"), PAIRS)
def test_hostile_records_take_bounded_memory(tmp_path: Path, hostile: str, around: str) -> None:
    begin, unit, end = HOSTILE[hostile]
    path = tmp_path / "file"
    path.write_text(AROUND[around].format(begin + unit * (SIZE // len(unit)) + end), "utf-8")

    _check_bounded(path, records=2)


CSV_FILES = {
    "wide text": ("vehicle_id,name\nV1,😀", "a", "\nV2,n\n", 2),
    "long id": ("vehicle_id,name\n", "a", ",n\nV2,n\n", 2),
    "blank text": ("vehicle_id,name\nV1,", " ", "\nV2,n\n", 2),
    "header of lines": ('vehicle_id,"', "a\n", '"\nV1,n\n', 1),
    "header of quotes": ('vehicle_id,"', '""', '"\nV1,n\n', 1),
    "header of blanks": ("vehicle_id,", " ", "\nV1,n\n", 1),
    "blank rows": ("vehicle_id,name\nV1,n\n", ",\n", "V2,n\n", 2),
}


@pytest.mark.slow
@pytest.mark.parametrize("hostile", CSV_FILES)
def test_hostile_csv_takes_bounded_memory(tmp_path: Path, hostile: str) -> None:
    begin, unit, end, records = CSV_FILES[hostile]
    path = tmp_path / "file"
    path.write_text(begin + unit * (SIZE // len(unit)) + end, "utf-8")
    _check_bounded(path, records)


def test_names_of_a_large_header_are_shortened_while_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "vehicles.csv"
    columns = [f"{number:05}{'x' * 1_995}" for number in range(6_000)]
    path.write_text("vehicle_id," + ",".join(columns) + "\nV1\n")

    tracemalloc.start()
    layout = detect_format(path, VEHICLES, DATASETS, 32 << 20).layout
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert isinstance(layout, CsvLayout)
    assert layout.header == ("vehicle_id", *(f"{name[:64]}~" for name in columns))
    assert peak < 2.5 * path.stat().st_size, "the text, once more while it is read, and no third time as names"


def _check_bounded(path: Path, records: int) -> None:
    """Reads a file with both parsers and holds each process to the limit."""
    for reference in ("False", "True"):
        command = [sys.executable, "-c", _LIMITED + _READ, str(path), reference]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        counts = [tuple(map(int, line.split())) for line in done.stdout.splitlines()[:-1]]
        assert sum(rows + rejects for rows, rejects in counts) == records
        assert int(done.stdout.splitlines()[-1]) <= LIMIT_MIB


# Not ru_maxrss: a process inherits that of the one that started it.
_LIMITED = """
import atexit, pathlib, re
status = pathlib.Path("/proc/self/status")
atexit.register(lambda: print(int(re.search(r"VmHWM:\\s+(\\d+)", status.read_text())[1]) >> 10))
"""
