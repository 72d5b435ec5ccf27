"""Validates columns of timestamps: they seldom repeat, but their days do, and so do their times of day."""

import re
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from operator import add

from logistics_core.catalogue import Field
from logistics_pipeline.loading.contract.columns import NULL, Column, ColumnValidator, Texts
from logistics_pipeline.loading.contract.dates import FIRST_DATE, LAST_DATE
from logistics_pipeline.loading.contract.record_validator import Rejection

_SHAPE = bytes.maketrans(b"012345678", b"9" * 9)
_ISO = re.compile(rb"9999-99-99[T ]99:99(?::99(?:\.9{1,6})?)?(?P<zone>Z|[+-]99:99)?")
_PLAIN_SHAPES = {b"9999-99-99 99:99:99", b"9999-99-99T99:99:99"}
_UTC_SHAPES = {shape + b"Z" for shape in _PLAIN_SHAPES}
_OFFSET_SHAPES = {shape + sign + b"99:99" for shape in _PLAIN_SHAPES for sign in (b"+", b"-")}
_MINUTE_AT, _SECOND_AT, _ZONE_AT = 14, 17, 19
_MINUTE_AND_SECOND = re.compile(":[0-5][0-9]:[0-5][0-9]", re.ASCII)


class TimestampColumn(ColumnValidator):
    """ISO 8601 is read all at once; for any other form, the reference reads each day and each time of day once."""

    _MAX_KNOWN = 10_000

    def __init__(self, field: Field, validate: Callable[[object], str | Rejection | None]) -> None:
        super().__init__(field)
        self._validate = validate
        self._is_zoned = field.has_time_zone
        self._takes_iso = field.format in (None, "default")
        self._simple_shapes = _UTC_SHAPES | _OFFSET_SHAPES if field.has_time_zone else _PLAIN_SHAPES
        self._days: dict[str, str] = {}
        """COPY text of the days seen so far."""
        self._times: dict[str, str] = {}
        """The same of times of day."""
        self._hours: dict[str, str] = {}
        """Day and hour in UTC, by the same with an offset."""
        self._hours_alike: dict[str, dict[str, str]] = {}
        """The same, by day and hour, by the offset that follows them; without one, the day and hour themselves."""
        self._rests: dict[str, str] = {}
        """COPY text of minutes and seconds, and UTC."""
        self._known: dict[object, str | None] = {}
        """The same of whole texts; None for what the reference must reject."""

    def encode(self, column: Column) -> tuple[Texts, Collection[int]]:
        quick = self._read_quickly(column) if self._takes_iso else None
        if quick is not None:
            return quick, ()
        for known in (self._days, self._times, self._known):
            if len(known) > self._MAX_KNOWN:
                known.clear()
        texts = list(map(self._read, column))
        if None not in texts:
            return texts, ()  # type: ignore[return-value]  # without None
        irregular = [index for index, text in enumerate(texts) if text is None]
        return [text or "" for text in texts], irregular

    def _read_quickly(self, column: Column) -> Sequence[str] | None:
        """Reads a column of nothing but ISO 8601 in its plainest forms, and of nulls; None if it is not that."""
        try:
            texts = self._read_iso(column)  # type: ignore[arg-type]  # anything but text raises
        except TypeError:
            texts = None
        if texts is not None or self._required or not set(map(type, column)) <= {str, type(None)}:
            return texts
        filled: list[str] = [value for value in column if value]  # type: ignore[misc]  # these are texts
        if not filled:
            return [NULL] * len(column)
        texts = self._read_iso(filled) if len(filled) < len(column) else None
        if texts is None:
            return None
        following = iter(texts)
        return [next(following) if value else NULL for value in column]

    def _read_iso(self, column: Sequence[str]) -> Sequence[str] | None:
        joined = "\n".join(column)
        if not joined.isascii():
            return None
        return self._read_alike(column, joined) or self._read_shapes(column, joined)

    def _read_shapes(self, column: Sequence[str], joined: str) -> Sequence[str] | None:
        shapes = joined.encode().translate(_SHAPE).split(b"\n")
        if len(shapes) != len(column):
            return None
        distinct = set(shapes)
        if self._is_zoned and distinct <= _OFFSET_SHAPES and (texts := self._read_offsets(column)) is not None:
            return texts
        for shape in distinct:
            match = _ISO.fullmatch(shape)
            if match is None or (match["zone"] is not None) != self._is_zoned:
                return None
        try:
            moments = list(map(datetime.fromisoformat, column))
            if self._is_zoned and not distinct <= _UTC_SHAPES:
                moments = [moment.astimezone(UTC) for moment in moments]
        except (ValueError, OverflowError):
            return None
        if min(moments).date() <= FIRST_DATE or max(moments).date() >= LAST_DATE:
            return None
        if distinct <= (_UTC_SHAPES if self._is_zoned else _PLAIN_SHAPES):  # all but stored as they are written
            return joined.replace("T", " ").replace("Z", "+00:00").split("\n")
        return [moment.isoformat(" ") for moment in moments]

    def _read_alike(self, column: Sequence[str], joined: str) -> Sequence[str] | None:
        """Reads times of one shape and one offset: days with hours repeat, minutes and seconds stay as they are."""
        data, width = f"{joined}\n".encode(), len(column[0]) + 1
        shape = column[0].encode().translate(_SHAPE)
        if shape not in self._simple_shapes or data.translate(_SHAPE) != (shape + b"\n") * len(column):
            return None
        zone = column[0][_ZONE_AT:]
        are_alike = all(
            data[_ZONE_AT + at :: width] == data[_ZONE_AT + at : _ZONE_AT + at + 1] * len(column)
            for at in range(len(zone))
        )
        if not are_alike or data[_MINUTE_AT::width].strip(b"012345") or data[_SECOND_AT::width].strip(b"012345"):
            return None
        if len(self._hours_alike) > self._MAX_KNOWN or len(self._hours_alike.get(zone, ())) > self._MAX_KNOWN:
            self._hours_alike.clear()
        hours = self._hours_alike.setdefault(zone, {})
        for hour in {value[:13] for value in column}.difference(hours):
            if (text := _utc_hour(hour + (zone if len(zone) > 1 else "+00:00"))) is None:
                return None
            hours[hour] = text
        if len(zone) > 1:
            return [f"{hours[value[:13]]}{value[13:_ZONE_AT]}+00:00" for value in column]
        return joined.replace("T", " ").replace("Z", "+00:00").split("\n") if zone or "T" in joined else column

    def _read_offsets(self, column: Sequence[str]) -> Sequence[str] | None:
        """Reads times with an offset of whole hours: minutes and seconds stay as they are, hours repeat."""
        hours, rests = self._hours, self._rests
        for known in (hours, rests):
            if len(known) > self._MAX_KNOWN:
                known.clear()
        written_hours = [value[:13] + value[19:] for value in column]
        written_rests = [value[13:19] for value in column]
        for hour in set(written_hours).difference(hours):
            if (text := _utc_hour(hour)) is None:
                return None
            hours[hour] = text
        for rest in set(written_rests).difference(rests):
            if not _MINUTE_AND_SECOND.fullmatch(rest):
                return None
            rests[rest] = f"{rest}+00:00"
        found_hours, found_rests = map(hours.__getitem__, written_hours), map(rests.__getitem__, written_rests)
        return list(map(add, found_hours, found_rests))

    def _read(self, value: object) -> str | None:
        """The COPY text of a value; None if the reference must see it."""
        if not isinstance(value, str):
            return NULL if value is None and not self._required else None
        if not self._is_zoned:
            day, clock = _split(value)
            found_day, found_time = self._days.get(day), self._times.get(clock)
            if found_day is not None and found_time is not None:
                return f"{found_day} {found_time}"
        return self._learn(value)

    def _learn(self, value: str) -> str | None:
        if value in self._known:
            return self._known[value]
        text = self._validate(value)
        if isinstance(text, Rejection):
            self._known[value] = None
            return None
        if text is None:
            self._known[value] = NULL
            return NULL
        day, clock = _split(value)
        if self._is_zoned or not _CLOCK.fullmatch(clock):
            self._known[value] = text
        else:
            self._days[day], _, self._times[clock] = text.partition(" ")
        return text


def _utc_hour(hour: str) -> str | None:
    """Day and hour in UTC of such as `2024-03-05T14+02:00`; None if it is not that simple."""
    if not hour.endswith(":00"):
        return None
    try:
        moment = datetime.fromisoformat(f"{hour[:13]}:00:00{hour[13:]}").astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return f"{moment:%Y-%m-%d %H}" if FIRST_DATE < moment.date() < LAST_DATE else None


_CLOCK = re.compile(r"(?!24)[0-9]{1,2}:[0-9:.,]+(?: [ap]\.?m\.?)?", re.ASCII | re.IGNORECASE)
"""A time of day, and nothing of the day. 24:00 is of the day after."""


def _split(text: str) -> tuple[str, str]:
    """A text's last part, which may be a time of day, and what is before it."""
    day, _, clock = text.rpartition(" ")
    if clock[:1] in ("a", "A", "p", "P"):
        day, _, hour = day.rpartition(" ")
        clock = f"{hour} {clock}"
    return day, clock
