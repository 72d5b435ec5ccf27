"""Compares a file with the contract of its dataset: what has changed, and whether a rule or only a person decides.

Pure. A rule decides only where nothing can be lost or read otherwise: another order of columns, an optional column that
is gone, a whole number that became a decimal one. All else is a question, or a warning if the file loads as it is.
"""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

import msgspec

from logistics_core.catalogue import Dataset, Field, FieldType
from logistics_core.catalogue.model import InvalidValues
from logistics_core.profiles import FieldProfile, merged_profiles
from logistics_pipeline.inference.key_conflicts import KeyConflict, key_candidates
from logistics_pipeline.inference.keys import NO_KEY
from logistics_pipeline.inference.proposal import Proposal, ProposedColumn
from logistics_pipeline.inference.questions import Question
from logistics_pipeline.inference.renames import Candidate, Rename, find_renames
from logistics_pipeline.loading.contract.unusual_values import find_unusual
from logistics_pipeline.loading.excerpts import excerpt
from logistics_pipeline.loading.formats.column_names import spelling_key


class ChangeKind(StrEnum):
    """What can differ between a file and the contract of its dataset, or earlier files of it."""

    ORDER = "order"
    OPTIONAL_GONE = "optional_gone"
    REQUIRED_GONE = "required_gone"
    KEY_GONE = "key_gone"
    KEY_CONFLICT = "key_conflict"
    NEW_COLUMN = "new_column"
    RENAMED = "renamed"
    WIDENED = "widened"
    TYPE = "type"
    DATE_ORDER = "date_order"
    DELIMITER = "delimiter"
    ENCODING = "encoding"
    UNIT = "unit"
    MEDIAN = "median"
    NULLS = "nulls"
    DOMINANT_VALUE = "dominant_value"


class Decision(StrEnum):
    """Who decides about a change."""

    RULE = "rule"
    """Nothing is lost, and nothing is read otherwise: it is said, and that is all."""
    WARNING = "warning"
    """The file loads as it is; a person should look."""
    QUESTION = "question"
    """Only a person can tell."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One change of a file."""

    kind: ChangeKind
    decision: Decision
    text: str
    """A sentence."""
    field: str | None = None
    column: str | None = None
    """The name of the file's column, as the file has it."""
    evidence: tuple[str, ...] = ()
    question: Question | None = None
    holds: bool = False
    """Whether the file cannot be loaded because of it."""


class KnownFile(msgspec.Struct, frozen=True, kw_only=True):
    """How an earlier file of a dataset was written, as far as the ledger knows."""

    columns: tuple[str, ...] = ()
    """In their order, by the names of the fields; empty for JSON, where the order means nothing."""
    delimiter: str | None = None
    encoding: str | None = None
    """Its codec, such as `utf-8`."""
    date_orders: Mapping[str, str] = {}
    """By field, such as `dmy`."""
    key_conflict: KeyConflict | None = None
    """What the load has found about keys of other records, if nobody has confirmed the key."""


_GONE = frozenset({ChangeKind.REQUIRED_GONE, ChangeKind.KEY_GONE})
"""Changes without whose answer a file cannot be loaded."""


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """How a file differs from the contract of its dataset."""

    dataset: str
    file: str
    changes: tuple[Change, ...]

    @property
    def is_held(self) -> bool:
        """Whether the file cannot be loaded as it is."""
        return any(each.holds or each.kind in _GONE for each in self.changes)

    @property
    def questions(self) -> tuple[Question, ...]:
        return tuple(each.question for each in self.changes if each.question is not None)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a rule has decided, and warnings."""
        return tuple(each.text for each in self.changes if each.question is None)

    def to_json(self) -> dict[str, Any]:
        """As one JSON document."""
        return {**msgspec.to_builtins(self), "held": self.is_held, "questions": msgspec.to_builtins(self.questions)}


ADD, LEAVE = "add", "leave in extras"
YES, NO = "yes", "no"
CORRECTIONS = "corrections"
NONE = "none"
"""No column is the field that is gone."""

_MOST_NAMES = 40
"""Columns that a question names as answers."""


def compare(
    dataset: Dataset,
    proposal: Proposal,
    earlier: Sequence[Mapping[str, FieldProfile]] = (),
    known: KnownFile | None = None,
) -> Drift:
    """Compares a file with the contract of its dataset and with earlier files.

    `proposal` is what `propose` finds in the file, with profiles; `earlier` are the profiles of earlier files by field.
    """
    return Drift(
        dataset=dataset.name,
        file=proposal.file,
        changes=tuple(_Comparison(dataset, proposal, earlier, known or KnownFile()).changes()),
    )


def still_open(dataset: Dataset, drift: Drift, proposal: Proposal) -> Drift:
    """What is left of the changes of a file by another version of the contract, which answers some of the questions.

    A column that has become a field, or an alias of one, is new no longer; neither is a field gone that it is.
    """
    matched = _matched(dataset, proposal.columns)
    known = {column.name for column in matched.values()}
    return msgspec.structs.replace(
        drift, changes=tuple(each for each in drift.changes if _is_left(each, dataset, matched, known))
    )


def _is_left(change: Change, dataset: Dataset, matched: Mapping[str, ProposedColumn], known: set[str]) -> bool:
    if change.kind is ChangeKind.KEY_CONFLICT:
        return not dataset.is_key_confirmed
    if change.kind is ChangeKind.NEW_COLUMN:
        return change.field not in known
    if change.field is None:
        return True
    if change.field not in dataset.columns:
        return False
    if change.kind in (ChangeKind.RENAMED, ChangeKind.REQUIRED_GONE, ChangeKind.KEY_GONE):
        return change.field not in matched
    if change.kind is ChangeKind.TYPE and change.field in matched:
        return not _fits(dataset.field(change.field).type, matched[change.field])
    return True


def amended_contract(contract: Mapping[str, Any], drift: Drift, proposal: Proposal, answers: Mapping[str, str]) -> Any:
    """The contract with what the rules and the answers change: types that widen, aliases, new fields.

    Answers are given by the ids of questions; what is not answered stays as it is.
    """
    document = msgspec.json.decode(msgspec.json.encode(contract))
    fields = {each["name"]: each for each in document["schema"]["fields"]}
    proposed = {each["name"]: each for each in proposal.contract()["schema"]["fields"]}
    chosen = _chosen_columns(drift, proposal, answers)
    for change in drift.changes:
        answer = answers.get(change.question.id) if change.question is not None else None
        if change.kind is ChangeKind.WIDENED and change.field in fields:
            fields[change.field]["type"] = str(FieldType.NUMBER)
        elif change.kind is ChangeKind.RENAMED and answer == YES and change.field in fields and change.column:
            _add_alias(fields[change.field], change.column)
        elif change.kind in _GONE and answer in chosen and change.field in fields:
            _add_alias(fields[change.field], chosen[answer].title or chosen[answer].name)
        elif (
            change.kind is ChangeKind.NEW_COLUMN
            and answer == ADD
            and change.field in proposed.keys() - fields.keys() - {each.name for each in chosen.values()}
        ):
            document["schema"]["fields"].append(_new_field(proposed[str(change.field)], change))
        elif change.kind is ChangeKind.KEY_CONFLICT and answer is not None:
            _decide_key(document, fields, answer)
    return document


def _decide_key(document: dict[str, Any], fields: Mapping[str, dict[str, Any]], answer: str) -> None:
    """Confirms the key, or puts the one in its place that a person has chosen."""
    document.pop("keyConfirmed", None)
    if answer == CORRECTIONS:
        return
    key = [] if answer == NO_KEY else answer.split(", ")
    document["schema"]["primaryKey"] = key
    for name in key:
        fields[name].setdefault("constraints", {})["required"] = True


def _chosen_columns(drift: Drift, proposal: Proposal, answers: Mapping[str, str]) -> dict[str, ProposedColumn]:
    """The columns that answers name as fields that are gone, by their names in answers."""
    asked = {each.question.id for each in drift.changes if each.kind in _GONE and each.question is not None}
    given = {answer for name, answer in answers.items() if name in asked} - {NONE}
    return {name: each for each in proposal.columns if (name := _name_in_answers(each)) in given}


def questions_left(drift: Drift, proposal: Proposal, answers: Mapping[str, str]) -> tuple[Question, ...]:
    """The questions, but for whether a column should become a field that an answer names as one that is gone."""
    named = {column.name for column in _chosen_columns(drift, proposal, answers).values()}
    return tuple(
        change.question
        for change in drift.changes
        if change.question is not None and not (change.kind is ChangeKind.NEW_COLUMN and change.field in named)
    )


def _name_in_answers(column: ProposedColumn) -> str:
    return excerpt(column.title or column.name)


def _add_alias(field: dict[str, Any], alias: str) -> None:
    aliases = field.setdefault("aliases", [])
    if alias not in aliases:
        aliases.append(alias)


def _new_field(field: dict[str, Any], change: Change) -> dict[str, Any]:
    """A field for a new column: optional, as the rows that there are have no value for it."""
    added = {name: value for name, value in field.items() if name != "constraints"}
    if change.column is not None and change.column != field["name"]:
        added["aliases"] = [change.column]
    return added


class _Comparison:
    """One comparison."""

    def __init__(
        self,
        dataset: Dataset,
        proposal: Proposal,
        earlier: Sequence[Mapping[str, FieldProfile]],
        known: KnownFile,
    ) -> None:
        self._dataset = dataset
        self._proposal = proposal
        self._earlier = earlier
        self._known = known
        self._all_earlier = merged_profiles(earlier)
        self._columns = _matched(dataset, proposal.columns)
        """The columns of the file by the fields that they are."""
        self._questions = {name: each for each in proposal.questions for name in each.columns}

    def changes(self) -> Iterator[Change]:
        """Every change, those that hold the file first."""
        renames = self._renames()
        yield from map(self._renamed, renames)
        yield from self._gone({each.old.name for each in renames})
        yield from self._new({each.new.name for each in renames})
        for name, column in self._columns.items():
            yield from self._changes_of(self._dataset.field(name), column)
        yield from self._of_file()
        yield from self._of_key()

    # -- columns that are gone, new or renamed ---------------------------------------------------------------------

    def _vanished(self) -> list[Field]:
        return [field for field in self._dataset.fields if field.name not in self._columns]

    def _unknown(self) -> list[ProposedColumn]:
        matched = {column.name for column in self._columns.values()}
        return [column for column in self._proposal.columns if column.name not in matched]

    def _renames(self) -> list[Rename]:
        old_places = {name: place for place, name in enumerate(self._known.columns or self._dataset.columns)}
        fields = sorted(self._dataset.columns, key=lambda name: old_places.get(name, len(old_places)))
        by_column = {column.name: name for name, column in self._columns.items()}
        columns = [by_column.get(column.name, column.name) for column in self._proposal.columns]
        common = set(self._columns)
        vanished = [
            Candidate(
                field.name,
                tuple(dict.fromkeys((field.name, *field.aliases))),
                _family(field.type),
                fields.index(field.name),
                self._all_earlier.get(field.name),
                *_neighbours(fields, field.name, common),
            )
            for field in self._vanished()
        ]
        new = [
            Candidate(
                column.name,
                (column.title or column.name,),
                _family(column.type),
                columns.index(column.name),
                self._proposal.profiles.get(column.name),
                *_neighbours(columns, column.name, common),
            )
            for column in self._unknown()
        ]
        return find_renames(vanished, new)

    def _renamed(self, rename: Rename) -> Change:
        field = self._dataset.field(rename.old.name)
        column = self._column(rename.new.name)
        title = excerpt(column.title or column.name)
        text = f"There is no column {field.name}, but a new one, `{title}`: {', '.join(rename.evidence)}."
        return _asked(
            ChangeKind.RENAMED,
            field.name,
            column,
            text,
            f"Is `{title}` the field {field.name} under another name?",
            (YES, NO),
            id=f"{field.name}:{column.name}",
            evidence=rename.evidence,
        )

    def _gone(self, renamed: set[str]) -> Iterator[Change]:
        """A field that may have another name is gone all the same, until a person has said so."""
        for field in self._vanished():
            if field.name in self._dataset.key or field.required:
                is_key = field.name in self._dataset.key
                kind = ChangeKind.KEY_GONE if is_key else ChangeKind.REQUIRED_GONE
                what = "belongs to the key" if is_key else "is required"
                text = f"There is no column {field.name}, which {what}: the file cannot be loaded as it is."
                question = None if field.name in renamed else self._question_of_gone(field, text)
                yield Change(kind=kind, decision=Decision.QUESTION, text=text, field=field.name, question=question)
            elif field.name not in renamed:
                text = f"There is no column {field.name}, which is optional: its records have no value there."
                yield Change(kind=ChangeKind.OPTIONAL_GONE, decision=Decision.RULE, text=text, field=field.name)

    def _question_of_gone(self, field: Field, text: str) -> Question:
        names = tuple(map(_name_in_answers, self._unknown()))[:_MOST_NAMES]
        return Question(
            f"gone:{field.name}",
            "gone",
            f"{text} Which column is it, or is the file another one than it should be?",
            (field.name,),
            self._proposal.rows,
            (*(name for name in names if name != NONE), NONE),
        )

    def _new(self, renamed: set[str]) -> Iterator[Change]:
        for column in self._unknown():
            title = column.title or column.name
            if column.name in renamed or column.cells == column.empty:
                continue
            kept = (
                "Until then its values are kept in extras." if self._dataset.has_extras else "Until then it is ignored."
            )
            text = f"The column `{excerpt(title)}` is new: {column.type}, {column.distinct:,} distinct values."
            asked = f"Should it become a field? {kept}"
            yield _asked(
                ChangeKind.NEW_COLUMN, column.name, column, text, asked, (ADD, LEAVE), evidence=column.evidence
            )

    def _column(self, name: str) -> ProposedColumn:
        return next(column for column in self._proposal.columns if column.name == name)

    # -- columns that are there ------------------------------------------------------------------------------------

    def _changes_of(self, field: Field, column: ProposedColumn) -> Iterator[Change]:
        title = column.title or column.name
        if column.cells == column.empty:
            yield from self._unusual(field, title)
            return
        doubt = self._questions.get(column.name)
        if doubt is not None and doubt.kind == "date_order" and field.type in (FieldType.DATE, FieldType.DATETIME):
            yield Change(
                kind=ChangeKind.DATE_ORDER,
                decision=Decision.QUESTION,
                text=doubt.text,
                field=field.name,
                column=title,
                question=doubt,
            )
        elif field.type is FieldType.INTEGER and column.type is FieldType.NUMBER:
            text = f"{field.name} holds decimal numbers now: the field widens from integer to number."
            yield Change(
                kind=ChangeKind.WIDENED,
                decision=Decision.RULE,
                text=text,
                field=field.name,
                column=title,
                evidence=column.evidence,
            )
        elif not _fits(field.type, column):
            yield self._other_type(field, column, doubt)
            if column.otherwise is not None and _fits(field.type, column.otherwise):
                yield from self._proven_order(field, column.otherwise)
        else:
            yield from self._proven_order(field, column)
            yield from self._unusual(field, title)

    def _other_type(self, field: Field, column: ProposedColumn, doubt: Question | None) -> Change:
        text = f"{field.name} is {_a(field.type)}, but the column holds {_a(column.type)}"
        is_but_for_few = column.otherwise is not None and _fits(field.type, column.otherwise)
        if doubt is not None and doubt.kind == "odd_value" and is_but_for_few:
            text = _odd_values(field, column, doubt)
        elif doubt is not None:
            text = f"{text}. {doubt.text.rstrip('.?')}."
        else:
            text = f"{text}: {'; '.join(column.evidence)}."
        asked = "Is the file wrong, or does the field need another type?"
        answers = ("the file is wrong", f"the field becomes {column.type}")
        return _asked(ChangeKind.TYPE, field.name, column, text, asked, answers, evidence=column.evidence)

    def _proven_order(self, field: Field, column: ProposedColumn) -> Iterator[Change]:
        """Dates that prove an order of their own, if earlier files had another one."""
        before = self._known.date_orders.get(field.name)
        if before is not None and len(column.date_orders) == 1 and column.date_orders[0] != before:
            text = f"Dates in {field.name} are {_order(column.date_orders[0])} now, in earlier files {_order(before)}."
            yield _asked(ChangeKind.DATE_ORDER, field.name, column, text, "Is that so?", (YES, NO))

    def _unusual(self, field: Field, title: str) -> Iterator[Change]:
        profile = self._proposal.profiles.get(self._columns[field.name].name)
        if profile is None:
            return
        earlier = [each[field.name] for each in self._earlier if field.name in each]
        for found in find_unusual(profile, earlier, is_identifier=field.name in self._dataset.identifiers):
            yield Change(
                kind=ChangeKind(found.kind),
                decision=Decision.WARNING,
                text=f"{field.name}: {found.text}.",
                field=field.name,
                column=title,
            )

    # -- the file as a whole ---------------------------------------------------------------------------------------

    def _of_file(self) -> Iterator[Change]:
        dialect = self._proposal.dialect
        if dialect is not None and self._is_reordered():
            text = "The columns are in another order than before: they are found by their names."
            yield Change(kind=ChangeKind.ORDER, decision=Decision.RULE, text=text)
        if dialect is not None and self._known.delimiter not in (None, dialect.delimiter):
            text = f"Cells are separated by {dialect.delimiter!r}, in earlier files by {self._known.delimiter!r}."
            yield Change(kind=ChangeKind.DELIMITER, decision=Decision.RULE, text=text)
        doubt = next((each for each in self._proposal.questions if each.kind == "encoding"), None)
        if doubt is not None:
            yield Change(kind=ChangeKind.ENCODING, decision=Decision.QUESTION, text=doubt.text, question=doubt)
        elif self._known.encoding not in (None, self._proposal.codec):
            text = f"The encoding is another one than in earlier files: {self._proposal.encoding}"
            yield Change(kind=ChangeKind.ENCODING, decision=Decision.RULE, text=text)

    def _of_key(self) -> Iterator[Change]:
        conflict = self._known.key_conflict
        if conflict is None:
            return
        candidates = key_candidates(self._dataset, self._columns, self._proposal, conflict)
        asked = (
            f"{conflict.text} Nobody has confirmed that {', '.join(self._dataset.key)} is the key. Are they "
            "corrections, so that the record registered last counts, or does the key lack a field? Without a key every "
            "record is kept."
        )
        answers = (CORRECTIONS, *map(", ".join, candidates), NO_KEY)
        yield Change(
            kind=ChangeKind.KEY_CONFLICT,
            decision=Decision.QUESTION,
            text=conflict.text,
            question=Question("key", "key", asked, self._dataset.key, conflict.records, answers),
            holds=conflict.is_held,
        )

    def _is_reordered(self) -> bool:
        before = [name for name in self._known.columns or self._dataset.columns if name in self._columns]
        places = {column.name: place for place, column in enumerate(self._proposal.columns)}
        now = sorted(before, key=lambda name: places[self._columns[name].name])
        return now != before


def _asked(
    kind: ChangeKind,
    field: str,
    column: ProposedColumn,
    text: str,
    asked: str,
    answers: tuple[str, ...],
    *,
    id: str | None = None,
    evidence: tuple[str, ...] = (),
) -> Change:
    """A change of a column that only a person can decide. `id` is that of the question within its kind."""
    question = Question(
        f"{kind}:{field if id is None else id}",
        kind.value,
        f"{text} {asked}",
        (field,),
        column.cells - column.empty,
        answers,
    )
    return Change(
        kind=kind,
        decision=Decision.QUESTION,
        text=text,
        field=field,
        column=column.title or column.name,
        evidence=evidence,
        question=question,
    )


def _odd_values(field: Field, column: ProposedColumn, doubt: Question) -> str:
    """A sentence about a column that is what it should be, but for few cells."""
    filled = column.cells - column.empty
    shown = ", ".join(f"`{excerpt(value, 40)}`" for value in doubt.values)
    cells = f"{doubt.cells:,} of {filled:,} cells {'is' if doubt.cells == 1 else 'are'} no {field.type.value}: {shown}"
    if field.invalid_values is InvalidValues.NULL:
        return f"{field.name} is {_a(field.type)}, and {cells}. Such a cell is stored as NULL."
    return f"{field.name} is {_a(field.type)}, and {cells}. Such a cell rejects its record."


# -- which column is which field -------------------------------------------------------------------------------------


def _matched(dataset: Dataset, columns: Sequence[ProposedColumn]) -> dict[str, ProposedColumn]:
    """The columns that are fields by their names or aliases, exactly or in another spelling."""
    exact = {name: field.name for field in dataset.fields for name in (field.name, *field.aliases)}
    spelled = {spelling_key(name): field for name, field in exact.items()}
    by_exact = [(exact.get(column.title), column) for column in columns]
    by_spelling = [(spelled.get(spelling_key(column.title or column.name)), column) for column in columns]
    found: dict[str, ProposedColumn] = {}
    for field, column in (*by_exact, *by_spelling):
        if field is not None and field not in found and column not in found.values():
            found[field] = column
    return found


def _neighbours(names: Sequence[str], name: str, common: set[str]) -> tuple[str | None, str | None]:
    """The nearest columns on either side that are there in both files."""
    place = names.index(name)
    before = next((each for each in reversed(names[:place]) if each in common), None)
    after = next((each for each in names[place + 1 :] if each in common), None)
    return before, after


_FAMILIES = {
    FieldType.INTEGER: "number",
    FieldType.NUMBER: "number",
    FieldType.YEAR: "number",
    FieldType.DATE: "date",
    FieldType.DATETIME: "date",
    FieldType.TIME: "time",
    FieldType.DURATION: "time",
    FieldType.OBJECT: "json",
    FieldType.ARRAY: "json",
}


def _family(type: FieldType) -> str:
    return _FAMILIES.get(type, type.value)


def _fits(type: FieldType, column: ProposedColumn) -> bool:
    """Whether a field takes what a column holds without loss."""
    held = column.type
    return (
        type in (FieldType.STRING, held)
        or (type is FieldType.NUMBER and held in (FieldType.INTEGER, FieldType.YEAR))
        or (type is FieldType.INTEGER and held is FieldType.YEAR)
        or (type is FieldType.DATETIME and held is FieldType.DATE)
        or (type is FieldType.DURATION and held is FieldType.TIME)
        or (type is FieldType.ARRAY and held is FieldType.OBJECT)
        or (type is FieldType.BOOLEAN and held in (FieldType.INTEGER, FieldType.STRING) and column.distinct <= 2)
    )


def _a(type: FieldType) -> str:
    name = "text" if type is FieldType.STRING else type.value
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


_ORDERS = {"dmy": "day first", "mdy": "month first", "ymd": "year first"}


def _order(order: str) -> str:
    return _ORDERS.get(order, order)
