"""Rows as COPY text, read back as PostgreSQL reads it."""

from hypothesis import given, settings
from hypothesis import strategies as st

from logistics_pipeline.loading.encoding import ROWS_PER_BLOCK, encode_rows, escape

TEXTS = st.one_of(
    st.none(),
    st.sampled_from(["\\N", "\\.", "N", "\t", "\n", "\r", "\\", "\b", "\f", "\v", "", "\\\\N", "\x85", "\u2028"]),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8),
)


def decoded(block: bytes) -> list[list[str | None]]:
    """PostgreSQL's text format: https://www.postgresql.org/docs/current/sql-copy.html."""
    lines = block.decode().split("\n")
    assert lines.pop() == ""
    assert "\\." not in lines
    return [[_decode(cell) for cell in line.split("\t")] for line in lines]


def _decode(cell: str) -> str | None:
    if cell == "\\N":
        return None
    characters, text = iter(cell), ""
    escapes = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
    for character in characters:
        following = next(characters) if character == "\\" else ""
        text += escapes.get(following, following) if following else character
    return text


@settings(deadline=None, max_examples=200)
@given(rows=st.lists(st.tuples(TEXTS, TEXTS, TEXTS), max_size=5))
def test_rows_come_back_as_they_went_in_with_file_and_record_number(rows: list[tuple[str | None, ...]]) -> None:
    numbers = [10 * (index + 1) for index in range(len(rows))]

    block = b"".join(encode_rows(rows, numbers, 42))

    assert decoded(block) == [[*row, "42", str(number)] for row, number in zip(rows, numbers, strict=True)]


@given(text=TEXTS.filter(lambda text: text is not None))
@settings(deadline=None, max_examples=100)
def test_an_escaped_value_holds_neither_tab_nor_line_end(text: str) -> None:
    assert not set(escape(text)) & set("\t\n\r\b\f\v")
    assert _decode(escape(text)) == text


def test_many_rows_come_in_blocks_in_order() -> None:
    rows = [(str(number), None) for number in range(2 * ROWS_PER_BLOCK + 1)]

    blocks = list(encode_rows(rows, range(len(rows)), 1))

    assert len(blocks) == 3
    assert [cells[0] for block in blocks for cells in decoded(block)] == [row[0] for row in rows]


def test_no_rows_make_no_blocks() -> None:
    assert list(encode_rows([], [], 1)) == []
