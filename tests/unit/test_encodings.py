"""Text in other encodings: recognised by all bytes of the file, read as UTF-8, and never guessed."""

import gzip
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logistics_core import zstd
from logistics_pipeline.errors import FileError
from logistics_pipeline.files.byte_stream import BLOCK_BYTES, open_source
from logistics_pipeline.files.encodings import recognise_single_byte
from logistics_pipeline.loading.formats.reader import FileFormat, detect_format
from tests.datasets import DATASETS, VEHICLES

Pack = Callable[[bytes], bytes]
PACKS: list[Pack] = [bytes, gzip.compress, zstd.compress]
ROWS = "vehicle_id,name\nV1,Köln–Süd\nV2,Señor Núñez €\n"
VALUES = [{"vehicle_id": "V1", "name": "Köln–Süd"}, {"vehicle_id": "V2", "name": "Señor Núñez €"}]
MARKS = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}


def _read(path: Path, sizes: int = BLOCK_BYTES, offset: int = 0) -> tuple[str, str | None]:
    with open_source(path) as source:
        source.skip_to(offset)
        text = b"".join(iter(lambda: source.read(sizes), b""))
        return text.decode("utf-8", "surrogateescape"), source.note


def _format(path: Path) -> FileFormat:
    return detect_format(path, VEHICLES, DATASETS, 1 << 20)


@pytest.mark.parametrize("pack", PACKS, ids=["plain", "gzip", "zstd"])
@pytest.mark.parametrize("has_mark", [True, False])
@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_utf16_is_read_with_and_without_a_byte_order_mark(
    read_content: Any, tmp_path: Path, codec: str, has_mark: bool, pack: Pack
) -> None:
    content = pack((MARKS[codec] if has_mark else b"") + ROWS.replace("Köln", "Köln 🚚").encode(codec))
    (path := tmp_path / "file").write_bytes(content)

    assert read_content(content).values == [{"vehicle_id": "V1", "name": "Köln 🚚–Süd"}, VALUES[1]]
    assert f"Encoding {codec.upper()}" in _format(path).notes[0]


@pytest.mark.parametrize("pack", PACKS, ids=["plain", "gzip", "zstd"])
@pytest.mark.parametrize("text", [ROWS, ROWS.replace("–", "-").replace("€", "EUR")])
def test_windows_1252_and_latin_1_are_read_and_said(read_content: Any, tmp_path: Path, text: str, pack: Pack) -> None:
    (path := tmp_path / "file").write_bytes(content := pack(text.encode("cp1252")))

    outcome, plain = read_content(content), read_content(text.encode())

    assert outcome.records == plain.records
    (note,) = _format(path).notes
    assert note.startswith("Encoding Windows-1252")
    assert ("Latin-1" in note) is ("€" not in text)


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-be", "cp1252"])
def test_json_is_read_in_other_encodings_too(read_content: Any, codec: str) -> None:
    for text in ('[{"vehicle_id": "Zürich"}]', '{"vehicle_id": "Zürich"}\n{"vehicle_id": "Köln"}\n'):
        assert read_content(text.encode(codec)).records == read_content(text.encode()).records != []


@pytest.mark.parametrize(
    "content",
    [
        "vehicle_id,name\nV1,Köln\n".encode() + b"V2,K\xf6ln\n",
        b"vehicle_id,name\nV2,K\xf6ln\n" + "V1,Köln\n".encode(),
    ],
)
def test_a_broken_byte_in_a_file_with_characters_in_utf8_costs_its_record_only(
    read_content: Any, content: bytes
) -> None:
    names = {value["name"] for value in read_content(content).values}

    assert names == {"Köln", "K\udcf6ln"}


@pytest.mark.parametrize(
    "content",
    [
        "Москва,Санкт-Петербург".encode("cp1251"),
        "Москва,Санкт-Петербург".encode("koi8-r"),
        "Αθήνα,Θεσσαλονίκη".encode("cp1253"),
        "北京市,广州".encode("gbk"),
        "東京,大阪".encode("shift-jis"),
        "Zduńska Wola,Wałcz".encode("cp1250"),
        "Łódź,Ťahyňa".encode("cp1250"),
        "Łódź".encode("cp1250"),
        "Łódź,Żory".encode("iso8859-2"),
        "z³oty, są".encode("iso8859-2", "ignore"),
        "Köln,Málaga".encode("cp437"),
        "Besançon,Besançons".encode("cp850"),
        "Zürich,Málaga".encode("mac-roman"),
        "café".encode("mac-roman"),
        "台北市".encode("big5"),
        b"caf\x81",
    ],
)
def test_bytes_that_make_no_words_in_windows_1252_are_not_taken_for_it(content: bytes) -> None:
    encoding = recognise_single_byte([b"vehicle_id,name\nV1,", content, b"\n"])

    assert encoding.is_utf8
    assert "neither UTF-8 nor Windows-1252" in str(encoding.note)


@pytest.mark.parametrize(
    "text",
    [
        "äöü ÄÖÜ Straße",
        "N°1 d´Or 25 m³ W/m²K",
        "À LA MÉTÉO «été»",
        "§5 ½ l",
        "Ålesund, Ærø",
        "¿Qué? ¡Hola! 1ª 2º ±5 £5 5£ JP¥100 “a”–b…c O’Neil ŒUVRE Šibenik L’HAŸ-LES-ROSES",
    ],
)
def test_western_words_are_windows_1252(text: str) -> None:
    assert recognise_single_byte([text.encode("cp1252")]).codec == "cp1252"


@settings(max_examples=60, deadline=None)
@given(content=st.binary(max_size=60), cuts=st.lists(st.integers(0, 60), max_size=5))
def test_the_encoding_does_not_depend_on_how_the_file_is_cut_into_blocks(content: bytes, cuts: list[int]) -> None:
    def blocks() -> Iterator[bytes]:
        places = [0, *sorted(cuts), len(content)]
        yield from (content[begin:end] for begin, end in pairwise(places))

    assert recognise_single_byte(blocks()) == recognise_single_byte([content])


@settings(max_examples=60, deadline=None)
@given(
    text=st.text(st.sampled_from("abc,\nö"), max_size=80),
    codec=st.sampled_from(["utf-8", "utf-16-le", "cp1252"]),
    size=st.integers(1, 50),
    data=st.data(),
)
def test_any_offset_of_the_text_in_utf8_can_be_skipped_to(
    tmp_path_factory: pytest.TempPathFactory, text: str, codec: str, size: int, data: st.DataObject
) -> None:
    text = f"vehicle_id,Köln\n{text}"
    path = tmp_path_factory.getbasetemp() / "encoded"
    path.write_bytes(text.encode(codec))
    offset = data.draw(st.integers(0, len(text.encode())))

    assert _read(path, size, offset)[0] == text.encode()[offset:].decode("utf-8", "surrogateescape")


def test_the_first_character_that_is_not_ascii_may_come_late_and_lie_between_two_blocks(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for before in (BLOCK_BYTES - 1, BLOCK_BYTES, 3 * BLOCK_BYTES + 1):
        for codec, is_noted in (("utf-8", False), ("cp1252", True)):
            text = "a" * before + "ölig\n" * 100_000
            path.write_bytes(text.encode(codec))
            for offset in (0, before + 3):
                found, note = _read(path, offset=offset)
                assert (found.encode(), note is not None) == (text.encode()[offset:], is_noted)


def test_half_a_character_at_the_end_of_utf16_is_an_error(tmp_path: Path) -> None:
    (path := tmp_path / "file").write_bytes("vehicle_id\nV1\n".encode("utf-16")[:-1])

    with pytest.raises(FileError, match="ends in the middle of a character"):
        _read(path)


def test_half_a_surrogate_pair_in_utf16_is_a_broken_record(read_content: Any) -> None:
    content = "vehicle_id,name\nV1,x\nV2,y\n".encode("utf-16-le").replace(b"x\0", b"\x3d\xd8")

    names = [value["name"] for value in read_content(content).values]

    assert not names[0].isascii() and not names[0].isprintable()
    assert names[1] == "y"
