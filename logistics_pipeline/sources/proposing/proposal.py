"""A proposal: the keys of a definition that have been found, why, and what is open."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from logistics_pipeline.sources.definitions.paths import path_text, value_at
from logistics_pipeline.sources.proposing.asking import (
    Answer,
    Asker,
    OutOfRequests,
    Question,
    Request,
    Send,
    changed,
)
from logistics_pipeline.sources.proposing.filtering import FoundFilter, Seen, find_filter
from logistics_pipeline.sources.proposing.paging import FoundPaging, find_paging
from logistics_pipeline.sources.proposing.responses import FoundRecords, find_error, find_records, find_total


@dataclass(frozen=True)
class ResourceProposal:
    """One resource of an API, as its answers show it."""

    request: Request
    """The first request, without what pagination and filter put into it."""
    records: FoundRecords
    total: Mapping[str, str]
    error: str
    paging: FoundPaging
    filter: FoundFilter
    key: tuple[str, ...]
    samples: Sequence[Mapping[str, Any]]
    """The records of the pages that were seen."""
    questions: tuple[Question, ...]
    requests: int
    """How often the API was asked."""


class NoRecordsError(Exception):
    """The API gave no page of records; the message says what it gave."""


def propose_resource(
    send: Send, request: Request, find_key: Callable[[Sequence[Mapping[str, Any]]], tuple[str, ...]]
) -> ResourceProposal:
    """Asks an API, and proposes how its records are read. `find_key` finds what tells records apart.

    Raises:
        NoRecordsError: it gives no records.
    """
    asker = Asker(send, request)
    found, question = _first_page(asker)
    questions = [question] if question else []

    def read(answer: Answer) -> FoundRecords | None:
        records = value_at(answer.document, found.path)
        return FoundRecords(found.path, records) if isinstance(records, list) else None

    paging = _until_out(lambda: find_paging(asker, read), lambda note: FoundPaging(questions=(note,)), "pagination")
    samples = [*found.records]
    if paging.second is not None and (more := read(paging.second)) is not None:
        samples += [each for each in more.records if each not in samples]
    filtering = (
        FoundFilter({"keepsCursor": True}, "the last page has the cursor with which the next pull begins")
        if paging.is_feed
        else _until_out(
            lambda: find_filter(Seen(asker, read, samples, paging.large)),
            lambda note: FoundFilter(questions=(note,)),
            "incremental",
        )
    )
    page = asker.ask()  # a small one, if trials have found how to ask for it: then a count of all is greater
    taken = {*filtering.taken, paging.keys.get("sizeParameter"), paging.keys.get("parameter")}
    kept = {name: value for name, value in request.parameters.items() if name not in taken}
    plain = changed(Request(request.path, kept, request.body), filtering.changes)
    total = find_total(page, read(page) or found, may_follow=paging.may_follow)
    return ResourceProposal(
        plain,
        found,
        total,
        path_text(find_error(page)),
        paging if total else _with_overlap(paging),
        filtering,
        find_key(samples),
        samples,
        (*questions, *paging.questions, *filtering.questions),
        asker.asked,
    )


def _with_overlap(paging: FoundPaging) -> FoundPaging:
    """Without a total, a page that begins with the last record of the one before shows that nothing has shifted."""
    if paging.keys.get("type") != "offset" or "size" not in paging.keys:
        return paging
    return replace(paging, keys={**paging.keys, "overlap": 1})


def _first_page(asker: Asker) -> tuple[FoundRecords, Question | None]:
    answer = asker.ask()
    if not answer.is_good:
        raise NoRecordsError(answer.problem or f"It answered with status {answer.status}.")
    found, question = find_records(answer.document)
    if found is None:
        raise NoRecordsError("Its answer holds no list of records.")
    if not found.records:
        raise NoRecordsError(f"Its list of records ({found.text}) is empty: there is nothing to learn from.")
    return found, question


def _until_out(find: Callable[[], Any], without: Callable[[Question], Any], subject: str) -> Any:
    try:
        return find()
    except OutOfRequests:
        text = "No more requests were made, as the API limits them or all trials were used up: this is not known."
        return without(Question(subject, text))
