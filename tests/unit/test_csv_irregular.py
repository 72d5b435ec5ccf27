"""CSV as real files have it: stray quotes, repeated headers, files joined together, rows without values, large rows."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logistics_pipeline.loading.formats import csv_reader
from logistics_pipeline.loading.formats.csv_columns import ColumnSplitter
from logistics_pipeline.loading.formats.csv_rows import BLANK_PASSED_OVER, MARK_LEFT_OUT
from logistics_pipeline.loading.layouts import CsvLayout, LongText, Unreadable

MARK = b"\xef\xbb\xbf"
HEADER = b"vehicle_id,x,name\n"
LAYOUT = CsvLayout(len(HEADER), ",", b"\n", ("vehicle_id", "x", "name"), HEADER)
REPEATED = Unreadable("the row repeats the header")


def _reasons(outcome: Any) -> list[str | None]:
    return [value.reason if isinstance(value, Unreadable) else None for value in outcome.values]


def _ids(outcome: Any) -> list[str]:
    return [value["vehicle_id"] for value in outcome.values if isinstance(value, dict)]


def _notes(outcome: Any) -> set[str]:
    return {note for run in outcome.runs for note in run.notes}


# -- the two readers -------------------------------------------------------------------------------------------------

MESSY = st.text(st.sampled_from('",\n\r ab\ufeffé'), max_size=40) | st.lists(
    st.sampled_from(['"a"', '"a, ""b"""', 'a""b', '"', ",", ",", "\n", "\r\n", "b", '""', '"a\nb"', '5" b']),
    max_size=14,
).map("".join)


@settings(deadline=None, max_examples=400)
@given(text=MESSY, run_bytes=st.sampled_from([1, 5, 1000]))
def test_both_readers_make_the_same_of_any_text(read_content: Any, text: str, run_bytes: int) -> None:
    content = b"vehicle_id,name\nV1,first\n" + text.encode()

    fast = read_content(content, run_bytes=run_bytes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_reader._RegularRows, "read", lambda self, text: None)
        slow = read_content(content, run_bytes=run_bytes)

    assert (fast.records, str(fast.error), _notes(fast)) == (slow.records, str(slow.error), _notes(slow))
    assert fast.records == read_content(content, run_bytes=1 << 20).records


_ROWS = st.lists(
    st.tuples(
        st.lists(st.sampled_from(["a", "", " ", "é", "b c"]), min_size=1, max_size=5),
        st.sampled_from(["\n", "\n", "\r\n", "\r\r\n", "\n\n"]),
    ),
    max_size=6,
)


@settings(deadline=None, max_examples=300)
@given(rows=_ROWS, width=st.integers(1, 4))
def test_rows_without_quotes_are_split_at_once_as_they_are_read_one_by_one(
    read_content: Any, rows: list[tuple[list[str], str]], width: int
) -> None:
    names = ["vehicle_id", "x", "y", "z"][:width]
    # Most rows are as wide as the header. Others may make up for each other.
    content = ",".join(names) + "\n" + "".join(",".join(cells[:width]) + end for cells, end in rows)
    content += "".join(",".join(cells) + end for cells, end in rows)

    fast = read_content(content.encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_reader._RegularRows, "read", lambda self, text: None)
        slow = read_content(content.encode())

    assert (fast.records, str(fast.error), _notes(fast)) == (slow.records, str(slow.error), _notes(slow))


_IRREGULAR_LINES = (
    *('"a,b",c,d\n', 'v,"say ""hi""",d\n', '"v","b","c"\r\n', 'v,b,"c"\n', 'v,5" x,c\n', '"",,\n', '"a\nb",c,d\n'),
    *('v,"b\r\n\r\nb",c\n', '"a"b,c,d\n', 'v, "b",c\n', 'v,"b","c" \n', 'v,"b,c\n', '"a","b"\n', '"a"\n'),
    *("v\n", "v,b\n", "v,b,c,d\n", "\n", ",,\n", ",b,\n", " ,\t, \r\n", "v,b\rx,c\n", "v,b,c\r\r\n", "v,b,c\r\n"),
    *(
        "\ufeffv,b,c\n",
        "vehicle_id,x,name\n",
        '"vehicle_id","x","name"\n',
        "name,vehicle_id,x\n",
        '"',
        "\r",
        '"v","b","c"',
    ),
)


@settings(deadline=None, max_examples=200)
@given(data=st.data(), count=st.sampled_from([10, 40, 90]), run_bytes=st.sampled_from([300, 100_000]))
def test_few_irregular_lines_among_many_are_read_as_they_are_one_by_one(
    read_content: Any, data: st.DataObject, count: int, run_bytes: int
) -> None:
    lines = [f"v{number},{number % 7},n\u00e4me\n" for number in range(count)]
    for place in data.draw(st.lists(st.integers(0, count - 1), min_size=1, max_size=3)):
        lines[place] = data.draw(st.sampled_from(_IRREGULAR_LINES))
    content = HEADER + "".join(lines).encode()

    fast = read_content(content, run_bytes=run_bytes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_reader._RegularRows, "read", lambda self, text: None)
        slow = read_content(content, run_bytes=run_bytes)

    assert (fast.records, str(fast.error), _notes(fast)) == (slow.records, str(slow.error), _notes(slow))


def test_few_quoted_and_overlong_rows_leave_their_neighbours_in_columns() -> None:
    splitter = ColumnSplitter(LAYOUT)
    lines = [f"v{number},{number},n\r\n".encode() for number in range(40)]
    lines[0], lines[20], lines[39] = b'"a, ""b""",1,n\r\n', b"v,1\r\n", b'v,1,"n"'

    split = splitter.split(b"".join(lines))

    assert split is not None
    ids, xs, names = split.columns
    assert (ids[0], ids[1], ids[20], ids[39]) == ('a, "b"', "v1", None, "v")
    assert (xs[20], names[38], names[39]) == (None, "n", "n")
    assert split.others == {20: Unreadable("the row has 2 fields, the header 3")}


@pytest.mark.parametrize("line", [b'v,"b\n', b"\n", b",,\n"])
def test_lines_that_are_no_rows_are_not_split(line: bytes) -> None:
    splitter = ColumnSplitter(LAYOUT)
    lines = [b"v,1,n\n"] * 40
    lines[7] = line
    assert splitter.split(b"".join(lines)) is None


def test_many_lines_of_another_width_are_left_to_the_csv_module() -> None:
    splitter = ColumnSplitter(LAYOUT)
    assert splitter.split(b"v,1,n\nv,1\n" * 40) is None
    assert splitter.split(b'"v",1,n\n"v",1\n' * 40) is None


def test_many_rows_with_quotes_are_split_at_once_even_if_they_span_lines() -> None:
    splitter = ColumnSplitter(LAYOUT)
    split = splitter.split(b'v,1,"say ""n""\nand m"\r\n"""w""","","a,b"\n' * 40)

    assert split is not None
    assert split.columns == [["v", '"w"'] * 40, ["1", ""] * 40, ['say "n"\nand m', "a,b"] * 40]
    assert not split.is_row_per_line


_QUOTED_CELLS = st.sampled_from(
    ["a", "", '"a"', '""', '"a, b"', '"[""x"",""y""]"', '"""x"" y"', '"a\nb"', '"\r\n"', '""""', '" "', "é", '"é,\n"']
)
_ODD_CELLS = st.sampled_from(
    ['a"b', '"a"b', 'a""', '""a', '"a" ', ' "a"', '"', "a\rb", "\x01", "\x1e", '"\x1f"', '"""']
)


@settings(deadline=None, max_examples=400)
@given(data=st.data(), count=st.sampled_from([1, 3, 12]), run_bytes=st.sampled_from([40, 100_000]))
def test_rows_with_quotes_are_split_at_once_as_they_are_read_one_by_one(
    read_content: Any, data: st.DataObject, count: int, run_bytes: int
) -> None:
    rows = [data.draw(st.lists(_QUOTED_CELLS, min_size=3, max_size=3)) for _ in range(count)]
    for _ in range(data.draw(st.integers(0, 2))):
        rows[data.draw(st.integers(0, count - 1))][data.draw(st.integers(0, 2))] = data.draw(_ODD_CELLS)
    ends = data.draw(st.lists(st.sampled_from(["\n", "\n", "\r\n"]), min_size=count, max_size=count))
    ends[-1] = data.draw(st.sampled_from(["\n", "\r\n", "", "\r"]))
    content = HEADER + "".join(",".join(row) + end for row, end in zip(rows, ends, strict=True)).encode()

    fast = read_content(content, run_bytes=run_bytes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_reader._RegularRows, "read", lambda self, text: None)
        slow = read_content(content, run_bytes=run_bytes)

    assert (fast.records, str(fast.error), _notes(fast)) == (slow.records, str(slow.error), _notes(slow))


def test_rows_too_short_and_too_long_do_not_make_up_for_each_other(read_content: Any) -> None:
    outcome = read_content(HEADER + b"v1,1,a\nv2\n1,b,v3,1,c\nv4,1,d\n")

    assert _ids(outcome) == ["v1", "v4"]
    assert [reason for reason in _reasons(outcome) if reason] == [
        "the row has 1 fields, the header 3",
        "the row has 5 fields, the header 3",
    ]


# -- quotes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "row",
    [
        b'v1,9"Table, Round"',
        b'9"Table, Round",x',
        b'v1,5" pipe,7" pipe',
        b'v1,5" pipe,"good"',
        b'v1,a"b,c""',
        b'v1, "a, b"',
        b'v1,x, "name"',
        b'v1,"a"b,c',
        b'v1,"a" ,c',
        b'v1,x,"name" (old)',
        b'"v1"x,"a","b"',
    ],
)
def test_a_row_whose_quotes_leave_its_fields_in_doubt_is_rejected_and_no_other(read_content: Any, row: bytes) -> None:
    for line_end in (b"\n", b"\r\n"):
        content = HEADER + b"v0,1,a\n" + row + line_end + b"v2,1,b\n"

        outcome = read_content(content)

        assert _ids(outcome) == ["v0", "v2"]
        assert outcome.records[1].raw == row
        assert _reasons(outcome)[1].startswith("not CSV: ")


def test_the_reason_says_which_field_it_is(read_content: Any) -> None:
    outcome = read_content(HEADER + b'v1,9"Table, Round"\nv1,"a"b,c\nv1,a, "b"\nv1,a,b\n')

    parts = ("field 2", "closing quote of field 2", "a space precedes the opening quote of field 3")
    for part, reason in zip(parts, _reasons(outcome), strict=False):
        assert part in str(reason)
    assert isinstance(outcome.values[3], dict)


@pytest.mark.parametrize("name", ['6" pipe', 'a 5" x 7" board', 'the "old" one', 'x"'])
def test_quotes_within_one_field_without_quotes_are_text(read_content: Any, name: str) -> None:
    for content in (f"v1,1,{name}\n", f"v1,1,{name}", f'"v1",1,{name}\r\nv2,"1","2"\n'):
        assert read_content(HEADER + content.encode()).values[0]["name"] == name


# -- headers and marks -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "row",
    [
        b"vehicle_id,x,name",
        b'"vehicle_id","x","name"',
        b"VEHICLE_ID,X,NAME",
        b"Vehicle ID,X,Name",
        b"vehicleId, x ,name",
        MARK + b"vehicle_id,x,name",
    ],
)
@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
def test_a_row_that_repeats_the_header_is_no_record(read_content: Any, row: bytes, newline: bytes) -> None:
    for rows in ([row, b"v1,1,a"], [b"v1,1,a", row, b"v2,1,b"], [b"v1,1,a", row], [row, row]):
        outcome = read_content(newline.join([HEADER.strip(), *rows]))

        assert [value == REPEATED for value in outcome.values] == [each is row for each in rows]


def test_a_value_that_is_a_column_s_name_is_a_value(read_content: Any) -> None:
    outcome = read_content(HEADER + b"vehicle_id,x,Truck\nname,name,name\n")

    assert [value["name"] for value in outcome.values] == ["Truck", "name"]


def test_a_header_with_its_columns_in_another_order_ends_the_file_there(read_content: Any) -> None:
    content = HEADER + b"v1,1,a\nname,vehicle_id,x\nb,v2,2\n"
    for run_bytes in (1, 1000):
        outcome = read_content(content, run_bytes=run_bytes)

        assert _ids(outcome) == ["v1"]
        assert "columns in another order" in outcome.error.message
        assert (outcome.error.record_no, outcome.error.byte_offset) == (2, content.index(b"name,vehicle"))
        assert outcome.checkpoints[-1].offset <= outcome.error.byte_offset


@pytest.mark.parametrize("row", [b"v2,1,b", b'"v2",1,b', b'"v2","1\n2",b'])
def test_a_byte_order_mark_at_the_beginning_of_a_row_is_left_out(read_content: Any, row: bytes) -> None:
    for marks in (MARK, MARK * 2):
        outcome = read_content(MARK + HEADER + b"v1,1,a\n" + marks + row + b"\nv3,1,c\n")

        assert _ids(outcome) == ["v1", "v2", "v3"]
        assert outcome.records[1].raw == marks + row
        assert _notes(outcome) == {MARK_LEFT_OUT}


def test_a_byte_order_mark_within_a_field_is_text(read_content: Any) -> None:
    outcome = read_content(HEADER + b"v1,1,a" + MARK + b"b\n")

    assert outcome.records[0].value["name"] == "a\ufeffb"


@pytest.mark.parametrize("row", [b"v2,1," + MARK + b"b", b"v2," + MARK + b",b", b'v2,"' + MARK + b'",b'])
def test_a_field_that_begins_with_a_byte_order_mark_is_a_reason_to_reject(read_content: Any, row: bytes) -> None:
    outcome = read_content(HEADER + b"v1,1,a\n" + row + b"\n")

    assert _ids(outcome) == ["v1"]
    assert "byte order mark" in str(_reasons(outcome)[1])


# -- rows without values ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", [b",,", b",", b",,,,", b" , ,\t", b'"","",""', b'" ",,""', b"   "])
def test_a_row_without_any_value_is_passed_over_with_a_note(read_content: Any, row: bytes) -> None:
    for rows in ([row, b"v1,1,a"], [b"v1,1,a", row, row, b"v2,1,b"], [b"v1,1,a", row]):
        for newline in (b"\n", b"\r\n"):
            content = newline.join([HEADER.strip(), *rows])
            outcome = read_content(content)

            assert [record.raw for record in outcome.records] == [each for each in rows if each is not row]
            assert all(content[each.offset :].startswith(each.raw) for each in outcome.records)
            assert _notes(outcome) == {BLANK_PASSED_OVER}


def test_an_empty_first_field_alone_does_not_make_a_row_blank(read_content: Any) -> None:
    assert len(read_content(b"note,vehicle_id\n,v1\n ,v2\n").values) == 2


# -- large rows ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "row, is_read",
    [
        (b'v2,1,"' + b"a\n" * 100_000 + b'"', True),
        (b'v2,1,"' + b'""' * 100_000 + b'"', True),
        (b"v2" + b"," * 200_000, False),
        (b"v2" + b',"a"' * 50_000, False),
        (b"v2" + b',a"' * 50_000, False),
        (b"v2,1," + "é".encode() * 100_000, True),
    ],
)
def test_a_row_larger_than_a_run_is_read_or_rejected_by_itself(read_content: Any, row: bytes, is_read: bool) -> None:
    outcome = read_content(HEADER + b"v1,1,a\n" + row + b"\r\nv3,1,c\n")

    assert _ids(outcome) == (["v1", "v2", "v3"] if is_read else ["v1", "v3"])
    assert outcome.records[1].raw == row
    assert (outcome.error, [record.number for record in outcome.records]) == (None, [1, 2, 3])


def test_too_large_a_row_is_an_error_with_its_place_whatever_it_holds(read_content: Any) -> None:
    for row in (b'v2,1,"' + b"a\n" * 100_000, b"v2" + b"," * 200_000, b'v2,1,"' + b"x" * 200_000 + b'"'):
        outcome = read_content(HEADER + b"v1,1,a\n" + row + b"\nv3,1,c\n", max_record_bytes=150_000)

        assert _ids(outcome) == ["v1"]
        assert (outcome.error.record_no, outcome.error.byte_offset) == (2, len(HEADER) + 7)
        assert "LOGISTICS_MAX_RECORD_BYTES" in outcome.error.message


# -- long fields and many rows without values ------------------------------------------------------------------------


def test_a_long_field_is_its_length_and_a_long_blank_is_nothing(read_content: Any) -> None:
    text, quotes = "é😀漢" * 150_000, '""' * 600_000
    rows = [f"v1,,{text}", f'v2,,"{text}"', f"v3,,{' ' * 1_200_000}a", f'v4,,"{quotes}"', f"v5,{text},{text},"]
    outcome = read_content(HEADER + "\n".join(rows).encode(), max_record_bytes=4 << 20)

    names = [value["name"] for value in outcome.values[:-1]]
    assert names == [LongText(names[0].beginning, 450_000)] * 2 + ["a", LongText(names[3].beginning, 600_000)]
    assert text.startswith(names[0].beginning)
    assert set(names[3].beginning) == {'"'}
    assert _reasons(outcome)[-1] == "the row has 4 fields, the header 3"


@pytest.mark.parametrize("blank", [b",,\n", b"\r\n", b" ,\t,\n\n"])
def test_any_number_of_rows_without_values_is_passed_over(read_content: Any, blank: bytes) -> None:
    outcome = read_content(HEADER + b"v1,1,a\n" + blank * 200_000 + b"v2,2,b\n")

    assert _ids(outcome) == ["v1", "v2"]
    assert (BLANK_PASSED_OVER in _notes(outcome)) == (b"," in blank)
