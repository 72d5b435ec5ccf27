"""What an answer shows without a trial: where its records are, how many there are in all, and what else it says."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from logistics_pipeline.sources.definitions.paths import MISSING, ValuePath, path_text, value_at
from logistics_pipeline.sources.proposing.asking import Answer, Question

_DEEPEST = 6
_USUAL_LISTS = re.compile(
    r"data|items?|results?|records?|rows|values?|list|content|entries|elements|objects|hits", re.I
)
_TOTAL = re.compile(
    r"total|(total[_-]?)?(count|results|records|items|hits|rows)|(count|records|results|items)[_-]?total|"
    r"(\w+[_-])?(rows|records|results|items)[_-]?count",
    re.I,
)
_TOTAL_HEADER = re.compile(r"x-(pagination-)?total(-count|-items|-records)?|x-count|total-count", re.I)
_MORE = re.compile(r"(has|is)?[_-]?(more|next([_-]?page)?|more[_-]?(items|data|records|results))", re.I)
_ERROR = re.compile(r"error|errors|error_?(message|msg|description)|fault", re.I)


@dataclass(frozen=True)
class FoundRecords:
    """A list of objects in a page."""

    path: ValuePath
    records: Sequence[Mapping[str, Any]]

    @property
    def text(self) -> str:
        """The path as a definition has it."""
        return path_text(self.path) or "."


def lists_of_records(document: Any, path: ValuePath = ()) -> Iterator[FoundRecords]:
    """All lists of objects, empty lists among them; not those within records."""
    if isinstance(document, list):
        if all(isinstance(each, dict) for each in document):
            yield FoundRecords(path, document)
    elif isinstance(document, dict) and len(path) < _DEEPEST:
        for name, value in document.items():
            yield from lists_of_records(value, (*path, name))


def find_records(document: Any) -> tuple[FoundRecords | None, Question | None]:
    """The list of records of a page, and a question if it could be another one as well."""
    found = list(lists_of_records(document))
    filled = [each for each in found if each.records]
    usual = [each for each in filled or found if not each.path or _USUAL_LISTS.fullmatch(str(each.path[-1]))]
    if len(filled) == 1:
        return filled[0], None
    if not found:
        return None, None
    best = max(usual or filled or found, key=lambda each: (len(each.records), -len(each.path)))
    others = [each.text for each in (filled or found) if each is not best]
    if not others or (len(usual) == 1 and filled and len(best.records) >= max(len(each.records) for each in filled)):
        return best, None
    if not filled and len(usual) == 1:
        return best, None
    text = f"Records may be in {best.text}, or in {' or '.join(others[:3])}."
    return best, Question("records", text, (best.text, *others[:3]))


def around(document: Any, records: ValuePath) -> Iterator[tuple[ValuePath, Any]]:
    """The single values of a page outside its records, with their paths."""
    if records:
        yield from _singles(document, (), records)


def _singles(value: Any, path: ValuePath, records: ValuePath) -> Iterator[tuple[ValuePath, Any]]:
    if path == records or len(path) > _DEEPEST:
        return
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _singles(each, (*path, name), records)
    elif not isinstance(value, list):
        yield path, value


def find_total(answer: Answer, found: FoundRecords, *, may_follow: bool) -> dict[str, str]:
    """The key `total` or `totalHeader` of a definition; none if nothing is surely the number of all records.

    A `count` that equals the number of records on a page is that, unless the page is the only one.
    """
    here = len(found.records)
    counts = [(path, value) for path, value in around(answer.document, found.path) if _is_count(path, value)]
    for path, value in sorted(counts, key=lambda each: "total" not in str(each[0][-1]).lower()):
        says_total = "total" in str(path[-1]).lower()
        if value > here or (value == here and (says_total or not may_follow)):
            return {"total": path_text(path)}
    for name, text in answer.headers.items():
        if _TOTAL_HEADER.fullmatch(name) and text.isdigit() and int(text) >= here:
            return {"totalHeader": name.title()}
    return {}


def _is_count(path: ValuePath, value: Any) -> bool:
    is_number = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    name = str(path[-1])
    return is_number and _TOTAL.fullmatch(name) is not None and "page" not in name.lower()


def find_more(answer: Answer, found: FoundRecords) -> ValuePath:
    """Where a page says, with true or false, whether another one follows."""
    for path, value in around(answer.document, found.path):
        if isinstance(value, bool) and _MORE.fullmatch(str(path[-1])):
            return path
    return ()


def find_error(answer: Answer) -> ValuePath:
    """Where an answer without records says what went wrong."""
    if not isinstance(answer.document, dict):
        return ()
    for name, value in answer.document.items():
        if _ERROR.fullmatch(str(name)):
            inner = value_at(value, ("message",))
            return (name,) if inner is MISSING else (name, "message")
    return ()
