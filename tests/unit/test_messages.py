"""No message shows a class of Python or of a parser's library, whatever is in the file."""

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from logistics_pipeline.errors import FileError
from tests.unit.test_pages import errors_of, read_file

_CLASS = re.compile(
    r"<class|decimal\.|msgspec|ijson|InvalidOperation|\b\w+(Error|Exception)\b|Traceback|b'|b\"|Decimal\("
)

SNIPPETS = [
    *[
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        '"',
        "\\",
        "\n",
        "\r\n",
        " ",
        ";",
        "\t",
        "|",
        "\0",
        "\x0c",
        "\ufeff",
        "é",
        "\ud83d",
    ],
    *[
        "1e9999999999999999999",
        "9" * 5000,
        "1e" + "9" * 5000,
        "NaN",
        "-Infinity",
        "nan",
        "01",
        "1.",
        "-",
        "true",
        "nul",
    ],
    *['"vehicle_id"', '"name"', '"total_mileage"', "vehicle_id", "name", "total_mileage", '"a"', '"\\ud83d"', '"\\x"'],
    *['{"vehicle_id":"1"}', '[{"vehicle_id":"1"}', '{"vehicles":[{"vehicle_id":"1"}', "[" * 70, '{"a":' * 70],
    *["vehicle_id,name\n", "1,2\n", '1,"2\n', '"', "a" * 300],
]
TEXTS = st.lists(st.sampled_from(SNIPPETS), max_size=12).map("".join)


@given(
    text=st.one_of(
        TEXTS, TEXTS.map("[".__add__), TEXTS.map('[{"vehicle_id":"1"},'.__add__), TEXTS.map("vehicle_id,name\n".__add__)
    )
)
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_messages_show_no_class(tmp_path: Path, text: str) -> None:
    for reference in (False, True):
        for message in messages(tmp_path / "f", text.encode("utf-8", "surrogatepass"), reference=reference):
            # what is quoted from the file may look like anything
            assert not _CLASS.search(re.sub(r'"[^"]*"', "", message)), message


def messages(path: Path, content: bytes, *, reference: bool) -> list[str]:
    """All that is said about a file."""
    try:
        chunks = read_file(path, content, reference=reference)
    except FileError as error:
        return [str(error)]
    return errors_of(chunks) + [reject.rejection.reason for chunk in chunks for reject in chunk.rejects]


@pytest.mark.parametrize("message", ["Not JSON: [<class 'decimal.InvalidOperation'>]", "KeyError: 'x'", "msgspec says"])
def test_the_pattern_finds_classes(message: str) -> None:
    assert _CLASS.search(message)
