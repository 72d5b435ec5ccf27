"""The entry: a file in, a proposal out."""

import re
import time
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import PurePath

import msgspec

from logistics_core.catalogue import FieldType
from logistics_pipeline.errors import FileError
from logistics_pipeline.files.byte_stream import MAX_EXPANSION
from logistics_pipeline.files.stored_file import StoredFile
from logistics_pipeline.inference.column_profiles import profile_of
from logistics_pipeline.inference.column_reading import read_column
from logistics_pipeline.inference.column_types import Reading
from logistics_pipeline.inference.json_tables import is_json, read_json_table
from logistics_pipeline.inference.keys import Key, doubt_of_key, find_key
from logistics_pipeline.inference.names import allowed_dataset_name, dataset_name, field_names, words_of
from logistics_pipeline.inference.proposal import Proposal, ProposedColumn, ProposedDialect
from logistics_pipeline.inference.questions import column_questions, table_question
from logistics_pipeline.inference.roles import find_role, find_time, no_days
from logistics_pipeline.inference.sampling import Sample, encoding_doubt, read_sample
from logistics_pipeline.inference.tables import SampleTable, read_table
from logistics_pipeline.inference.typed_column import TypedColumn
from logistics_pipeline.inference.units import unit_of
from logistics_pipeline.loading.contract.number_formats import CONTRACT_FORMAT
from logistics_pipeline.loading.contract.record_validator import MAX_TEXT_CHARACTERS
from logistics_pipeline.loading.excerpts import excerpt
from logistics_pipeline.loading.formats.header_titles import distinct_titles
from logistics_pipeline.loading.formats.wrapped_arrays import EXPECTED

_EXAMPLES = 3
_PREVIEW_ROWS = 50
_PREVIEW_CHARACTERS = 200
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_CONTROL_BYTES = bytes((*range(0x09), *range(0x0E, 0x1B), *range(0x1C, 0x20), 0x7F))
_CHECKED_BYTES = 64 << 10
_FEW_CONTROLS, _MOST_CONTROLS = 3, 0.02
MAX_RECORD_BYTES = 32 << 20


def propose(
    path: StoredFile,
    dataset: str | None = None,
    *,
    taken: Collection[str] = (),
    key: Sequence[str] = (),
    with_profiles: bool = False,
    max_record_bytes: int = MAX_RECORD_BYTES,
    max_expansion: int = MAX_EXPANSION,
    encoding: str | None = None,
) -> Proposal:
    """Reads a file, or a sample of a large one, and proposes a contract for files of its kind.

    `taken` are the names of the datasets that there are. `key` are the columns that tell records apart, by their names
    in the file, where that is declared; otherwise it is looked for. With profiles, the proposal can be compared with
    other files. `encoding` is that of the file, by Python's name, where its bytes leave it open.

    Raises:
        FileError: the file cannot be read, or holds no records.
    """
    begin = time.perf_counter()
    sample = read_sample(path, max_expansion, encoding)
    if not sample.head.strip():
        raise FileError(f"The file is empty; {EXPECTED}")
    if _is_binary(sample.head):
        raise FileError(f"This is not text: too many of its bytes are control characters; {EXPECTED}")
    table = (read_json_table if is_json(sample.head) else read_table)(sample, max_record_bytes)
    sample = table.sample or sample
    if not table.rows:
        raise FileError(_no_records(table))
    name = (
        allowed_dataset_name("_".join(words_of(dataset)))
        if dataset
        else dataset_name(path if isinstance(path, PurePath) else PurePath(path.name))
    )
    proposal, columns = proposal_of_table(path, name, sample, table, begin, declared_key(key, table))
    return msgspec.structs.replace(
        proposal,
        is_name_taken=name in taken,
        profiles={each.name: profile_of(each) for each in columns} if with_profiles else {},
    )


def proposal_of_table(
    path: StoredFile, dataset: str, sample: Sample, table: SampleTable, begin: float, key: Key | None = None
) -> tuple[Proposal, list[TypedColumn]]:
    """What a table of a file proves, and its columns.

    `begin` is when the work began, by `time.perf_counter`. `key` is the key, if it is known.
    """
    columns = _typed_columns(table)
    key = find_key(columns, table, is_whole=sample.is_whole) if key is None else key
    return _proposal(path, dataset, sample, table, columns, key, begin), columns


def declared_key(names: Sequence[str], table: SampleTable) -> Key | None:
    """The columns with these names in the file as the key; None if there are no names, or not all are columns."""
    by_name = dict(zip(_names_in_file(table), field_names(table.titles), strict=True))
    if not names or not all(name in by_name for name in names):
        return None
    return Key(tuple(by_name[name] for name in names), "the source declares it", is_declared=True)


def _is_binary(head: bytes) -> bool:
    """Whether bytes are no text in any encoding: of random ones, one in nine is a control character."""
    beginning = head[:_CHECKED_BYTES]
    controls = len(beginning) - len(beginning.translate(None, _CONTROL_BYTES))
    return controls > _FEW_CONTROLS and controls > len(beginning) * _MOST_CONTROLS


def _proposal(
    path: StoredFile,
    dataset: str,
    sample: Sample,
    table: SampleTable,
    columns: list[TypedColumn],
    key: Key,
    begin: float,
) -> Proposal:
    time_column, time_doubt = find_time(columns)
    doubts = [(each.name, doubt) for each in columns for doubt in each.reading.doubts]
    of_table = (encoding_doubt(sample), *table.doubts, doubt_of_key(key, columns), time_doubt)
    not_in_total = tuple(columns[index].name for index in table.empty_in_total)
    questions = [
        table_question(doubt, not_in_total if doubt.kind == "total" else ()) for doubt in of_table if doubt is not None
    ]
    questions += column_questions(doubts, _suggestions(columns))
    return Proposal(
        file=path.name,
        dataset=dataset,
        title=dataset.replace("_", " ").capitalize(),
        format=table.format,
        compression=sample.compression,
        encoding=sample.encoding_note or "UTF-8",
        codec=sample.codec,
        array_path=table.array_path,
        children=tuple(table.children),
        dialect=_dialect(table),
        rows=table.rows,
        bad_records=table.bad_records,
        is_whole=sample.is_whole,
        read=sample.sentence,
        columns=tuple(
            _proposed(each, found_as, key, time_column)
            for each, found_as in zip(columns, _names_in_file(table), strict=True)
        ),
        key=key.columns,
        key_evidence=key.because,
        is_key_confirmed=key.is_declared,
        time_column=time_column,
        questions=tuple(questions),
        notes=(*table.notes, *_notes_on_days(columns, key, time_column)),
        preview=_preview(table),
        seconds=round(time.perf_counter() - begin, 4),
    )


def _notes_on_days(columns: list[TypedColumn], key: Key, time_column: str | None) -> list[str]:
    dated_by = next((each for each in columns if each.name == time_column), None)
    return [] if dated_by is None or dated_by.is_full or dated_by.name in key.columns else [no_days(dated_by.name)]


def _names_in_file(table: SampleTable) -> list[str]:
    """The names by which a load finds the columns: in JSON as they are, in CSV as a header is read."""
    if _dialect(table) is None:
        return table.titles
    return [_CONTROLS.sub(" ", name).strip() for name in distinct_titles(table.titles)]


def _preview(table: SampleTable) -> tuple[tuple[str | None, ...], ...]:
    """The first records, cell by cell."""
    first = [column[:_PREVIEW_ROWS] for column in table.columns]
    return tuple(
        tuple(None if cell is None else excerpt(cell, _PREVIEW_CHARACTERS) for cell in row)
        for row in zip(*first, strict=True)
    )


def _no_records(table: SampleTable) -> str:
    if table.bad_records:
        return f"The file holds no good record. {' '.join(table.notes)}"
    return "The file has a header and no records: nothing tells what its columns hold"


def _dialect(table: SampleTable) -> ProposedDialect | None:
    found = table.dialect
    if found is None:
        return None
    return ProposedDialect(
        found.delimiter,
        found.quote,
        found.line_end,
        bool(table.header_rows),
        found.escape,
        found.has_spaces,
        table.header_rows,
        found.comment,
    )


def _typed_columns(table: SampleTable) -> list[TypedColumn]:
    names = field_names(table.titles)
    columns = [table.column(index) for index in range(len(names))]
    readings = _agreed([read_column(each) for each in columns])
    return [
        TypedColumn(name, column, reading, cells)
        for name, column, reading, cells in zip(names, columns, readings, table.columns, strict=True)
    ]


def _agreed(readings: list[Reading]) -> list[Reading]:
    """Reads 1.234 with a decimal point where other columns of the file prove one, and none a decimal comma.

    The point is what the contract takes it for in any case. All else that is open stays open.
    """
    signs = {each.number_format.decimal for each in readings if each.number_format and _is_proof(each)}
    if signs != {"."}:
        return readings
    return [_with_point(each) if CONTRACT_FORMAT in each.open_formats else each for each in readings]


def _is_proof(reading: Reading) -> bool:
    return not reading.open_formats and reading.type is FieldType.NUMBER


def _with_point(reading: Reading) -> Reading:
    doubts = tuple(each for each in reading.doubts if each.kind != "decimal_character")
    return replace(
        reading.but("a decimal point: other columns of the file prove it"),
        number_format=CONTRACT_FORMAT,
        open_formats=(),
        doubts=doubts,
    )


def _refused_texts(each: TypedColumn) -> list[str]:
    """What a load refuses of a column of texts."""
    if each.reading.type is not FieldType.STRING:
        return []
    found = []
    longest = max(map(len, each.column.counts), default=0)
    if longest > MAX_TEXT_CHARACTERS:
        found.append(f"texts of up to {longest:,} characters: a load rejects those of more than {MAX_TEXT_CHARACTERS}")
    if "text" in each.column.natives and len(each.column.natives) > 1:
        found.append("some values are JSON texts, others are not: a load takes texts alone")
    return found


def _suggestions(columns: list[TypedColumn]) -> dict[str, str]:
    """What other columns of the file speak for, by the kind of question."""
    orders = {each.reading.date_orders[0] for each in columns if len(each.reading.date_orders) == 1}
    signs = {
        each.reading.number_format.decimal
        for each in columns
        if each.reading.number_format is not None and _is_proof(each.reading)
    }
    suggestions: dict[str, str] = {}
    if len(orders) == 1:
        suggestions["date_order"] = orders.pop()
    if len(signs) == 1:
        suggestions["decimal_character"] = f"decimal {'point' if signs.pop() == '.' else 'comma'}"
    return suggestions


def _proposed(each: TypedColumn, found_as: str, key: Key, time_column: str | None) -> ProposedColumn:
    column, reading = each.column, each.reading
    otherwise = None
    if reading.otherwise is not None:
        otherwise = _proposed(replace(each, reading=reading.otherwise), found_as, key, time_column)
    format = reading.number_format
    is_key = each.name in key.columns
    return ProposedColumn(
        name=each.name,
        title=_CONTROLS.sub(" ", column.title).strip(),
        found_as=found_as,
        type=reading.type,
        role=find_role(each, key, time_column),
        unit=unit_of(column.title, reading),
        required=is_key or (each.name == time_column and each.is_full),
        cells=column.rows,
        empty=column.empty,
        distinct=len(column.counts),
        examples=tuple(excerpt(text, 60) for text in list(column.counts)[:_EXAMPLES]),
        missing_values=reading.missing,
        decimal_char=format.decimal if format else None,
        group_char=format.group if format else reading.group,
        currency=reading.currency,
        is_percent=reading.is_percent,
        has_parentheses=reading.has_parentheses,
        date_orders=tuple(reading.date_orders),
        date_forms=reading.date_forms,
        format=reading.format,
        true_values=reading.true_values,
        false_values=reading.false_values,
        time_zone=reading.zone,
        otherwise=otherwise,
        evidence=(*reading.because, *_refused_texts(each)),
    )
