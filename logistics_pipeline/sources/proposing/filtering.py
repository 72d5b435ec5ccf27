"""How changes alone are asked for: the field with the time of the last change, and the parameter that filters by it.

A parameter counts as found if the records that came with it are those from the given time on, and others came before.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from logistics_pipeline.sources.proposing.asking import Answer, Asker, Place, Question, place_text
from logistics_pipeline.sources.proposing.responses import FoundRecords
from logistics_pipeline.sources.proposing.times import TimeField, form_of, time_fields

_PAIRS = (
    ("updated_since", "updated_before"), ("updatedSince", "updatedBefore"), ("updated_after", "updated_before"),
    ("updatedAfter", "updatedBefore"), ("modified_since", "modified_before"), ("modifiedSince", "modifiedBefore"),
    ("changed_since", "changed_before"), ("since", "until"), ("from", "to"), ("start_time", "end_time"),
    ("startTime", "endTime"), ("start_datetime", "end_datetime"), ("start_date", "end_date"), ("start", "end"),
    ("after", "before"), ("created_after", "created_before"), ("createdSince", "createdBefore"),
    ("rangefrom_string", "rangeto_string"),
)  # fmt: skip
"""Usual names of the begin and the end of a window."""
_MOST_FIELDS = 3
"""Fields that parameters are tried for."""


@dataclass(frozen=True)
class FoundFilter:
    """The keys of `incremental`, and why; no keys if no parameter was found."""

    keys: Mapping[str, Any] = field(default_factory=dict)
    because: str = ""
    questions: tuple[Question, ...] = ()
    taken: tuple[str, ...] = ()
    """Parameters of the address that the window takes the place of."""
    changes: Mapping[Place, Any] = field(default_factory=dict)
    """Values of the request in which the window stands as {since} and {until}."""
    is_of_changes: bool = True
    """False: the field is the time of creation; later changes are not found by it."""


@dataclass(frozen=True)
class Seen:
    """What is known of the records before filters are tried."""

    asker: Asker
    read: Callable[[Answer], FoundRecords | None]
    samples: Sequence[Mapping[str, Any]]
    large: Mapping[Place, int]
    """What makes pages large, where trials have made them small."""

    def records(self, changes: Mapping[Place, Any] | None = None) -> Sequence[Mapping[str, Any]]:
        """The records of the first page with these changes; none if that is no page."""
        answer = self.asker.ask(changes)
        found = self.read(answer) if answer.is_good else None
        return found.records if found else []


def find_filter(seen: Seen) -> FoundFilter:
    """Tries parameters for the fields that hold times, those of the last change first.

    Raises:
        OutOfRequests: no trial is left.
    """
    fields = time_fields(seen.samples)
    for each in fields[:_MOST_FIELDS]:
        found = _FilterTrial(seen, each).find(fields)
        if found is not None:
            return found
    given = [name for name, _ in _PAIRS if form_of(seen.asker.request.parameters.get(name)) is not None]
    if given:
        text = f"The address has a time in {given[0]}, but the records do not tell which of their fields it filters by."
        return FoundFilter(questions=(Question("incremental", text, tuple(each.name for each in fields)),))
    named = [each.name for each in fields if each.is_of_change or each.is_of_creation]
    if not named:
        return FoundFilter(because="no field holds the time of the last change")
    text = f"{named[0]} is a time of change, but no parameter was found that filters by it. Which one does?"
    return FoundFilter(questions=(Question("incremental.parameter", text),))


def _names(each: TimeField) -> Iterator[tuple[str, str]]:
    """Parameters that may filter by a field, made of its name first."""
    name = str(each.path[-1])
    yield f"{name}[gte]", f"{name}[lt]"
    yield f"filter[{name}][gte]", f"filter[{name}][lt]"
    yield f"{name}_gte", f"{name}_lt"
    yield f"GE_{name}", f"LT_{name}"
    yield f"{name}__gte", f"{name}__lt"
    yield f"{name}_gt", f"{name}_lt"
    yield from _PAIRS


class _FilterTrial:
    """Whether something filters by one field."""

    def __init__(self, seen: Seen, each: TimeField) -> None:
        self.seen, self.asker, self.field = seen, seen.asker, each
        here = sorted(self._times(seen.records()))
        times = here if len(set(here)) > 1 else list(each.times)
        self.middle = next((time for time in times[len(times) // 2 :] if time > times[0]), times[-1])

    def find(self, fields: Sequence[TimeField]) -> FoundFilter | None:
        """The window that the address has already, a list of conditions, or a parameter."""
        if len(set(self.field.times)) < 2:
            return None
        return self._given(fields) or self._by_condition() or self._by_parameter(fields)

    def _given(self, fields: Sequence[TimeField]) -> FoundFilter | None:
        parameters = self.asker.request.parameters
        for since, until in _PAIRS:
            if form_of(parameters.get(since)) is not None:
                found = self._by(since, until, fields)
                if found is not None:
                    keys = {**found.keys, **({"until": until} if until in parameters else {})}
                    return replace(found, keys=keys | {"start": str(parameters[since])[:10]}, taken=(since, until))
        return None

    def _by_condition(self) -> FoundFilter | None:
        """Lists of conditions, as in Odoo's domains and Frappe's filters."""
        name, request, middle = self.field.name, self.asker.request, self.field.write(self.middle)
        window = [[name, ">=", "{since}"], [name, "<", "{until}"]]
        place: Place
        tried: Any
        template: Any
        if request.has_body and isinstance(request.body.get("domain"), list):
            place, before = ("domain",), request.body["domain"]
            tried, template = [*before, [name, ">=", middle]], [*before, *window]
        elif not request.has_body and isinstance(request.parameters.get("fields"), str):
            place = "filters"
            tried, template = json.dumps([[name, ">=", middle]]), json.dumps(window)
        else:
            return None
        if not self._brings(self.seen.records({place: tried})):
            return None
        because = f"only records from a given {name} on came with a condition in {place_text(place)}"
        return FoundFilter({"field": name, **self.field.format_keys}, because, changes={place: template})

    def _by_parameter(self, fields: Sequence[TimeField]) -> FoundFilter | None:
        for since, until in _names(self.field):
            for place in self.asker.places((since,)):
                found = self._by(place, until, fields)
                if found is not None:
                    return found
        return None

    def _by(self, place: Place, until: str, fields: Sequence[TimeField]) -> FoundFilter | None:
        """The window that begins with a parameter, if only younger records come with it."""
        here = self.seen.records({place: self.field.write(self.middle)})
        if not self._brings(here):
            return None
        name = str(self.field.path[-1])
        is_named = name in place_text(place) or name in self.asker.request.parameters.values()
        rivals = [each for each in fields if each is not self.field and not is_named and self._fits(each, here)]
        return self._decided(place, until, rivals)

    def _fits(self, rival: TimeField, records: Sequence[Mapping[str, Any]]) -> bool:
        """Whether the records could have come by another field as well."""
        return all(time is not None and time >= self.middle for time in map(rival.time_of, records))

    def _decided(self, place: Place, until: str, rivals: Sequence[TimeField]) -> FoundFilter:
        """Asks for a record whose two times lie on both sides of the given one."""
        for rival in rivals:
            between = [each for each in self.seen.samples if self._is_younger_than(rival, each)]
            if not between:
                fields = f"{self.field.name} or by {rival.name}"
                text = f"{place_text(place)} filters by {fields}: the records do not tell which."
                question = Question("incremental.field", text, (self.field.name, rival.name))
                return replace(self._found(place, until), questions=(question,))
            record = max(between, key=lambda each: str(self.field.time_of(each)))
            moment = self.field.time_of(record)
            assert moment is not None
            if record not in self.seen.records({place: self.field.write(moment), **self.seen.large}):
                return _FilterTrial(self.seen, rival)._found(place, until)
        return self._found(place, until)

    def _is_younger_than(self, rival: TimeField, record: Mapping[str, Any]) -> bool:
        ours, theirs = self.field.time_of(record), rival.time_of(record)
        return ours is not None and theirs is not None and theirs < ours

    def _found(self, place: Place, until: str) -> FoundFilter:
        keys: dict[str, Any] = {"field": self.field.name, "parameter": place_text(place)}
        if not isinstance(place, str):
            keys["in"] = "body"
        ending = next((each for each in self.asker.places((until,)) if self._ends(each)), None)
        if ending is not None:
            keys["until"] = place_text(ending)
        keys |= self.field.format_keys
        is_of_changes = self.field.is_of_change or not self.field.is_of_creation
        if not is_of_changes:
            keys["lookback"] = "14d"
        because = f"only records from a given {self.field.name} on came with {place_text(place)}"
        return FoundFilter(keys, because, is_of_changes=is_of_changes)

    # -- what came -----------------------------------------------------------------------------------------------------

    def _brings(self, records: Sequence[Mapping[str, Any]]) -> bool:
        """Whether these are records from the middle time on, while older ones came before."""
        times = self._times(records)
        is_new = bool(times) and all(time >= self.middle for time in times)
        return is_new and any(time < self.middle for time in self._times(self.seen.records()))

    def _ends(self, place: Place) -> bool:
        """Whether only records before the middle time come with it, while younger ones came without."""
        times = self._times(self.seen.records({place: self.field.write(self.middle)}))
        is_old = bool(times) and all(time <= self.middle for time in times)
        before = self._times(self.seen.records())
        return is_old and (any(time > self.middle for time in before) or len(times) < len(before))

    def _times(self, records: Sequence[Mapping[str, Any]]) -> list[datetime]:
        return [time for time in map(self.field.time_of, records) if time is not None]
