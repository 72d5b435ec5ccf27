"""Answers to the questions of a proposal: each changes the proposal as a person has decided. Pure, as all inference is.

An answer that files cannot be loaded by becomes an obstacle, with what to do instead. Nothing is guessed beside it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from logistics_core.catalogue import FieldType, Role
from logistics_core.catalogue.model import TEMPORAL_TYPES
from logistics_core.catalogue.time_patterns import PatternError, time_pattern
from logistics_pipeline.errors import PipelineError
from logistics_pipeline.inference.keys import NO_KEY
from logistics_pipeline.inference.proposal import Proposal, ProposedColumn
from logistics_pipeline.inference.questions import Question
from logistics_pipeline.inference.roles import no_days
from logistics_pipeline.loading.excerpts import excerpt

_TEXT = "text"
_CLOCKS = ("%H:%M", "%H:%M:%S", "%I:%M %p", "%I:%M:%S %p", "%H:%M:%S.%f", "%H:%M:%S%z", "%H:%M%z")


class AnswerError(PipelineError):
    """An answer to no question, or one that the question does not allow; the message lists those that it does."""


REJECTS = "rejects"
_REJECT, _CORRECT = "yes, reject them", "no, the file is corrected"
DATASET, NEW_DATASET = "dataset", "a new dataset"


def asking_about_rejects(proposal: Proposal, rejected: int, read: int, reasons: Sequence[str]) -> Proposal:
    """The proposal with the question whether the records that a load would reject may be rejected."""
    because = f": {'; '.join(reasons)}" if reasons else ""
    text = (
        f"{rejected:,} of {read:,} records would be rejected{because}. Load the others? To keep the values, change the "
        "field in the contract instead."
    )
    question = Question(REJECTS, REJECTS, text, (), rejected, (_REJECT, _CORRECT))
    return msgspec.structs.replace(proposal, questions=(*proposal.questions, question))


def asking_for_dataset(proposal: Proposal, path: str, meant: str) -> Proposal:
    """The proposal with the question whether the path of the file was to name a dataset that there is."""
    text = (
        f"{path} names no dataset, but almost one: {meant}. Is it a file of {meant}, or of a new dataset "
        f"{proposal.dataset}?"
    )
    question = Question(DATASET, DATASET, text, (), proposal.rows, (NEW_DATASET, meant))
    return msgspec.structs.replace(proposal, questions=(question, *proposal.questions))


def answered(proposal: Proposal, answers: Mapping[str, str]) -> Proposal:
    """The proposal as a person has decided; questions without an answer stay open.

    Raises:
        AnswerError: there is no such question, or no such answer to it.
    """
    questions = {question.id: question for question in proposal.questions}
    for name, answer in answers.items():
        if name not in questions:
            known = ", ".join(questions) or "none"
            raise AnswerError(f"There is no question {excerpt(name)}. The questions are: {known}.")
        proposal = _apply(proposal, questions[name], answer)
    return msgspec.structs.replace(
        proposal, questions=tuple(each for each in proposal.questions if each.id not in answers)
    )


def answers_by_kind(
    questions: Sequence[Mapping[str, Any]], by_kind: Mapping[str, str], *, text_is_allowed: bool = True
) -> dict[str, str]:
    """Answers by id that answer every question of a kind alike; questions that do not take the answer stay as they are.

    `questions` are those of a stored proposal. `text_is_allowed`: whether each question about columns takes `text`.

    Raises:
        AnswerError: there is no question of the kind, or none that takes the answer.
    """
    found: dict[str, str] = {}
    for kind, answer in by_kind.items():
        of_kind = [each for each in questions if each["kind"] == kind]
        if not of_kind:
            known = ", ".join(dict.fromkeys(each["kind"] for each in questions)) or "none"
            raise AnswerError(f"There is no question of the kind {excerpt(kind)}. The kinds are: {known}.")
        taking = [each for each in of_kind if answer in _answers_of(each, text_is_allowed)]
        if not taking:
            known = " | ".join(dict.fromkeys(word for each in of_kind for word in _answers_of(each, text_is_allowed)))
            raise AnswerError(
                f"No question of the kind {kind} can be answered by {excerpt(answer)}. Answer by one of: {known}."
            )
        found |= {each["id"]: answer for each in taking}
    return found


def _answers_of(question: Mapping[str, Any], text_is_allowed: bool) -> tuple[str, ...]:
    return (*question["answers"], *((_TEXT,) if text_is_allowed and question["columns"] else ()))


def _apply(proposal: Proposal, question: Question, answer: str) -> Proposal:
    allowed = question.answers if not question.columns else tuple(dict.fromkeys((*question.answers, _TEXT)))
    if answer not in allowed:
        listed = ", ".join(f'"{each}"' for each in allowed)
        raise AnswerError(f"{question.id}: {excerpt(answer)} is no answer to it. Answer one of: {listed}.")
    if question.kind in _OF_TABLE:
        return _OF_TABLE[question.kind](proposal, question, answer)
    change = _as_text if answer == _TEXT else _OF_COLUMN.get(question.kind, _as_number)
    for name in question.columns:
        proposal = change(proposal, _column(proposal, name), question, answer)
    return proposal


def _column(proposal: Proposal, name: str) -> ProposedColumn:
    return next(each for each in proposal.columns if each.name == name)


def _with(proposal: Proposal, column: ProposedColumn, **changes: Any) -> Proposal:
    changed = msgspec.structs.replace(column, **changes)
    columns = tuple(changed if each.name == column.name else each for each in proposal.columns)
    return msgspec.structs.replace(proposal, columns=columns)


def _refused(proposal: Proposal, sentence: str) -> Proposal:
    return msgspec.structs.replace(proposal, refusals=(*proposal.refusals, sentence))


# -- columns ---------------------------------------------------------------------------------------------------------


def _as_text(proposal: Proposal, column: ProposedColumn, question: Question, answer: str) -> Proposal:
    """The column is a text: nothing is read out of its values."""
    role = Role.DIMENSION if column.role in (Role.MEASURE, Role.TIME) else column.role
    is_dated = proposal.time_column == column.name
    proposal = _with(
        proposal,
        column,
        type=FieldType.STRING,
        role=role,
        missing_values=(),
        decimal_char=None,
        group_char=None,
        currency=None,
        is_percent=False,
        has_parentheses=False,
        date_orders=(),
        date_forms=(),
        format=None,
        time_zone=None,
    )
    return msgspec.structs.replace(proposal, time_column=None) if is_dated else proposal


def _typed(proposal: Proposal, column: ProposedColumn) -> ProposedColumn | None:
    """The column as its values are but for the text in question; None if they are nothing else."""
    if column.type is not FieldType.STRING:
        return column
    return column.otherwise


def _replace(proposal: Proposal, column: ProposedColumn) -> Proposal:
    columns = tuple(column if each.name == column.name else each for each in proposal.columns)
    return msgspec.structs.replace(proposal, columns=columns)


def _as_number(proposal: Proposal, column: ProposedColumn, question: Question, answer: str) -> Proposal:
    """Values that are written in several ways, as some with a currency and some without, are no column of numbers.

    A load rejects the few that are in another notation, where a person has answered so.
    """
    typed = _typed(proposal, column)
    if typed is None:
        return _refused(
            proposal,
            f"{column.name} cannot be loaded as a number while its values are written in different ways: correct the "
            'file, or answer "text"',
        )
    return _replace(proposal, typed)


def _date_order(proposal: Proposal, column: ProposedColumn, question: Question, answer: str) -> Proposal:
    typed = _typed(proposal, column)
    if typed is None:
        return _refused(proposal, f"{column.name} holds no dates that can be loaded")
    forms = [form for form in typed.date_forms if _order_of(form) == answer]
    pattern = _pattern(typed, forms)
    if pattern is None:
        return _refused(
            proposal,
            f"the dates of {column.name} are written in several forms: write the `format` of the field into the "
            "contract, or correct the file",
        )
    orders = tuple(each for each in typed.date_orders if each == answer)
    decided = msgspec.structs.replace(typed, date_orders=orders, date_forms=tuple(forms), format=pattern)
    return _dated(_replace(proposal, decided), decided)


def _order_of(form: str) -> str:
    """`%d.%m.%Y` is dmy."""
    return "".join(each[0].lower() for each in form.split("%")[1:])


def _pattern(column: ProposedColumn, forms: list[str]) -> str | None:
    """The only pattern that all examples are written in."""
    if column.type is FieldType.DATE:
        return forms[0] if len(forms) == 1 else None
    patterns = [f"{form}{between}{clock}" for form in forms for between in (" ", "T") for clock in _CLOCKS]
    fitting = [pattern for pattern in patterns if all(_is_written_in(text, pattern) for text in column.examples)]
    return fitting[0] if len(fitting) == 1 else None


def _is_written_in(text: str, pattern: str) -> bool:
    try:
        return time_pattern(pattern).read(text) is not None
    except PatternError:
        return False


def _decimal_character(proposal: Proposal, column: ProposedColumn, question: Question, answer: str) -> Proposal:
    decimal = "," if answer == "decimal comma" else "."
    other = "." if decimal == "," else ","
    has_other = any(other in example for example in column.examples)
    return _with(proposal, column, decimal_char=decimal, group_char=other if has_other else None)


def _missing_value(proposal: Proposal, column: ProposedColumn, question: Question, answer: str) -> Proposal:
    if answer != "nothing":
        return proposal
    return _with(proposal, column, missing_values=(*column.missing_values, *question.values), required=False)


def _odd_value(proposal: Proposal, column: ProposedColumn, question: Question, answer: str) -> Proposal:
    typed = column.otherwise
    if typed is None:
        return _refused(proposal, f'{column.name} has no other type than text: answer "text"')
    if answer == "nothing":
        missing = (*typed.missing_values, *question.values)
        typed = msgspec.structs.replace(typed, missing_values=missing, required=False)
    return _dated(_replace(proposal, typed), typed)


def _dated(proposal: Proposal, column: ProposedColumn) -> Proposal:
    """The proposal with the column as the one that dates records, if it is one of days now and no other one does."""
    is_open = any(each.kind == "time_column" for each in proposal.questions)
    before = None if proposal.time_column is None else _column(proposal, proposal.time_column)
    if column.type not in TEMPORAL_TYPES or is_open or (before is not None and before.required):
        return proposal
    is_full = column.empty == 0 and not column.missing_values
    if before is not None and not is_full:
        return proposal
    notes = [each for each in proposal.notes if before is None or each != no_days(before.name)]
    notes += [] if is_full or column.required else [no_days(column.name)]
    proposal = _with(proposal, column, role=Role.TIME, required=column.required or is_full)
    return msgspec.structs.replace(proposal, time_column=column.name, notes=tuple(notes))


def _epoch(proposal: Proposal, column: ProposedColumn, question: Question, answer: str) -> Proposal:
    if answer == "number":
        return proposal
    return _refused(
        proposal,
        f'{column.name}: times counted since 1970 are loaded as numbers alone: answer "number", or write them as dates',
    )


def _time_of_day(proposal: Proposal, column: ProposedColumn, question: Question, answer: str) -> Proposal:
    return proposal


def _time_zone(proposal: Proposal, column: ProposedColumn, question: Question, answer: str) -> Proposal:
    return _refused(
        proposal,
        f"{column.name} has timestamps with a time zone and without one: write the zone into each of them, or answer "
        '"text"',
    )


def _duration(proposal: Proposal, column: ProposedColumn, question: Question, answer: str) -> Proposal:
    if answer == "hours:minutes":
        return proposal
    return _refused(
        proposal,
        f"{column.name}: durations in minutes and seconds are written with hours, as in 00:12:30: correct the file, or "
        'answer "text"',
    )


_OF_COLUMN: Mapping[str, Callable[[Proposal, ProposedColumn, Question, str], Proposal]] = {
    "date_order": _date_order,
    "is_date": _date_order,
    "decimal_character": _decimal_character,
    "missing_value": _missing_value,
    "odd_value": _odd_value,
    "epoch": _epoch,
    "time_of_day": _time_of_day,
    "time_zone": _time_zone,
    "duration": _duration,
}


# -- the table -------------------------------------------------------------------------------------------------------


def _key(proposal: Proposal, question: Question, answer: str) -> Proposal:
    key = () if answer == NO_KEY else tuple(answer.split(", "))
    before = set(proposal.key)
    columns = tuple(_as_key(each, key, before) for each in proposal.columns)
    because = "a person has decided it"
    return msgspec.structs.replace(proposal, key=key, key_evidence=because, columns=columns, is_key_confirmed=True)


def _as_key(column: ProposedColumn, key: tuple[str, ...], before: set[str]) -> ProposedColumn:
    if column.name in key:
        role = Role.IDENTIFIER if len(key) == 1 else column.role
        return msgspec.structs.replace(column, required=True, role=role)
    if column.name in before:
        return msgspec.structs.replace(column, required=False)
    return column


def _time_column(proposal: Proposal, question: Question, answer: str) -> Proposal:
    column = _column(proposal, answer)
    is_full = column.empty == 0 and not column.missing_values
    proposal = _with(proposal, column, role=Role.TIME, required=column.required or is_full)
    return msgspec.structs.replace(proposal, time_column=answer)


def _decided(proposal: Proposal, **keys: Any) -> Proposal:
    decided = {**proposal.decided, **keys}
    if "dialect" in keys:
        decided["dialect"] = {**proposal.decided.get("dialect", {}), **keys["dialect"]}
    return msgspec.structs.replace(proposal, decided=decided)


def _encoding(proposal: Proposal, question: Question, answer: str) -> Proposal:
    if not all(column.title.isascii() for column in proposal.columns):
        proposal = _refused(
            proposal,
            "the names of columns were read in another encoding: correct `title` and `aliases` in the contract",
        )
    return _decided(proposal, encoding=answer)


def _header(proposal: Proposal, question: Question, answer: str) -> Proposal:
    is_header = answer == "header"
    if proposal.dialect is not None and proposal.dialect.has_header is not is_header:
        return _refused(
            proposal,
            "the proposal took the first row for "
            f"{'a record' if is_header else 'the header'}: edit the contract, or give the file a header",
        )
    return _decided(proposal, dialect={"header": is_header})


def _records(proposal: Proposal, question: Question, answer: str) -> Proposal:
    if answer != question.answers[0]:
        return _refused(
            proposal,
            f"the proposal describes {question.answers[0]}: put {answer} into a file of its own, or edit the contract",
        )
    return _decided(proposal, dialect={"property": answer})


def _total(proposal: Proposal, question: Question, answer: str) -> Proposal:
    """A total is rejected if it lacks a value that every record must have: what no other row lacks is required."""
    if answer == "a record":
        return proposal
    if not question.columns:
        return _refused(proposal, "the last row is a total, which a load takes for a record: remove it from the file")
    for name in question.columns:
        proposal = _with(proposal, _column(proposal, name), required=True)
    return proposal


def _second_table(proposal: Proposal, question: Question, answer: str) -> Proposal:
    if answer == "reject them":
        return proposal
    return _refused(proposal, "the file holds two tables: put the second one into a file of its own")


def _unnamed_column(proposal: Proposal, question: Question, answer: str) -> Proposal:
    if answer == question.answers[0]:
        return proposal
    return _refused(proposal, "the header lacks the name of the last column: write it into the file")


def _wide_header(proposal: Proposal, question: Question, answer: str) -> Proposal:
    if answer == question.answers[0]:
        return proposal
    return _refused(
        proposal,
        "the header has more names than the rows have cells: remove the names of columns that are not there, or end "
        "the rows with delimiters",
    )


def _dataset(proposal: Proposal, question: Question, answer: str) -> Proposal:
    if answer == NEW_DATASET:
        return proposal
    return _refused(
        proposal,
        f"it is a file of {answer}: move it into the folder {answer}, where it is loaded, and dismiss this proposal",
    )


def _rejects(proposal: Proposal, question: Question, answer: str) -> Proposal:
    if answer == _REJECT:
        return proposal
    return _refused(proposal, "records of the file would be rejected: correct it, and load it again")


_OF_TABLE: Mapping[str, Callable[[Proposal, Question, str], Proposal]] = {
    "key": _key,
    "time_column": _time_column,
    "encoding": _encoding,
    "header": _header,
    "records": _records,
    "total": _total,
    "second_table": _second_table,
    "unnamed_column": _unnamed_column,
    "wide_header": _wide_header,
    REJECTS: _rejects,
    DATASET: _dataset,
}
