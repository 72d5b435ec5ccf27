"""Bytes out of files: compression told by content, offsets that count, damage that is never taken for an end."""

import gzip
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logistics_core import zstd
from logistics_core.zstd import CompressionParameter
from logistics_pipeline.errors import FileError
from logistics_pipeline.files import byte_stream as source_module
from logistics_pipeline.files.byte_stream import BLOCK_BYTES, Source, open_source
from logistics_pipeline.files.encodings import recognise_single_byte, recognise_utf16


def _is_utf8(content: bytes) -> bool:
    """Whether bytes are passed on as they are."""
    return recognise_utf16(content) is None and recognise_single_byte([content]).is_utf8


def _read_all(source: Source, size: int = 1 << 20) -> bytes:
    return b"".join(iter(lambda: source.read(size), b""))


@pytest.mark.parametrize("pack", [lambda content: content, gzip.compress, zstd.compress], ids=["plain", "gzip", "zstd"])
@settings(deadline=None, max_examples=40)
@given(
    content=st.binary(max_size=300).map(lambda tail: b"\n" + tail).filter(_is_utf8),
    size=st.integers(1, 100),
    data=st.data(),
)
def test_the_position_counts_decompressed_bytes_and_any_of_them_can_be_skipped_to(
    tmp_path_factory: pytest.TempPathFactory, pack: object, content: bytes, size: int, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "source"
    path.write_bytes(pack(content))  # type: ignore[operator]
    offset = data.draw(st.integers(0, len(content)))

    with open_source(path) as source:
        block = source.read(size)
        assert (block, source.position) == (content[:size], len(content[:size]))
        assert _read_all(source, size) == content[size:]
    with open_source(path) as source:
        source.skip_to(offset)
        assert source.position == offset
        assert _read_all(source, size) == content[offset:]


@pytest.mark.parametrize("pack", [lambda content: content, gzip.compress, zstd.compress], ids=["plain", "gzip", "zstd"])
def test_a_place_behind_the_end_is_an_error(tmp_path: Path, pack: object) -> None:
    path = tmp_path / "file"
    path.write_bytes(pack(b"abc"))  # type: ignore[operator]

    with open_source(path) as source:
        source.skip_to(3)
        assert source.read() == b""
    with open_source(path) as source, pytest.raises(FileError, match="ends before the position"):
        source.skip_to(4)


def test_a_byte_order_mark_is_left_out_but_counted(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"\xef\xbb\xbfabc")

    with open_source(path) as source:
        assert (source.head, source.start, source.position) == (b"abc", 3, 3)
        assert source.read(1) == b"a"
        source.skip_to(5)
        assert source.read() == b"c"


@pytest.mark.parametrize("checksum", [True, False])
@pytest.mark.parametrize("sized", [True, False])
def test_a_zstd_file_is_whole_only_with_its_last_byte(tmp_path: Path, checksum: bool, sized: bool) -> None:
    content = b"abc" * 100 + os.urandom(300_000) + b"\0" * 1_000_000
    frame = zstd.compress(
        content, options={CompressionParameter.checksum_flag: checksum, CompressionParameter.content_size_flag: sized}
    )
    path = tmp_path / "file"

    path.write_bytes(frame + b"\x51\x2a\x4d\x18\x02\0\0\0xy" + frame)
    with open_source(path) as source:
        assert _read_all(source) == content * 2

    for cut in [*range(4, 40), len(frame) // 2, *range(len(frame) - 20, len(frame))]:
        path.write_bytes(frame[:cut])
        read = b""
        with pytest.raises(FileError), open_source(path) as source:
            while block := source.read(50_000):
                read += block
        assert content.startswith(read)


@pytest.mark.parametrize("low", range(0x50, 0x60))
def test_a_zstd_file_may_begin_with_any_skippable_frame(tmp_path: Path, low: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes([low]) + b"\x2a\x4d\x18\x02\0\0\0xy" + zstd.compress(b"abc"))
    with open_source(path) as source:
        assert (source.compression, _read_all(source)) == ("zstd", b"abc")

    path.write_bytes(bytes([low]) + b"\x2a\x4d\x18\x02\0\0\0x")
    with pytest.raises(FileError, match="damaged or cut off"), open_source(path):
        pass


def test_skippable_zstd_frames_may_be_anywhere_between_frames_and_in_any_number(tmp_path: Path) -> None:
    path = tmp_path / "file"
    skippable = [
        bytes([low]) + b"\x2a\x4d\x18" + (size).to_bytes(4, "little") + b"x" * size
        for low in (0x50, 0x5A)
        for size in (0, 1, 300_000)
    ]
    skip = b"".join(skippable)
    path.write_bytes(skip + zstd.compress(b"abc") + skip + zstd.compress(b"") + zstd.compress(b"def") + skip)
    with open_source(path) as source:
        assert (source.compression, _read_all(source)) == ("zstd", b"abcdef")


def test_a_zstd_window_that_would_take_too_much_memory_is_named(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for window_log, is_taken in ((27, True), (28, False)):
        path.write_bytes(b"\x28\xb5\x2f\xfd\x00" + bytes([window_log - 10 << 3]) + b"\x19\0\0abc")  # one raw block
        if is_taken:
            with open_source(path) as source:
                assert _read_all(source) == b"abc"
        else:
            with pytest.raises(FileError, match=r"window of more than 128 MiB.*--long=27"), open_source(path):
                pass


def test_what_follows_the_last_zstd_frame_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for rest in (b"rubbish", b"\0" * 100):
        path.write_bytes(zstd.compress(b"abc") + rest)
        with open_source(path) as source:
            assert source.read() == b"abc"
            for _ in range(2):
                with pytest.raises(FileError, match="zstd stream is damaged or cut off"):
                    source.read()


def test_trailing_zeros_of_a_gzip_file_are_padding_and_anything_else_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(gzip.compress(b"abc") + b"\0" * 100)
    with open_source(path) as source:
        assert _read_all(source) == b"abc"

    path.write_bytes(gzip.compress(b"abc") + b"rubbish")
    with open_source(path) as source:
        assert source.read() == b"abc"
        for _ in range(2):
            with pytest.raises(FileError, match="gzip stream is damaged or cut off"):
                source.read()


def test_a_flipped_bit_is_found(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for packed in (
        gzip.compress(b"abc" * 1000),
        zstd.compress(b"abc" * 1000, options={CompressionParameter.checksum_flag: True}),
    ):
        path.write_bytes(packed[:-5] + bytes([packed[-5] ^ 1]) + packed[-4:])
        with pytest.raises(FileError, match="damaged"), open_source(path) as source:
            _read_all(source)


@pytest.mark.parametrize(
    "start, name",
    [
        (b"PK\x03\x04", "zip archive or an Excel"),
        (b"BZh9", "bzip2"),
        (b"\xfd7zXZ\0", "xz"),
        (b"PAR1", "Parquet"),
        (b"%PDF-1.7", "PDF"),
        ("[]".encode("utf-32"), "UTF-32"),
        (gzip.compress(b"", mtime=0), "a gzip file"),
    ],
)
def test_other_formats_are_named_also_inside_a_compressed_file(tmp_path: Path, start: bytes, name: str) -> None:
    path = tmp_path / "file"
    for content in (gzip.compress(start), zstd.compress(start), start):
        if content.startswith(b"\x1f\x8b") and content == start:
            continue  # one layer of compression is fine
        path.write_bytes(content)
        with pytest.raises(FileError, match=name), open_source(path):
            pass


def test_a_file_that_is_gone_or_a_folder_is_an_error_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot be opened: No such file"), open_source(tmp_path / "gone"):
        pass
    with pytest.raises(FileError, match="cannot be opened: Is a directory"), open_source(tmp_path):
        pass


@pytest.mark.parametrize("compress", [gzip.compress, zstd.compress])
def test_a_decompression_bomb_ends_where_a_file_of_its_size_would(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compress: Callable[[bytes], bytes]
) -> None:
    monkeypatch.setattr(source_module, "FREE_EXPANSION_BYTES", 1 << 20)
    path = tmp_path / "file"
    for size, is_taken in ((1 << 20, True), ((1 << 20) + 1, False), (8 << 20, False)):
        path.write_bytes(compress(b"x" * size))
        with open_source(path, 3) as source:
            if is_taken:
                assert len(_read_all(source)) == size
                continue
            for _ in range(2):
                with pytest.raises(FileError, match=r"holds more than 1,048,576 bytes.*LOGISTICS_MAX_EXPANSION"):
                    _read_all(source, BLOCK_BYTES)
            assert source.position <= (1 << 20) + 2 * BLOCK_BYTES


def test_a_file_may_hold_so_many_times_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_module, "FREE_EXPANSION_BYTES", 0)
    path = tmp_path / "file"
    path.write_bytes(packed := gzip.compress(bytes(1 << 20)))
    times = -(-(1 << 20) // len(packed))
    with open_source(path, times) as source:
        assert len(_read_all(source)) == 1 << 20
    with pytest.raises(FileError, match="holds more than"), open_source(path, times - 1) as source:
        _read_all(source)
    path.write_bytes(bytes(1 << 20))
    with open_source(path, 1) as source:
        assert len(_read_all(source)) == 1 << 20


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="no file is here that opens and cannot be read")
def test_a_file_whose_disk_does_not_give_it_is_at_fault_and_says_so() -> None:
    with pytest.raises(FileError, match="cannot be read: Input/output error"), open_source(Path("/proc/self/mem")):
        pass


@pytest.mark.parametrize(
    ("content", "codec"),
    [
        (b"ascii" * 50_000, None),
        ("ü".encode() * 100_000, "utf-8"),
        (b"\xef\xbb\xbf" + b"marked" * 50_000, "utf-8"),
        (("a" * 200_000 + "naïve café").encode("cp1252"), None),  # what shows later is recognised later
        ("naïve café ".encode("cp1252") * 20_000, "cp1252"),
        (gzip.compress(b"ascii" * 50_000), None),
        (b"ascii" * 50_000, ""),
    ],
)
def test_a_reader_goes_on_where_an_earlier_one_has_stopped(content: bytes, codec: str | None, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with open_source(path) as source:
        begin, text = source.start, b"".join(iter(source.read, b""))
    offset = 150_000

    with open_source(path) as source:
        if codec != "":
            source.resume_at(offset, codec)
        source.skip_to(offset)

        assert source.position == offset
        assert b"".join(iter(source.read, b"")) == text[offset - begin :]
