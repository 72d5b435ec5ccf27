"""A reject goes through an export unchanged: its line says the same record and the same bytes, whatever they are."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from logistics_core.reject_text import as_json
from logistics_pipeline.errors import FileError
from logistics_pipeline.ledger import LockedReject, RejectedRecord
from logistics_pipeline.loading.formats.json_scanner import MAX_DEPTH
from logistics_pipeline.loading.layouts import (
    CsvLayout,
    ElementsLayout,
    Layout,
    LinesLayout,
    ObjectsLayout,
    layout_from_json,
    layout_to_json,
)
from logistics_pipeline.loading.rejects.export_lines import CorrectedReject, UnusableLine, export_line, read_export
from logistics_pipeline.loading.rejects.reread import read_again
from logistics_pipeline.loading.rejects.revalidation import RecordRevalidator
from tests.datasets import DATASETS

CSV = CsvLayout(0, ";", b"\n", ("vehicle_id", "name", "total_mileage"), b"vehicle_id;name;total_mileage\n")
JSON = LinesLayout(0)


def rejected(raw: bytes) -> RejectedRecord:
    return RejectedRecord("vehicles/ä b.json", 2, 7, 1234, "name", 'must be "text"', raw, None)


def exported(raw: bytes, layout: Layout | None, folder: Path) -> tuple[bytes, CorrectedReject]:
    line = export_line(rejected(raw), layout)
    path = folder / "export.ndjson"
    path.write_bytes(line)
    (read,) = read_export(path, 1 << 20)
    assert isinstance(read, CorrectedReject)
    return line, read


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("exports")


surrogates = st.text(st.characters(categories=["Cs", "Ll", "Cc"]), max_size=5)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | surrogates,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
records = st.fixed_dictionaries({}, optional=dict.fromkeys(DATASETS["vehicles"].columns, values)) | values
texts = st.builds(
    lambda record, ascii_only: json.dumps(record, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass"),
    records,
    st.booleans(),
)
raws = (
    st.binary()
    | texts
    | st.builds(lambda text, at, byte: text[:at] + byte + text[at:], texts, st.integers(0, 50), st.binary(max_size=2))
)


@given(raw=raws, layout=st.sampled_from([JSON, CSV]))
@example(raw=b'{"vehicle_id": "\\ud83d\xff"}', layout=JSON)  # two halves that must not become one character
@example(raw=b'{"total_mileage": 1e99999999999999999999}', layout=JSON)
@example(raw=b'{"total_mileage": 1E5, "name": 0.10}', layout=JSON)
@example(raw=b'{"name": 1, "name": "x"}', layout=JSON)
@example(raw=b"1" * 5000, layout=JSON)
@example(raw=b"[" * (MAX_DEPTH - 1) + b"]" * (MAX_DEPTH - 1), layout=JSON)
@example(raw=b"[" * MAX_DEPTH + b"]" * MAX_DEPTH, layout=JSON)
@example(raw=b"\xef\xbb\xbfv1;x;-1", layout=CSV)
@example(raw=b'v1;"x\n\r\ny";\xff', layout=CSV)
def test_an_export_as_it_stands_is_judged_like_the_raw_text(raw: bytes, layout: Layout, folder: Path) -> None:
    line, read = exported(raw, layout, folder)
    revalidator = RecordRevalidator(DATASETS["vehicles"], layout, None)
    reject = LockedReject(7, raw, is_resolved=False)

    assert line.count(b"\n") == 1
    line.decode("utf-8")
    assert (read.path, read.version, read.record_no, read.raw) == ("vehicles/ä b.json", 2, 7, raw)
    assert revalidator.revalidate(reject, read.record) == revalidator.revalidate(reject, None)


def test_a_line_shows_what_is_known_and_the_record_to_be_mended() -> None:
    line = export_line(rejected('{"vehicle_id": "v1",\n "name": "北京", "total_mileage": -1.50}'.encode()), JSON)

    assert json.loads(line) == {
        "file": "vehicles/ä b.json",
        "version": 2,
        "record_no": 7,
        "byte_offset": 1234,
        "field": "name",
        "reason": 'must be "text"',
        "raw": '{"vehicle_id": "v1",\n "name": "北京", "total_mileage": -1.50}',
        "record": {"vehicle_id": "v1", "name": "北京", "total_mileage": -1.5},
    }
    assert '"name": "北京", "total_mileage": -1.50}'.encode() in line, "to be read and edited by people"


def test_a_resolved_reject_says_when() -> None:
    reject = RejectedRecord("vehicles.json", 1, 1, 0, None, "bad", b"{}", datetime(2024, 6, 1, tzinfo=UTC))

    assert json.loads(export_line(reject, JSON))["resolved_at"] == "2024-06-01T00:00:00+00:00"


@pytest.mark.parametrize(
    ("raw", "layout"),
    [(b"{broken", JSON), (b"a;b", CSV), (b'a;"b', CSV), (b"v1;x;1", None), (b"[" * 63 + b"]" * 63 + b" ", JSON)],
)
def test_where_the_record_cannot_be_decoded_alone_there_is_none(
    raw: bytes, layout: Layout | None, folder: Path
) -> None:
    line, read = exported(raw, layout, folder)

    assert (json.loads(line)["record"] is None) == (raw[:1] != b"[")
    assert read.raw == raw


def test_json_is_written_with_every_digit_type_and_character() -> None:
    value = [Decimal("1.50"), Decimal("1E+5"), 1, True, "1", None, {"ä\n": []}, "\udcff"]

    assert as_json(value) == '[1.50, 1E+5, 1, true, "1", null, {"ä\\n": []}, "\\udcff"]'.encode()
    assert read_again(as_json(value), JSON) == value


@pytest.mark.parametrize("layout", [ElementsLayout(17, ("a", "b")), ObjectsLayout(3), LinesLayout(0), CSV])
def test_the_ledger_remembers_of_a_layout_what_reading_one_record_takes(layout: Layout) -> None:
    document = json.loads(json.dumps(layout_to_json(layout)))

    restored = layout_from_json(document)

    assert type(restored) is type(layout)
    assert restored == layout or not isinstance(layout, CsvLayout)
    assert layout_from_json(None) is None


@given(lines=st.lists(st.binary(max_size=40) | values.map(as_json), max_size=5))
def test_any_other_line_is_unusable_and_says_why(lines: list[bytes], folder: Path) -> None:
    path = folder / "export.ndjson"
    path.write_bytes(b"{}\n" + b"\n".join(lines))

    for read in read_export(path, 1 << 20):
        assert isinstance(read, UnusableLine)
        assert read.reason.isprintable() and len(read.reason) < 300


def test_a_line_longer_than_any_records_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "export.ndjson"
    path.write_bytes(b"[" + b"1," * (1 << 20) + b"1]")

    with pytest.raises(FileError, match="longer than"):
        list(read_export(path, 100))
